import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, Select, toast } from "@/ui";
import { ROTATE_WEBHOOK_URL } from "./systemMutations";

const overlaps = [0, 1, 24, 168] as const;

/** Another webhook URL; the one before is good for a while, so that no event is lost. */
export function RotateUrlDialog({ systemId, onClose }: { systemId: string; onClose: () => void }) {
  const { t } = useTranslation(["systems", "common"]);
  const [hours, setHours] = useState(24);
  const form = useMutationForm(ROTATE_WEBHOOK_URL, {
    payload: (data) => data.rotateWebhookUrl,
    fields: ["overlapHours"],
    onDone: () => {
      toast(t("webhook.rotated"), "success");
      onClose();
    },
  });
  return (
    <Dialog title={t("webhook.rotateTitle")} isOpen onClose={onClose}>
      <Form errors={form.fieldErrors} onSubmit={() => void form.submit({ systemId, overlapHours: hours })}>
        <p>{t("webhook.rotateHelp")}</p>
        <FormBanner form={form} />
        <Select
          name="overlapHours"
          label={t("webhook.overlap")}
          options={overlaps.map((each) => ({ id: String(each), label: t(`webhook.overlap${each}`) }))}
          value={String(hours)}
          onChange={(key) => setHours(Number(key))}
        />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("webhook.rotate")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
