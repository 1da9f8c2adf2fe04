import { useTranslation } from "react-i18next";
import "./incidentDetail";
import { graphql, useMutationForm } from "@/api";
import type { IncidentSeverity, IncidentStatus } from "@/api/generated/schema";
import { Button, Dialog, Form, FormActions, FormBanner, Select, TextField, textOf, toast } from "@/ui";
import type { IncidentDetail } from "./incidentDetail";
import { severities, statuses } from "./options";

const UPDATE = graphql(`
  mutation UpdateIncident($input: UpdateIncidentInput!) {
    updateIncident(input: $input) {
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

/** How far an incident is, how bad, and who leads. That it is over is said elsewhere. */
export function IncidentDialog({ incident, onClose }: { incident: IncidentDetail; onClose: () => void }) {
  const { t } = useTranslation("incidents");
  const form = useMutationForm(UPDATE, {
    payload: (data) => data.updateIncident,
    fields: ["title", "status", "severity", "commander"],
    onDone: () => {
      toast(t("edit.done"));
      onClose();
    },
  });
  return (
    <Dialog title={t("edit.title")} isOpen onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(input) =>
          void form.submit({
            incidentId: incident.id,
            title: textOf(input, "title"),
            status: textOf(input, "status") as IncidentStatus,
            severity: textOf(input, "severity") as IncidentSeverity,
            commander: textOf(input, "commander").trim() || null,
          })
        }
      >
        <TextField
          name="title"
          label={t("field.title")}
          description={t("field.titleHelp")}
          defaultValue={incident.title}
          isRequired
          maxLength={200}
        />
        <Select
          name="status"
          label={t("status")}
          defaultValue={incident.status}
          options={statuses
            .filter((id) => id !== "RESOLVED")
            .map((id) => ({ id, label: t(`common:status.incident.${id}`), description: t(`statusHelp.${id}`) }))}
        />
        <Select
          name="severity"
          label={t("severity")}
          defaultValue={incident.severity ?? "MAJOR"}
          options={severities.map((id) => ({ id, label: t(`common:status.severity.${id}`), description: t(`severityHelp.${id}`) }))}
        />
        <TextField name="commander" label={t("commander")} isOptional defaultValue={incident.commander ?? ""} />
        <FormBanner form={form} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
