import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, useMutationForm } from "@/api";
import { SchemaForm } from "@/forms";
import { Banner, Button, ErrorState, FormBanner, Skeleton, toast } from "@/ui";
import type { FailureOfPage } from "./failureOfPage";
import { JsonForm } from "./JsonForm";
import { recordForm, withEmptyKept } from "./recordForm";
import { errorsElsewhere, pointerParts, recordRows } from "./recordRows";

const STREAMS_OF_RECORD = graphql(`
  query StreamsOfRecord($integrationId: ID!) {
    integration(id: $integrationId) {
      id
      streams {
        name
        mapping
        recordSchema
        schema {
          fields {
            name
            types
          }
        }
      }
    }
  }
`);

const EDIT_AND_RETRY = graphql(`
  mutation EditAndRetryFailure($input: EditAndRetryFailureInput!) {
    editAndRetryFailure(input: $input) {
      retry {
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

interface RecordFormProps {
  failure: FailureOfPage;
  onCancel: () => void;
  onRetryStarted: (retryId: string) => void;
}

// What of a record may be missing is no question here: it is corrected, not made.
const unmarked = { "ui:globalOptions": { marksOptional: false } };

interface Found {
  path: string[];
  message: string;
}

/** The record, to be corrected and tried: what is wrong stands at its fields, and what would fail again is told at once. */
export function RecordForm({ failure, onCancel, onRetryStarted }: RecordFormProps) {
  const { t } = useTranslation(["failures", "common"]);
  const { record } = failure;
  const [{ data, error }, execute] = useQuery({ query: STREAMS_OF_RECORD, variables: { integrationId: failure.integration.id } });
  const [isJson, setIsJson] = useState(typeof record !== "object" || Array.isArray(record));
  const [draft, setDraft] = useState<{ value: unknown; version: number }>({ value: record, version: 0 });
  // The form keeps what it was given; `draft` follows it, for the other view.
  const [current, setCurrent] = useState<unknown>(record);
  const [refused, setRefused] = useState<Found[] | null>(null);
  const stream = data?.integration?.streams.find(({ name }) => name === failure.stream);
  const schema = useMemo(() => recordForm(record, stream), [record, stream]);
  const first = useMemo(() => failure.fieldErrors.map(({ path, message }) => ({ path: pointerParts(path), message })), [failure.fieldErrors]);
  const shown = useMemo(() => recordRows(record, failure.fieldErrors).rows, [record, failure.fieldErrors]);
  const elsewhere = errorsElsewhere(shown, failure.fieldErrors);
  const atFields = useMemo(() => first.filter(({ path }) => shown.some((row) => pointerParts(row.path).join("\n") === path.join("\n"))), [first, shown]);
  const form = useMutationForm(EDIT_AND_RETRY, {
    payload: (answer) => answer.editAndRetryFailure,
    fields: ["record"],
    onRefused: (errors) =>
      setRefused(errors.flatMap(({ field, message }) => (field?.[0] === "record" ? [{ path: field.slice(1), message }] : []))),
    onDone: ({ retry }) => {
      toast(t("edit.begun"));
      if (retry) onRetryStarted(retry.id);
    },
  });
  const submit = (edited: unknown) => void form.submit({ failureId: failure.id, record: edited, idempotencyKey: form.idempotencyKey() });
  const change = (json: boolean) => {
    setDraft({ value: current, version: draft.version + 1 });
    setIsJson(json);
  };
  if (error) return <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  if (!data) return <Skeleton lines={6} height={32} />;
  const whole = refused?.filter(({ path }) => path.length === 0) ?? [];
  const buttons = (
    <>
      <Button kind="quiet" onPress={() => change(!isJson)}>
        {t(isJson ? "edit.asForm" : "edit.asJson")}
      </Button>
      <Button onPress={onCancel}>{t("common:cancel")}</Button>
    </>
  );
  return (
    <>
      <FormBanner form={form} />
      {whole.length > 0 && (
        <Banner tone="danger" title={t("edit.refused")}>
          {whole.map(({ message }) => (
            <p key={message}>{t("edit.wholeRecord", { message })}</p>
          ))}
        </Banner>
      )}
      {refused === null && elsewhere.length > 0 && (
        <Banner tone="warning" title={t("edit.elsewhere")}>
          {elsewhere.map(({ path, rule, message }) => (
            <p key={path + rule}>
              <code>{path}</code> {message}
            </p>
          ))}
        </Banner>
      )}
      {isJson ? (
        <JsonForm
          key={draft.version}
          value={draft.value}
          problems={refused ?? first}
          isBusy={form.isBusy}
          submitLabel={t("edit.submit")}
          actions={buttons}
          onChange={setCurrent}
          onSubmit={submit}
        />
      ) : (
        <SchemaForm
          key={draft.version}
          schema={schema}
          uiSchema={unmarked}
          value={draft.value}
          errors={refused ?? atFields}
          isBusy={form.isBusy}
          submitLabel={t("edit.submit")}
          actions={buttons}
          onChange={(value) => setCurrent(withEmptyKept(draft.value, value))}
          onSubmit={(value) => submit(withEmptyKept(draft.value, value))}
        />
      )}
    </>
  );
}
