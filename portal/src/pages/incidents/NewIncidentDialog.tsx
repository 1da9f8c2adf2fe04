import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useQuery } from "urql";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, Select, TagField, TextArea, TextField, textOf } from "@/ui";
import type { IncidentFault, IncidentSeverity } from "@/api/generated/schema";
import { faults, severities, TEXT_CHARS_MAX } from "./options";

const CREATE = graphql(`
  mutation CreateIncident($input: CreateIncidentInput!) {
    createIncident(input: $input) {
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

const SYSTEMS = graphql(`
  query SystemsOfIncident($search: String) {
    systems(filter: { search: $search }, orderBy: { field: NAME, direction: ASC }, first: 20) {
      edges {
        node {
          id
          name
          tenant {
            id
            name
          }
        }
      }
    }
  }
`);

/** Says that there is an incident, at a host or with systems. */
export function NewIncidentDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("incidents");
  const navigate = useNavigate();
  const [systemIds, setSystemIds] = useState<string[]>([]);
  const [search, setSearch] = useState("");
  const [names, setNames] = useState<Record<string, string>>({});
  const [{ data }] = useQuery({ query: SYSTEMS, variables: { search: search || null } });
  const form = useMutationForm(CREATE, {
    payload: (answer) => answer.createIncident,
    fields: ["title", "host", "systemIds", "fault", "severity", "publicMessage", "commander"],
    onDone: ({ incident }) => {
      if (incident) void navigate(`/incidents/${incident.id}`);
    },
  });
  const found = data?.systems.edges.map(({ node }) => ({ id: node.id, label: `${node.name} · ${node.tenant.name}` })) ?? [];
  const chosen = systemIds.filter((id) => !found.some((each) => each.id === id)).map((id) => ({ id, label: names[id] ?? id }));
  return (
    <Dialog title={t("new.title")} isOpen onClose={onClose} kind="sheet">
      <p>{t("new.help")}</p>
      <Form
        errors={form.fieldErrors}
        onSubmit={(input) =>
          void form.submit({
            title: textOf(input, "title"),
            host: textOf(input, "host").trim() || null,
            systemIds,
            fault: textOf(input, "fault") as IncidentFault,
            severity: textOf(input, "severity") as IncidentSeverity,
            publicMessage: textOf(input, "publicMessage").trim() || null,
            commander: textOf(input, "commander").trim() || null,
          })
        }
      >
        <TextField name="title" label={t("field.title")} description={t("field.titleHelp")} isRequired maxLength={200} />
        <TextField name="host" label={t("host")} description={t("field.hostHelp")} isOptional isCode placeholder="api.example.com" />
        <TagField
          name="systemIds"
          label={t("field.systems")}
          description={t("field.systemsHelp")}
          isOptional
          value={systemIds}
          onChange={(ids) => {
            setNames((now) => ({ ...now, ...Object.fromEntries(found.map(({ id, label }) => [id, label])) }));
            setSystemIds(ids);
          }}
          options={[...found, ...chosen]}
          onSearch={setSearch}
        />
        <Select
          name="fault"
          label={t("field.fault")}
          defaultValue="UNAVAILABLE"
          options={faults.map((id) => ({ id, label: t(`fault.${id}`) }))}
        />
        <Select
          name="severity"
          label={t("severity")}
          defaultValue="MAJOR"
          options={severities.map((id) => ({ id, label: t(`common:status.severity.${id}`), description: t(`severityHelp.${id}`) }))}
        />
        <TextField name="commander" label={t("commander")} isOptional />
        <TextArea
          name="publicMessage"
          label={t("publicMessage.title")}
          description={t("publicMessage.help")}
          isOptional
          maxLength={TEXT_CHARS_MAX}
        />
        <FormBanner form={form} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("new.submit")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
