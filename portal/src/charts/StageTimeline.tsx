import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { format, Time, useNow, type Tone } from "@/ui";
import { ShowAsTable } from "./ShowAsTable";
import styles from "./StageTimeline.module.css";

export interface Stage {
  id: string;
  name: string;
  from: string;
  /** Null while it is under way. */
  to: string | null;
  tone?: Tone;
  note?: string;
}

export interface StageTimelineProps {
  title: string;
  hideTitle?: boolean;
  stages: readonly Stage[];
}

/** Stages below each other, each where and as long as it was. One that is under way grows. */
export function StageTimeline({ title, hideTitle, stages }: StageTimelineProps) {
  const { t } = useTranslation("common");
  const language = useLanguage();
  const now = useNow();
  const spans = stages.map((stage) => {
    const from = Date.parse(stage.from);
    return { stage, from, to: Math.max(from, stage.to === null ? now : Date.parse(stage.to)) };
  });
  const begin = Math.min(...spans.map(({ from }) => from));
  const whole = Math.max(1, Math.max(...spans.map(({ to }) => to)) - begin);
  const tookOf = ({ stage, from, to }: (typeof spans)[number]) =>
    stage.to === null ? t("charts.underWay", { duration: format.duration(to - from, language) }) : format.duration(to - from, language);
  return (
    <ShowAsTable
      title={title}
      hideTitle={hideTitle}
      table={() => ({
        columns: [t("charts.stage"), t("charts.begun"), t("charts.took")],
        rows: spans.map((span) => [span.stage.name, format.dateTime(span.from, language), tookOf(span)]),
      })}
    >
      <ol className={styles.stages}>
        {spans.map((span) => (
          <li key={span.stage.id}>
            <span className={styles.name}>
              {span.stage.name}
              {span.stage.note !== undefined && <span className={styles.note}>{span.stage.note}</span>}
            </span>
            <span className={styles.track} aria-hidden>
              <span
                className={styles.span}
                data-tone={span.stage.tone ?? "info"}
                data-open={span.stage.to === null || undefined}
                style={{ left: `${((span.from - begin) / whole) * 100}%`, width: `${((span.to - span.from) / whole) * 100}%` }}
              />
            </span>
            <span className={styles.took}>
              {tookOf(span)}
              <span className="visually-hidden">
                , <Time at={span.stage.from} as="absolute" />
              </span>
            </span>
          </li>
        ))}
      </ol>
    </ShowAsTable>
  );
}
