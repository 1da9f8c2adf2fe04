import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { Button, Card, Form, FormActions, FormBanner, TextArea, TextField, textOf, toast } from "@/ui";
import { UPDATE_INTEGRATION } from "../updateIntegration";
import type { SettingsPartProps } from "./Settings";

/** What an integration is called, and what it is for. */
export function GeneralForm({ settings, mayWrite }: SettingsPartProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const form = useMutationForm(UPDATE_INTEGRATION, {
    payload: (data) => data.updateIntegration,
    fields: ["name", "description"],
    onDone: () => toast(t("saved")),
  });
  return (
    <Card title={t("settings.about")}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) =>
          void form.submit({
            integrationId: settings.id,
            name: textOf(data, "name"),
            description: textOf(data, "description").trim() || null,
          })
        }
      >
        <FormBanner form={form} />
        <TextField name="name" label={t("settings.name")} defaultValue={settings.name} maxLength={100} isReadOnly={!mayWrite} isRequired />
        <TextArea
          name="description"
          label={t("settings.description")}
          description={t("settings.descriptionHelp")}
          defaultValue={settings.description ?? ""}
          maxLength={2_000}
          isReadOnly={!mayWrite}
          isOptional
        />
        {mayWrite && (
          <FormActions>
            <Button type="submit" kind="primary" isPending={form.isBusy}>
              {t("common:save")}
            </Button>
          </FormActions>
        )}
      </Form>
    </Card>
  );
}
