import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, useMutationForm, type UserError } from "@/api";
import type { StreamInput } from "@/api/generated/schema";
import { usePermission } from "@/app/session";
import { SchemaForm } from "@/forms";
import { Card, FormBanner, Select, Skeleton, toast } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { inputOf } from "../streams";
import { UPDATE_INTEGRATION } from "../updateIntegration";
import { CursorReset } from "./CursorReset";
import type { SettingsOf, SettingsPartProps } from "./Settings";
import { streamSchema } from "./streamSchema";

const STREAM_OPTIONS = graphql(`
  query StreamOptionsOfConnectors {
    connectors {
      name
      sourceSchema
      destinationSchema
    }
  }
`);

interface StreamsFormProps extends SettingsPartProps {
  integration: IntegrationOfPage;
}

/** How each stream is read and written, and the rules that its records must keep. */
export function StreamsForm({ settings, mayWrite, integration }: StreamsFormProps) {
  const { t } = useTranslation("integrations");
  const [name, setName] = useState(settings.streams[0]?.name ?? "");
  const readsRuns = usePermission("runs:read");
  const readsSystems = usePermission("systems:read");
  const [{ data, fetching }] = useQuery({ query: STREAM_OPTIONS, pause: !readsSystems });
  const stream = settings.streams.find((each) => each.name === name);
  const connectorOf = (end: IntegrationOfPage["source"]) => data?.connectors.find((connector) => connector.name === end?.connector.name);
  return (
    <Card title={t("streamRules.title")} description={t("streamRules.lead")}>
      {settings.streams.length > 1 && (
        <Select
          label={t("backfills.stream")}
          options={settings.streams.map((each) => ({ id: each.name, label: each.name }))}
          value={name}
          onChange={(key) => setName(String(key))}
        />
      )}
      {readsRuns && stream?.mode === "INCREMENTAL" && (
        <CursorReset key={name} integrationId={settings.id} stream={name} mayWrite={mayWrite} />
      )}
      {fetching ? (
        <Skeleton lines={8} />
      ) : (
        stream && (
          <StreamForm
            key={name}
            settings={settings}
            stream={stream}
            mayWrite={mayWrite}
            source={connectorOf(integration.source)?.sourceSchema ?? undefined}
            destination={connectorOf(integration.destination)?.destinationSchema ?? undefined}
          />
        )
      )}
    </Card>
  );
}

interface StreamFormProps extends SettingsPartProps {
  stream: SettingsOf["streams"][number];
  source: unknown;
  destination: unknown;
}

function StreamForm({ settings, stream, mayWrite, source, destination }: StreamFormProps) {
  const { t } = useTranslation("integrations");
  const at = settings.streams.indexOf(stream);
  const own = ["streams", String(at)];
  const form = useMutationForm(UPDATE_INTEGRATION, {
    payload: (data) => data.updateIntegration,
    onDone: () => toast(t("saved")),
  });
  const isOwn = ({ field }: UserError) => own.every((part, index) => field?.[index] === part);
  const [schema] = useState(() => streamSchema(t, { source, destination, streams: settings.streams.map(({ name }) => name) }));
  const [value] = useState(() => inputOf(stream));
  return (
    <>
      <FormBanner form={{ problem: form.problem, otherErrors: form.otherErrors.filter((error) => !isOwn(error)) }} />
      <SchemaForm
        schema={schema}
        value={value}
        isBusy={form.isBusy}
        isDisabled={!mayWrite}
        errors={form.otherErrors.filter(isOwn).map(({ field, message }) => ({ path: (field ?? []).slice(own.length), message }))}
        onSubmit={(entered) => {
          // What the form does not have stays; what was emptied is left out, which is the default.
          const { name, mapping, source: from, destination: to } = inputOf(stream);
          const kept = { name, mapping, source: from, destination: to } as StreamInput;
          const changed: StreamInput = { ...kept, ...(entered as Partial<StreamInput>) };
          void form.submit({
            integrationId: settings.id,
            streams: settings.streams.map((each) => (each.name === stream.name ? changed : inputOf(each))),
          });
        }}
      />
    </>
  );
}
