import { Download, FlaskConical } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm, type ResultOf } from "@/api";
import { usePermission } from "@/app/session";
import { Banner, Button, Card, FormBanner, Skeleton } from "@/ui";
import { LOW } from "./editorHeight";
import styles from "./Mapping.module.css";
import { recordsOf } from "./records";
import { TriedRecord } from "./TriedRecord";

const CodeEditor = lazy(() => import("./CodeEditor"));
const SAMPLE_SIZE = 5;

const SAMPLE_RECORDS = graphql(`
  mutation SampleRecords($input: SampleRecordsInput!) {
    sampleRecords(input: $input) {
      records
      malformed
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const PREVIEW_MAPPING = graphql(`
  mutation PreviewMapping($input: PreviewMappingInput!) {
    previewMapping(input: $input) {
      records {
        outcome
        record
        businessReference
        code
        summary
        detail
        fieldErrors {
          path
          rule
          message
        }
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export type Tried = NonNullable<ResultOf<typeof PREVIEW_MAPPING>["previewMapping"]["records"]>[number];

interface TrialProps {
  integrationId: string;
  stream: string;
  /** The program as it stands in the editor, saved or not. */
  program: string;
  /** What the compiler says of a program that was sent; undefined when it takes it. */
  onCompiled: (program: string, wrong: string | undefined) => void;
}

/** Sample records, and what the program would make of each, before anything is saved. */
export function Trial({ integrationId, stream, program, onCompiled }: TrialProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const mayRead = usePermission("records:read");
  const [text, setText] = useState("");
  const [loadCount, setLoadCount] = useState(0);
  const [notJson, setNotJson] = useState<string | null>(null);
  const [malformed, setMalformed] = useState<readonly string[]>([]);
  const [tried, setTried] = useState<{ program: string; records: readonly unknown[]; results: readonly Tried[] } | null>(null);
  const sample = useMutationForm(SAMPLE_RECORDS, {
    payload: (data) => data.sampleRecords,
    onDone: ({ records, malformed: broken }) => {
      setMalformed(broken ?? []);
      setText(JSON.stringify(records ?? [], null, 2));
      setLoadCount((count) => count + 1);
      setTried(null);
    },
  });
  const preview = useMutationForm(PREVIEW_MAPPING, {
    payload: (data) => data.previewMapping,
    fields: ["mapping"],
    onRefused: (errors, input) => {
      const wrong = errors.filter(({ field }) => field?.[0] === "mapping").map(({ message }) => message);
      onCompiled(input.mapping ?? "", wrong.length > 0 ? wrong.join("\n") : undefined);
    },
  });
  const tryOut = async () => {
    const records = recordsOf(text);
    setNotJson(typeof records === "string" ? records : null);
    if (typeof records === "string") return;
    const result = await preview.submit({ integrationId, stream, mapping: program, records });
    if (!result) return;
    onCompiled(program, undefined);
    setTried({ program, records, results: result.records ?? [] });
  };
  return (
    <Card
      title={t("trial.title")}
      description={t("trial.lead")}
      actions={
        mayRead && (
          <Button
            icon={<Download size={16} aria-hidden />}
            isPending={sample.isBusy}
            onPress={() => void sample.submit({ integrationId, stream, first: SAMPLE_SIZE })}
          >
            {t("trial.load")}
          </Button>
        )
      }
    >
      <FormBanner form={sample} />
      {malformed.length > 0 && (
        <Banner tone="warning" title={t("trial.malformed", { count: malformed.length })}>
          <ul className={styles.problems}>
            {malformed.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </Banner>
      )}
      {text === "" && <p className={styles.muted}>{t(mayRead ? "trial.empty" : "trial.emptyOwn")}</p>}
      <Suspense fallback={<Skeleton lines={1} height={LOW} />}>
        <CodeEditor key={loadCount} label={t("trial.records")} language="json" value={text} onChange={setText} isLow />
      </Suspense>
      {notJson !== null && <Banner tone="danger" title={t("trial.notRecords")}>{notJson}</Banner>}
      <FormBanner form={preview} />
      <div>
        <Button icon={<FlaskConical size={16} aria-hidden />} isPending={preview.isBusy} isDisabled={text.trim() === ""} onPress={() => void tryOut()}>
          {t("trial.try")}
        </Button>
      </div>
      {tried && (
        <section aria-label={t("trial.results")} aria-live="polite">
          {tried.program !== program && <p className={styles.muted}>{t("trial.older")}</p>}
          <ol className={styles.tried}>
            {tried.results.map((result, index) => (
              <TriedRecord key={index} number={index + 1} source={tried.records[index]} result={result} />
            ))}
          </ol>
        </section>
      )}
    </Card>
  );
}
