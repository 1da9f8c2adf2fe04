import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, TextField, textOf, toast } from "@/ui";
import { PAUSE } from "./operate";

interface PauseDialogProps {
  integrationId: string;
  isOpen: boolean;
  onClose: () => void;
}

/** Pauses an integration, and says why. */
export function PauseDialog({ integrationId, isOpen, onClose }: PauseDialogProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const form = useMutationForm(PAUSE, {
    payload: (data) => data.pauseIntegration,
    fields: ["reason"],
    onDone: () => {
      toast(t("pause.done"));
      onClose();
    },
  });
  return (
    <Dialog title={t("pause.title")} isOpen={isOpen} onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) => void form.submit({ integrationId, reason: textOf(data, "reason").trim() || null })}
      >
        <p>{t("pause.help")}</p>
        <FormBanner form={form} />
        <TextField name="reason" label={t("pause.reason")} description={t("pause.reasonHelp")} maxLength={500} isOptional />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("pause.action")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
