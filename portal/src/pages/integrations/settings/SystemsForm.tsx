import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, useMutationForm } from "@/api";
import { Button, Card, Form, FormActions, FormBanner, KeyValue, Link, Skeleton, toast } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { SystemField, type SystemChoice } from "../new/SystemField";
import { UPDATE_INTEGRATION } from "../updateIntegration";

const SYSTEMS_OF_INTEGRATION = graphql(`
  query SystemsOfIntegration($id: ID!) {
    integration(id: $id) {
      id
      source {
        ...SystemChoice
      }
      destination {
        ...SystemChoice
      }
    }
  }
`);

interface SystemsFormProps {
  integration: IntegrationOfPage;
  mayWrite: boolean;
}

/** From which system to which. */
export function SystemsForm({ integration, mayWrite }: SystemsFormProps) {
  const { t } = useTranslation("integrations");
  const [{ data }] = useQuery({ query: SYSTEMS_OF_INTEGRATION, variables: { id: integration.id } });
  const ends = data?.integration;
  return (
    <Card title={t("systems.title")} description={t("systems.lead")}>
      {!ends ? (
        <Skeleton lines={4} />
      ) : mayWrite ? (
        <Chosen integration={integration} source={ends.source} destination={ends.destination} />
      ) : (
        <KeyValue
          entries={[
            [t("facts.source"), <Link key="s" to={`/systems/${ends.source.id}`}>{ends.source.name}</Link>],
            [t("facts.destination"), <Link key="d" to={`/systems/${ends.destination.id}`}>{ends.destination.name}</Link>],
          ]}
        />
      )}
    </Card>
  );
}

interface ChosenProps {
  integration: IntegrationOfPage;
  source: SystemChoice;
  destination: SystemChoice;
}

function Chosen({ integration, ...ends }: ChosenProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const [source, setSource] = useState<SystemChoice | null>(ends.source);
  const [destination, setDestination] = useState<SystemChoice | null>(ends.destination);
  const form = useMutationForm(UPDATE_INTEGRATION, {
    payload: (data) => data.updateIntegration,
    fields: ["sourceId", "destinationId"],
    onDone: () => toast(t("saved")),
  });
  const tenantId = integration.tenant.id;
  return (
    <Form
      errors={form.fieldErrors}
      onSubmit={() =>
        source && destination && void form.submit({ integrationId: integration.id, sourceId: source.id, destinationId: destination.id })
      }
    >
      <FormBanner form={form} />
      <SystemField end="source" name="sourceId" tenantId={tenantId} chosen={source} onChoose={setSource} />
      <SystemField end="destination" name="destinationId" tenantId={tenantId} chosen={destination} onChoose={setDestination} />
      <FormActions>
        <Button type="submit" kind="primary" isPending={form.isBusy} isDisabled={!source || !destination}>
          {t("common:save")}
        </Button>
      </FormActions>
    </Form>
  );
}
