import { ArrowDownToLine, ArrowUpFromLine } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/ui";
import styles from "./Connectors.module.css";

/** What a connector can do. */
export function ConnectorEnds({ isSource, isDestination }: { isSource: boolean; isDestination: boolean }) {
  const { t } = useTranslation("connectors");
  return (
    <span className={styles.ends}>
      {isSource && <Badge icon={<ArrowDownToLine size={13} aria-hidden />}>{t("reads")}</Badge>}
      {isDestination && <Badge icon={<ArrowUpFromLine size={13} aria-hidden />}>{t("writes")}</Badge>}
    </span>
  );
}
