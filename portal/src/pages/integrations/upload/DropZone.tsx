import { CloudUpload } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Banner, Button, Card, FileDrop, format, Select, Spinner } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import styles from "./DropZone.module.css";
import { UploadedRun } from "./UploadedRun";
import { isPattern, targetOf, type FileStream } from "./uploadTarget";
import { useUpload } from "./useUpload";

/** A place to drop files: they are put where the integration reads, and it runs. */
export function DropZone({ integration }: { integration: IntegrationOfPage }) {
  const mayUpload = usePermission("files:upload");
  const mayStart = usePermission("runs:start");
  const { source } = integration;
  const streams = integration.streams.flatMap(({ name, source: options }): FileStream[] => {
    const { path } = (options ?? {}) as { path?: unknown };
    return typeof path === "string" ? [{ name, path }] : [];
  });
  const [first] = streams;
  if (!mayUpload || !mayStart || source?.connector.name !== "file" || !first || integration.status === "ARCHIVED") return null;
  return <Zone integration={integration} systemId={source.id} streams={streams} first={first} />;
}

interface ZoneProps {
  integration: IntegrationOfPage;
  systemId: string;
  streams: readonly FileStream[];
  first: FileStream;
}

function Zone({ integration, systemId, streams, first }: ZoneProps) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  const [name, setName] = useState(first.name);
  const stream = streams.find((each) => each.name === name) ?? first;
  const upload = useUpload({ systemId, integrationId: integration.id });
  const takesSeveral = isPattern(stream.path);
  const put = (files: File[]) =>
    void upload.start((takesSeveral ? files : files.slice(0, 1)).map((file) => ({ file, path: targetOf(stream, file.name) })));
  const strays = upload.files.filter(({ state }) => state === "stray");
  return (
    <Card title={t("upload.title")} description={t(takesSeveral ? "upload.helpSeveral" : "upload.helpOne", { path: stream.path })}>
      {streams.length > 1 && (
        <Select
          label={t("upload.stream")}
          options={streams.map((each) => ({ id: each.name, label: each.name, description: each.path }))}
          value={stream.name}
          onChange={(key) => setName(String(key))}
        />
      )}
      <FileDrop label={t("upload.drop")} action={t("upload.choose")} allowsMultiple={takesSeveral} isDisabled={upload.isBusy} onFiles={put}>
        <CloudUpload size={28} aria-hidden />
        <span>{t("upload.drop")}</span>
      </FileDrop>
      {upload.files.length > 0 && (
        <ul className={styles.files} aria-live="polite">
          {upload.files.map(({ path, size, share, state }) => (
            <li key={path} className={styles.file}>
              <span className={styles.name}>{path}</span>
              <span className={styles.note}>{format.bytes(size, language)}</span>
              {state === "sending" ? (
                <progress className={styles.progress} value={share} max={1} aria-label={t("upload.sending", { path })} />
              ) : (
                <span className={styles.note}>{t(`upload.${state}`)}</span>
              )}
            </li>
          ))}
        </ul>
      )}
      {strays.length > 0 && (
        <Banner tone="warning">{t("upload.strays", { count: strays.length, names: strays.map(({ path }) => path).join(", "), pattern: stream.path })}</Banner>
      )}
      {upload.refusal !== null && (
        <Banner tone="danger" title={t("upload.refusedTitle")} actions={<Button onPress={() => void upload.again()}>{t("upload.again")}</Button>}>
          {upload.refusal.reason ?? t(`uploadProblem.${upload.refusal.kind}`)}
        </Banner>
      )}
      {upload.isStarting && (
        <p className={styles.note}>
          <Spinner /> {t("upload.starting")}
        </p>
      )}
      {upload.problem !== null && <Banner tone="danger">{upload.problem}</Banner>}
      {upload.runId !== null && <UploadedRun key={upload.runId} runId={upload.runId} />}
    </Card>
  );
}
