import { useState } from "react";
import { useTranslation } from "react-i18next";
import "./runbookDetail";
import { graphql, useMutationForm } from "@/api";
import { Button, Card, Form, FormActions, FormBanner, MarkdownField, TextField, textOf, toast } from "@/ui";
import { ReviewIntervalField } from "./ReviewIntervalField";
import { TITLE_CHARS_MAX, type RunbookDetail } from "./runbookDetail";

const UPDATE = graphql(`
  mutation UpdateRunbook($input: UpdateRunbookInput!) {
    updateRunbook(input: $input) {
      runbook {
        ...RunbookDetail
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface RunbookEditorProps {
  runbook: RunbookDetail;
  onDone: () => void;
  onCancel: () => void;
}

/** Changes a runbook; what it is about stays. */
export function RunbookEditor({ runbook, onDone, onCancel }: RunbookEditorProps) {
  const { t } = useTranslation("runbooks");
  // Of the version that was there when one began: somebody else's change is not written over.
  const [version] = useState(runbook.version);
  const [body, setBody] = useState(runbook.body);
  const [days, setDays] = useState(runbook.reviewIntervalDays ?? Number.NaN);
  const form = useMutationForm(UPDATE, {
    payload: (data) => data.updateRunbook,
    fields: ["title", "body", "reviewIntervalDays"],
    onDone: () => {
      toast(t("edit.done"));
      onDone();
    },
    context: { additionalTypenames: ["RunbookVersion"] },
  });
  return (
    <Card>
      <Form
        errors={form.fieldErrors}
        onSubmit={(input) =>
          void form.submit({
            runbookId: runbook.id,
            version,
            title: textOf(input, "title"),
            body,
            reviewIntervalDays: Number.isNaN(days) ? null : days,
          })
        }
      >
        <TextField name="title" label={t("field.title")} defaultValue={runbook.title} isRequired maxLength={TITLE_CHARS_MAX} />
        <MarkdownField name="body" label={t("field.body")} description={t("field.bodyHelp")} value={body} onChange={setBody} rows={22} level={2} isRequired />
        <ReviewIntervalField value={days} onChange={setDays} />
        <FormBanner form={form} />
        <FormActions>
          <Button onPress={onCancel}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Card>
  );
}
