import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { usePermission } from "@/app/session";
import { Banner, Button, Card, FormActions, FormBanner, Skeleton, toast } from "@/ui";
import { inputOf } from "../streams";
import { UPDATE_INTEGRATION } from "../updateIntegration";
import { TALL } from "./editorHeight";
import type { MappedStream, MappingOf } from "./Mapping";
import { OpenFailures } from "./OpenFailures";
import { problemOf } from "./problems";
import { SourceFields } from "./SourceFields";
import { Trial } from "./Trial";
import styles from "./Mapping.module.css";

// The editor is larger than the page.
const CodeEditor = lazy(() => import("./CodeEditor"));

interface StreamMappingProps {
  integration: MappingOf;
  stream: MappedStream;
}

/** The program of a stream, with what the compiler says of it in place, and what it means for the failures that are open. */
export function StreamMapping({ integration, stream }: StreamMappingProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const mayWrite = usePermission("integrations:write") && integration.status !== "ARCHIVED";
  const readsFailures = usePermission("failures:read");
  const [program, setProgram] = useState(stream.mapping ?? "");
  const [sent, setSent] = useState<string | null>(null);
  const [tried, setTried] = useState<{ program: string; wrong: string | undefined } | null>(null);
  const [savedCount, setSavedCount] = useState(0);
  const at = integration.streams.indexOf(stream);
  const field = `streams.${at}.mapping`;
  const form = useMutationForm(UPDATE_INTEGRATION, {
    payload: (data) => data.updateIntegration,
    fields: [field],
    onDone: () => {
      toast(t("mapping.saved"));
      setSavedCount((count) => count + 1);
    },
  });
  const isTried = tried?.program === program;
  // What was said of another text is of no use here.
  const wrong = isTried ? tried.wrong : sent === program ? form.fieldErrors[field] : undefined;
  const problems = useMemo(() => (wrong === undefined ? [] : wrong.split(/\n(?=line \d+, column )/).map(problemOf)), [wrong]);
  const fields = useMemo(
    () => (stream.schema?.fields ?? []).map(({ name, types }) => ({ label: name, detail: types.join(" | ").toLowerCase(), type: "property" })),
    [stream.schema],
  );
  const save = () => {
    setSent(program);
    setTried(null);
    void form.submit({
      integrationId: integration.id,
      streams: integration.streams.map(({ schema: _, ...each }) =>
        inputOf(each.name === stream.name ? { ...each, mapping: program.trim() === "" ? null : program } : each),
      ),
    });
  };
  const isChanged = program !== (stream.mapping ?? "");
  return (
    <div className={styles.columns}>
      <div className={styles.main}>
        <Card title={t("mapping.title", { stream: stream.name })} description={t("mapping.lead")}>
          <FormBanner form={form} />
          {problems.length > 0 && (
            <Banner tone="danger" title={t(isTried ? "trial.problems" : "mapping.problems", { count: problems.length })}>
              <ul className={styles.problems}>
                {problems.map(({ line, column, message }, index) => (
                  <li key={index}>
                    {line !== null && <strong>{t("mapping.place", { line, column })} </strong>}
                    {message}
                  </li>
                ))}
              </ul>
            </Banner>
          )}
          {program.trim() === "" && <p className={styles.muted}>{t(mayWrite ? "mapping.emptyHelp" : "mapping.empty")}</p>}
          <Suspense fallback={<Skeleton lines={1} height={TALL} />}>
            <CodeEditor
              label={t("mapping.title", { stream: stream.name })}
              language="vrl"
              value={stream.mapping ?? ""}
              onChange={setProgram}
              isReadOnly={!mayWrite}
              problems={problems}
              fields={fields}
            />
          </Suspense>
          {mayWrite && (
            <FormActions>
              {isChanged && <span className={styles.muted}>{t("mapping.unsaved")}</span>}
              <Button kind="primary" isPending={form.isBusy} isDisabled={!isChanged} onPress={save}>
                {t("mapping.save")}
              </Button>
            </FormActions>
          )}
        </Card>
        {mayWrite && (
          <Trial
            integrationId={integration.id}
            stream={stream.name}
            program={program}
            onCompiled={(compiled, said) => setTried({ program: compiled, wrong: said })}
          />
        )}
      </div>
      <div className={styles.side}>
        <SourceFields stream={stream} />
        {readsFailures && (
          <Suspense fallback={<Skeleton lines={4} />}>
            <OpenFailures key={savedCount} integrationId={integration.id} looksAtOnce={savedCount > 0} />
          </Suspense>
        )}
      </div>
    </div>
  );
}
