import { useTranslation } from "react-i18next";
import { Badge, Code } from "@/ui";
import styles from "./Mapping.module.css";
import type { Tried } from "./Trial";

const tones = { READY: "success", LEFT_OUT: "neutral", REFUSED: "danger" } as const;

/** A sample record, and what became of it. */
export function TriedRecord({ number, source, result }: { number: number; source: unknown; result: Tried }) {
  const { t } = useTranslation("integrations");
  const name = result.businessReference ?? t("trial.number", { number });
  return (
    <li className={styles.triedRecord}>
      <h3>
        {name} <Badge tone={tones[result.outcome]}>{t(`trial.outcome.${result.outcome}`)}</Badge>
      </h3>
      {result.summary != null && <p>{result.summary}</p>}
      {result.detail != null && (
        <p>
          <Code>{result.detail}</Code>
        </p>
      )}
      <div className={styles.sides}>
        <div>
          <p className={styles.muted}>{t("trial.source")}</p>
          <Code isBlock label={t("trial.sourceOf", { name })}>
            {JSON.stringify(source, null, 2)}
          </Code>
        </div>
        {result.record != null && (
          <div>
            <p className={styles.muted}>{t("trial.written")}</p>
            <Code isBlock label={t("trial.writtenOf", { name })}>
              {JSON.stringify(result.record, null, 2)}
            </Code>
          </div>
        )}
      </div>
    </li>
  );
}
