import { X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button as AriaButton } from "react-aria-components/Button";
import { Dialog as AriaDialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";
import styles from "./Dialog.module.css";

export interface DialogProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  /** `sheet` comes from the side: more room, and the page stays in sight. */
  kind?: "dialog" | "sheet";
  /** `wide` for editors and comparisons. */
  width?: "normal" | "wide";
  /** It asks before something happens that can't be taken back. */
  isAlert?: boolean;
  children: ReactNode;
}

/** Something to do or read before going on. It holds the focus, and gives it back. */
export function Dialog({ title, isOpen, onClose, kind = "dialog", width = "normal", isAlert = false, children }: DialogProps) {
  const { t } = useTranslation("common");
  return (
    <ModalOverlay
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable={!isAlert}
      className={styles.overlay ?? ""}
      data-kind={kind}
    >
      <Modal className={styles.modal ?? ""} data-kind={kind} data-width={width}>
        <AriaDialog role={isAlert ? "alertdialog" : "dialog"} className={styles.dialog ?? ""}>
          <header className={styles.header}>
            <Heading slot="title" level={2}>
              {title}
            </Heading>
            <AriaButton className={styles.close ?? ""} aria-label={t("close")} onPress={onClose}>
              <X size={18} aria-hidden />
            </AriaButton>
          </header>
          <div className={styles.body}>{children}</div>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
