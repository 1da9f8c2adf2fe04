import { ExternalLink } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { CopyButton, Dialog, FormBanner, KeyValue, Link, Skeleton, Time } from "@/ui";
import styles from "./ConnectDialog.module.css";

const CREATE_CONNECT_LINK = graphql(`
  mutation ActionCreateConnectLink($input: CreateConnectLinkInput!) {
    createConnectLink(input: $input) {
      url
      expiresAt
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface ConnectDialogProps {
  systemId: string;
  title: string;
  onClose: () => void;
}

/** A link by which access to a system is given again: for oneself, or for a colleague who has the account there. */
export default function ConnectDialog({ systemId, title, onClose }: ConnectDialogProps) {
  const { t } = useTranslation("actions");
  const [link, setLink] = useState<{ url: string; expiresAt: string | null } | null>(null);
  const form = useMutationForm(CREATE_CONNECT_LINK, {
    payload: (data) => data.createConnectLink,
    onDone: ({ url, expiresAt }) => {
      if (url !== null) setLink({ url, expiresAt });
    },
  });
  const { submit } = form;
  useEffect(() => {
    void submit({ systemId, expiresInMinutes: 1_440 });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- one link for each time that it is opened
  }, [systemId]);
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      <FormBanner form={form} />
      {form.isBusy && <Skeleton lines={2} />}
      {link && (
        <div className={styles.link}>
          <p>{t("connect.lead")}</p>
          <p className={styles.open}>
            <ExternalLink size={16} aria-hidden />
            <Link href={link.url}>{t("connect.open")}</Link>
          </p>
          <p className={styles.share}>
            {t("connect.share")} <CopyButton text={link.url} label={t("connect.copy")} />
          </p>
          <KeyValue entries={[[t("connect.until"), link.expiresAt !== null && <Time key="until" at={link.expiresAt} as="absolute" />]]} />
        </div>
      )}
    </Dialog>
  );
}
