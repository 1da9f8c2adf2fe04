import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { MutationForm } from "@/api";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { FormActions } from "./Form";
import { FormBanner } from "./FormBanner";

export interface ConfirmDialogProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  /** The words of the button: what it does, not "OK". */
  action: string;
  onConfirm: () => void;
  /** It takes something away. */
  isDanger?: boolean;
  /** The mutation that it sends: shows that it is under way, and what is wrong. */
  form?: Pick<MutationForm<unknown, unknown>, "isBusy" | "otherErrors" | "problem">;
  /** What will happen. */
  children: ReactNode;
}

/** Asks whether something is to be done. Whoever opens it closes it once it was done. */
export function ConfirmDialog({ title, isOpen, onClose, action, onConfirm, isDanger = false, form, children }: ConfirmDialogProps) {
  const { t } = useTranslation("common");
  return (
    <Dialog title={title} isOpen={isOpen} onClose={onClose} isAlert>
      <div>{children}</div>
      {form && <FormBanner form={form} />}
      <FormActions>
        <Button onPress={onClose}>{t("cancel")}</Button>
        <Button kind={isDanger ? "danger" : "primary"} isPending={form?.isBusy ?? false} onPress={onConfirm}>
          {action}
        </Button>
      </FormActions>
    </Dialog>
  );
}
