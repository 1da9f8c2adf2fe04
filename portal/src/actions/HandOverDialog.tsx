import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import type { ResponsibleParty } from "@/api/generated/schema";
import { Dialog, toast } from "@/ui";
import { NoteForm } from "./NoteForm";

const HAND_OVER = graphql(`
  mutation HandOverFailureGroup($input: HandOverFailureGroupInput!) {
    handOverFailureGroup(input: $input) {
      failureGroup {
        id
        status
        responsibleParty
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface HandOverDialogProps {
  groupId: string;
  /** Who acts then. */
  to: string;
  title: string;
  explanation: string;
  onClose: () => void;
  onDone: () => void;
}

/** Gives a group to who acts next, with what they need to know. */
export default function HandOverDialog({ groupId, to, title, explanation, onClose, onDone }: HandOverDialogProps) {
  const { t } = useTranslation("actions");
  const form = useMutationForm(HAND_OVER, {
    payload: (data) => data.handOverFailureGroup,
    fields: ["note"],
    onDone: () => {
      toast(t("handOver.done"));
      onDone();
    },
  });
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      <NoteForm
        form={form}
        name="note"
        label={t("handOver.note")}
        description={t("handOver.noteHelp")}
        isRequired
        lengthMax={4_000}
        action={title}
        onSubmit={(note) => void form.submit({ groupId, to: to as ResponsibleParty, note })}
        onClose={onClose}
      >
        <p>{explanation}</p>
      </NoteForm>
    </Dialog>
  );
}
