import { useTranslation } from "react-i18next";
import { NoteForm } from "@/actions/NoteForm";
import { useMutationForm } from "@/api";
import { Dialog, toast } from "@/ui";
import { noteDecisions, type NoteDecision } from "./decisions";

interface NoteDialogProps {
  decision: NoteDecision;
  groupId: string;
  onClose: () => void;
  onDone: () => void;
}

/** A decision about a group, with what one has to say about it. */
export default function NoteDialog({ decision, groupId, onClose, onDone }: NoteDialogProps) {
  const { t } = useTranslation("groups");
  const { mutation, field } = noteDecisions[decision];
  const form = useMutationForm(mutation, {
    payload: (data) => data[field] ?? { failureGroup: null, userErrors: [] },
    fields: ["note"],
    onDone: () => {
      toast(t(`decision.${decision}.done`));
      onDone();
    },
  });
  return (
    <Dialog title={t(`decision.${decision}.title`)} isOpen onClose={onClose}>
      <NoteForm
        form={form}
        name="note"
        label={t("decision.note")}
        description={t("decision.noteHelp")}
        isRequired={decision === "ignore"}
        lengthMax={4_000}
        action={t(`decision.${decision}.action`)}
        isDanger={decision === "ignore"}
        onSubmit={(note) => void form.submit({ groupId, note: note === "" ? null : note })}
        onClose={onClose}
      >
        <p>{t(`decision.${decision}.what`)}</p>
      </NoteForm>
    </Dialog>
  );
}
