import { useTranslation } from "react-i18next";
import "./incidentDetail";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, TextArea, textOf, toast } from "@/ui";
import { TEXT_CHARS_MAX } from "./options";

const RESOLVE = graphql(`
  mutation ResolveIncident($input: ResolveIncidentInput!) {
    resolveIncident(input: $input) {
      incident {
        ...IncidentDetail
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Says that an incident is over. */
export function ResolveDialog({ incidentId, onClose }: { incidentId: string; onClose: () => void }) {
  const { t } = useTranslation("incidents");
  const form = useMutationForm(RESOLVE, {
    payload: (data) => data.resolveIncident,
    fields: ["note"],
    onDone: () => {
      toast(t("resolve.done"));
      onClose();
    },
  });
  return (
    <Dialog title={t("resolve.title")} isOpen onClose={onClose} isAlert>
      <p>{t("resolve.help")}</p>
      <Form
        errors={form.fieldErrors}
        onSubmit={(input) => void form.submit({ incidentId, note: textOf(input, "note").trim() || null })}
      >
        <TextArea name="note" label={t("resolve.note")} description={t("resolve.noteHelp")} isOptional maxLength={TEXT_CHARS_MAX} />
        <FormBanner form={form} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("resolve.action")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
