import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Checkbox, Form, FormActions, FormBanner, TextArea, toast } from "@/ui";
import { TEXT_CHARS_MAX } from "./options";

const ADD_NOTE = graphql(`
  mutation AddIncidentNote($input: AddIncidentNoteInput!) {
    addIncidentNote(input: $input) {
      incident {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Says something about an incident, to staff or to everybody who is hit. */
export function NoteForm({ incidentId }: { incidentId: string }) {
  const { t } = useTranslation("incidents");
  const [text, setText] = useState("");
  const [isPublic, setIsPublic] = useState(false);
  const form = useMutationForm(ADD_NOTE, {
    payload: (data) => data.addIncidentNote,
    fields: ["text"],
    onDone: () => {
      toast(t("note.done"));
      setText("");
      setIsPublic(false);
    },
  });
  return (
    <Form aria-label={t("note.title")} errors={form.fieldErrors} onSubmit={() => void form.submit({ incidentId, text, isPublic })}>
      <TextArea name="text" label={t("note.title")} value={text} onChange={setText} isRequired rows={2} maxLength={TEXT_CHARS_MAX} />
      <Checkbox isSelected={isPublic} onChange={setIsPublic} description={isPublic ? t("note.publicHelp") : undefined}>
        {t("note.public")}
      </Checkbox>
      <FormBanner form={form} />
      <FormActions>
        <Button type="submit" isPending={form.isBusy} isDisabled={text.trim() === ""}>
          {t("note.submit")}
        </Button>
      </FormActions>
    </Form>
  );
}
