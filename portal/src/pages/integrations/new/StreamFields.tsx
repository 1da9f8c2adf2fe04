import { Trash2 } from "lucide-react";
import { lazy, Suspense, useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { UserError } from "@/api";
import type { SyncMode } from "@/api/generated/schema";
import { SchemaForm } from "@/forms";
import { Card, Disclosure, IconButton, RadioGroup, Skeleton, TagField, TextField } from "@/ui";
import { problemOf } from "../mapping/problems";
import { problemsOf, type StreamDraft } from "./drafts";
import styles from "./NewIntegration.module.css";
import type { SystemChoice } from "./SystemField";

// The editor is larger than the page.
const CodeEditor = lazy(() => import("../mapping/CodeEditor"));

const NAME_CHARS_MAX = 100;
const KEY_FIELDS_MAX = 10;

interface StreamFieldsProps {
  at: number;
  draft: StreamDraft;
  source: SystemChoice;
  destination: SystemChoice;
  /** By names that are paths into the input. */
  fieldErrors: Readonly<Record<string, string>>;
  /** Of the connectors' options. */
  errors: readonly UserError[];
  onChange: (changes: Partial<StreamDraft>) => void;
  onRemove: (() => void) | undefined;
}

/** One kind of record: how it is read, what identifies it, where it comes from and goes to, and what is made of it. */
export function StreamFields({ at, draft, source, destination, fieldErrors, errors, onChange, onRemove }: StreamFieldsProps) {
  const { t } = useTranslation("new-integration");
  const wrongMapping = fieldErrors[`streams.${at}.mapping`];
  const mappingProblems = useMemo(() => (wrongMapping === undefined ? [] : wrongMapping.split("\n").map(problemOf)), [wrongMapping]);
  const title = draft.name.trim() === "" ? t("stream.title", { number: at + 1 }) : draft.name;
  return (
    <Card
      title={title}
      description={at === 0 ? t("stream.lead") : undefined}
      actions={
        onRemove && (
          <IconButton label={t("stream.remove", { name: title })} onPress={onRemove}>
            <Trash2 size={16} aria-hidden />
          </IconButton>
        )
      }
    >
      <TextField
        name={`streams.${at}.name`}
        label={t("stream.name")}
        description={t("stream.nameHelp")}
        value={draft.name}
        onChange={(name) => onChange({ name })}
        maxLength={NAME_CHARS_MAX}
        isRequired
        autoComplete="off"
      />
      <RadioGroup
        name={`streams.${at}.mode`}
        label={t("stream.mode")}
        options={(["FULL", "INCREMENTAL"] as const).map((id) => ({ id, label: t(`mode.${id}.label`), description: t(`mode.${id}.help`) }))}
        value={draft.mode}
        onChange={(mode) => onChange({ mode: mode as SyncMode })}
      />
      {draft.mode === "INCREMENTAL" && (
        <TextField
          name={`streams.${at}.cursorField`}
          label={t("stream.cursorField")}
          description={t("stream.cursorFieldHelp")}
          value={draft.cursorField}
          onChange={(cursorField) => onChange({ cursorField })}
          isCode
          isOptional
          autoComplete="off"
        />
      )}
      <TagField
        name={`streams.${at}.keyFields`}
        label={t("stream.keyFields")}
        description={t("stream.keyFieldsHelp")}
        options={[]}
        takesOthers
        value={draft.keyFields}
        onChange={(keyFields) => onChange({ keyFields: keyFields.slice(0, KEY_FIELDS_MAX) })}
      />
      <section className={styles.options}>
        <h3>{t("stream.source", { name: source.name })}</h3>
        <SchemaForm schema={source.connector.sourceSchema} value={draft.source} errors={problemsOf(errors, at, "source")} onChange={(value) => onChange({ source: value })} />
      </section>
      <section className={styles.options}>
        <h3>{t("stream.destination", { name: destination.name })}</h3>
        <SchemaForm
          schema={destination.connector.destinationSchema}
          value={draft.destination}
          errors={problemsOf(errors, at, "destination")}
          onChange={(value) => onChange({ destination: value })}
        />
      </section>
      <Disclosure title={t("stream.mapping")} isOpenAtFirst={draft.mapping !== ""}>
        <p className={styles.note}>{t("stream.mappingHelp")}</p>
        <Suspense fallback={<Skeleton lines={6} />}>
          <CodeEditor label={t("stream.mapping")} language="vrl" value={draft.mapping} onChange={(mapping) => onChange({ mapping })} problems={mappingProblems} />
        </Suspense>
      </Disclosure>
      {wrongMapping !== undefined && <p className={styles.problem}>{wrongMapping}</p>}
    </Card>
  );
}
