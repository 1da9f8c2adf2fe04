import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { graphql, useMutationForm } from "@/api";
import { usePermission, useTenantScope } from "@/app/session";
import { TenantField } from "@/pages/tenants/TenantField";
import { Banner, Button, ButtonLink, Card, Form, FormActions, FormBanner, NotFound, Page, Skeleton, TextArea, TextField } from "@/ui";
import { emptyStream, inputOf, ofPart, streamFields, type StreamDraft } from "./drafts";
import { scheduleOf, type ScheduleDraft } from "./schedules";
import { ScheduleFields } from "./ScheduleFields";
import { StreamFields } from "./StreamFields";
import { SystemField, type SystemChoice } from "./SystemField";
import { usePreset } from "./usePreset";
import styles from "./NewIntegration.module.css";

const CREATE_INTEGRATION = graphql(`
  mutation CreateIntegration($input: CreateIntegrationInput!) {
    createIntegration(input: $input) {
      integration {
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

/** Streams of an integration. */
const STREAMS_MAX = 50;
const NAME_CHARS_MAX = 100;
const DESCRIPTION_CHARS_MAX = 2_000;

/** Makes an integration: from where to where, what it moves, and when. `source` and `destination` of the address are chosen already. */
export default function NewIntegration() {
  const { t } = useTranslation("new-integration");
  const source = usePreset("source");
  const destination = usePreset("destination");
  if (!usePermission("integrations:write")) return <NotFound />;
  if (source === undefined || destination === undefined) {
    return (
      <Page title={t("title")}>
        <Skeleton lines={8} />
      </Page>
    );
  }
  return <NewIntegrationPage presets={{ source, destination }} />;
}

interface Presets {
  source: SystemChoice | null;
  destination: SystemChoice | null;
}

function NewIntegrationPage({ presets }: { presets: Presets }) {
  const { t } = useTranslation(["new-integration", "common"]);
  const navigate = useNavigate();
  const { tenant } = useTenantScope();
  const [tenantId, setTenantId] = useState(tenant?.id ?? presets.source?.tenant.id ?? presets.destination?.tenant.id ?? null);
  const [source, setSource] = useState(presets.source);
  const [destination, setDestination] = useState(presets.destination);
  const [streams, setStreams] = useState<StreamDraft[]>(() => [emptyStream()]);
  const [ownName, setOwnName] = useState<string | null>(null);
  const [description, setDescription] = useState("");
  const [schedule, setSchedule] = useState<ScheduleDraft>({ when: "demand", cron: "", timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  const form = useMutationForm(CREATE_INTEGRATION, {
    payload: (data) => data.createIntegration,
    fields: ["name", "description", "tenantId", "sourceId", "destinationId", "schedule.cron", "schedule.timeZone", ...streams.flatMap((_, at) => streamFields(at))],
    onDone: ({ integration }) => integration && void navigate(`/integrations/${integration.id}`),
  });

  const name = ownName ?? (source && destination ? t("nameOf", { source: source.name, destination: destination.name }) : "");
  const others = form.otherErrors.filter((error) => ofPart(error) === null);
  const wrong = Object.keys(form.fieldErrors).length + form.otherErrors.length - others.length;
  const change = (key: string, changes: Partial<StreamDraft>) =>
    setStreams((all) => all.map((each) => (each.key === key ? { ...each, ...changes } : each)));
  const create = () => {
    const owner = source?.tenant.id ?? tenantId;
    if (!source || !destination || owner === null) return;
    void form.submit({
      tenantId: owner,
      name: name.trim(),
      description: description.trim() || null,
      sourceId: source.id,
      destinationId: destination.id,
      streams: streams.map(inputOf),
      schedule: scheduleOf(schedule),
    });
  };

  return (
    <Page title={t("title")} description={t("lead")} breadcrumbs={[{ label: t("common:navigation.integrations"), to: "/integrations" }]} width="narrow">
      <Form errors={form.fieldErrors} onSubmit={create}>
        <FormBanner form={{ otherErrors: others, problem: form.problem }} />
        {wrong > 0 && <Banner tone="danger" title={t("wrong", { count: wrong })} />}
        <Card title={t("ends.title")} description={t("ends.lead")}>
          {tenant === null && (
            <TenantField
              name="tenantId"
              isRequired
              onChoose={(chosen) => {
                setTenantId(chosen?.id ?? null);
                setSource(null);
                setDestination(null);
              }}
            />
          )}
          <div className={styles.ends}>
            <SystemField key={`source ${tenantId ?? ""}`} end="source" name="sourceId" tenantId={tenantId} chosen={source} onChoose={setSource} />
            <SystemField key={`destination ${tenantId ?? ""}`} end="destination" name="destinationId" tenantId={tenantId} chosen={destination} onChoose={setDestination} />
          </div>
        </Card>
        {source && destination && (
          <>
            {streams.map((draft, at) => (
              <StreamFields
                key={`${draft.key} ${source.id} ${destination.id}`}
                at={at}
                draft={draft}
                source={source}
                destination={destination}
                fieldErrors={form.fieldErrors}
                errors={form.otherErrors}
                onChange={(changes) => change(draft.key, changes)}
                onRemove={streams.length > 1 ? () => setStreams((all) => all.filter(({ key }) => key !== draft.key)) : undefined}
              />
            ))}
            {streams.length < STREAMS_MAX && (
              <div>
                <Button icon={<Plus size={16} aria-hidden />} onPress={() => setStreams((all) => [...all, emptyStream()])}>
                  {t("stream.add")}
                </Button>
              </div>
            )}
            <Card title={t("about.title")}>
              <TextField name="name" label={t("about.name")} value={name} onChange={setOwnName} maxLength={NAME_CHARS_MAX} isRequired autoComplete="off" />
              <TextArea name="description" label={t("about.description")} value={description} onChange={setDescription} maxLength={DESCRIPTION_CHARS_MAX} rows={3} isOptional />
              <ScheduleFields value={schedule} onChange={setSchedule} />
            </Card>
          </>
        )}
        <FormActions>
          <ButtonLink to="/integrations">{t("common:cancel")}</ButtonLink>
          <Button type="submit" kind="primary" isPending={form.isBusy} isDisabled={!source || !destination}>
            {t("create")}
          </Button>
        </FormActions>
      </Form>
    </Page>
  );
}
