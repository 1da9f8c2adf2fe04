import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Banner } from "./Banner";
import { Button } from "./Button";
import { Code } from "./Code";
import { Dialog } from "./Dialog";
import { FormActions } from "./Form";

export interface SecretDialogProps {
  title: string;
  /** Null: it is not open. */
  secret: string | null;
  /** What it is, read aloud. */
  label: string;
  /** What it is for. */
  children?: ReactNode;
  onClose: () => void;
}

/** A secret that is shown once. It stays until one says that one has it. */
export function SecretDialog({ title, secret, label, children, onClose }: SecretDialogProps) {
  const { t } = useTranslation("common");
  return (
    <Dialog title={title} isOpen={secret !== null} onClose={onClose} isAlert>
      <Banner tone="warning">{t("secret.once")}</Banner>
      {children != null && <div>{children}</div>}
      <Code isBlock label={label}>
        {secret ?? ""}
      </Code>
      <FormActions>
        <Button kind="primary" onPress={onClose}>
          {t("secret.kept")}
        </Button>
      </FormActions>
    </Dialog>
  );
}
