import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import type { ResponsibleParty } from "@/api/generated/schema";
import { Dialog, Select, toast } from "@/ui";
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
  /** Who acts then; of several one is chosen. */
  to: readonly ResponsibleParty[];
  title: string;
  explanation?: string;
  onClose: () => void;
  onDone: () => void;
}

/** Gives a group to who acts next, with what they need to know. */
export default function HandOverDialog({ groupId, to, title, explanation, onClose, onDone }: HandOverDialogProps) {
  const { t } = useTranslation("actions");
  const [party, setParty] = useState(to[0]);
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
        onSubmit={(note) => party && void form.submit({ groupId, to: party, note })}
        onClose={onClose}
      >
        {explanation !== undefined && <p>{explanation}</p>}
        {to.length > 1 && (
          <Select
            label={t("handOver.to")}
            options={to.map((each) => ({ id: each, label: t(`handOver.party.${each}`) }))}
            value={party ?? null}
            onChange={(key) => setParty(to.find((each) => each === key))}
          />
        )}
      </NoteForm>
    </Dialog>
  );
}
