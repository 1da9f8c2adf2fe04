import { useState } from "react";
import { useTranslation } from "react-i18next";
import { NoteForm } from "@/actions/NoteForm";
import { graphql, useMutationForm } from "@/api";
import { Dialog, Select, toast } from "@/ui";

const REVEAL_RECORD = graphql(`
  mutation RevealRecord($input: RevealRecordInput!) {
    revealRecord(input: $input) {
      reveal {
        expiresAt
        failure {
          id
          record
        }
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const lengths = [5, 15, 30, 60];

/** Opens a customer's record to somebody of the staff, for minutes and for a reason that the customer reads. */
export default function RevealDialog({ failureId, tenant, onClose }: { failureId: string; tenant: string; onClose: () => void }) {
  const { t } = useTranslation("failures");
  const [minutes, setMinutes] = useState(15);
  const form = useMutationForm(REVEAL_RECORD, {
    payload: (answer) => answer.revealRecord,
    fields: ["reason", "minutes"],
    onDone: () => {
      toast(t("reveal.done"));
      onClose();
    },
  });
  return (
    <Dialog title={t("reveal.title")} isOpen onClose={onClose}>
      <NoteForm
        form={form}
        name="reason"
        label={t("reveal.reason")}
        description={t("reveal.reasonHelp", { tenant })}
        isRequired
        lengthMax={500}
        action={t("reveal.action")}
        onSubmit={(reason) => void form.submit({ failureId, reason, minutes })}
        onClose={onClose}
      >
        <p>{t("reveal.lead", { tenant })}</p>
        <Select
          label={t("reveal.minutes")}
          options={lengths.map((count) => ({ id: String(count), label: t("reveal.minute", { count }) }))}
          value={String(minutes)}
          onChange={(key) => setMinutes(Number(key))}
        />
      </NoteForm>
    </Dialog>
  );
}
