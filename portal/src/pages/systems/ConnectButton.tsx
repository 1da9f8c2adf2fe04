import { Link2, Share2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, FormBanner } from "@/ui";
import styles from "./Systems.module.css";
import { useConnect } from "./useConnect";

const ConnectDialog = lazy(() => import("@/actions/ConnectDialog"));

interface ConnectButtonProps {
  system: { id: string; name: string; authorization: { status: string } | null };
  /** Where one comes back to. */
  path: string;
  /** It is what one came for. */
  isPrimary?: boolean;
}

/** Gives access to a system: oneself, or by a link for who has the account there. */
export function ConnectButton({ system, path, isPrimary = false }: ConnectButtonProps) {
  const { t } = useTranslation("systems");
  const connect = useConnect(system.id, path);
  const [isShared, setIsShared] = useState(false);
  return (
    <div className={styles.stack}>
      <FormBanner form={connect} />
      <div className={styles.row}>
        <Button kind={isPrimary ? "primary" : "secondary"} icon={<Link2 size={16} aria-hidden />} isPending={connect.isBusy} onPress={connect.connect}>
          {t(system.authorization?.status === "NOT_CONNECTED" ? "connect.now" : "connect.again")}
        </Button>
        <Button icon={<Share2 size={16} aria-hidden />} onPress={() => setIsShared(true)}>
          {t("connect.share")}
        </Button>
      </div>
      {isShared && (
        <Suspense>
          <ConnectDialog systemId={system.id} title={t("connect.shareTitle", { name: system.name })} onClose={() => setIsShared(false)} />
        </Suspense>
      )}
    </div>
  );
}
