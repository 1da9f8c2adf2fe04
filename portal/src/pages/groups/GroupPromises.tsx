import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { Badge, Card, format, Time, useNow } from "@/ui";
import type { GroupOfPage } from "./groupOfPage";
import styles from "./GroupPromises.module.css";

type Clock = GroupOfPage["sla"][number];

/** What the operator has promised about it, and how that stands. */
export function GroupPromises({ clocks }: { clocks: readonly Clock[] }) {
  const { t } = useTranslation("groups");
  if (clocks.length === 0) return null;
  return (
    <Card title={t("sla.title")}>
      <ul className={styles.clocks}>
        {clocks.map((clock) => (
          <li key={clock.kind}>
            <PromiseOf clock={clock} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function PromiseOf({ clock }: { clock: Clock }) {
  const { t } = useTranslation("groups");
  const language = useLanguage();
  const now = useNow();
  const seconds = (value: number) => format.duration(value * 1_000, language);
  const isLate = clock.dueAt !== null && Date.parse(clock.dueAt) < now;
  return (
    <>
      <div className={styles.head}>
        <strong>{t(`sla.kind.${clock.kind}`)}</strong>
        {clock.outcome === "MET" ? (
          <Badge tone="success">{t("sla.met")}</Badge>
        ) : clock.outcome === "BREACHED" || isLate ? (
          <Badge tone="danger">{t("sla.breached")}</Badge>
        ) : clock.pausedBecause !== null ? (
          <Badge>{t("sla.paused")}</Badge>
        ) : (
          <Badge tone={clock.warnedAt === null ? "info" : "warning"}>{t("sla.running")}</Badge>
        )}
      </div>
      {clock.spentSeconds !== null && clock.targetSeconds !== null && clock.targetSeconds > 0 && (
        <>
          <div
            className={styles.bar}
            role="meter"
            aria-label={t(`sla.kind.${clock.kind}`)}
            aria-valuemin={0}
            aria-valuemax={clock.targetSeconds}
            aria-valuenow={Math.min(clock.spentSeconds, clock.targetSeconds)}
            data-late={clock.spentSeconds >= clock.targetSeconds || undefined}
          >
            <span style={{ width: `${Math.min(100, (clock.spentSeconds / clock.targetSeconds) * 100)}%` }} />
          </div>
          <p className={styles.note}>{t("sla.spent", { spent: seconds(clock.spentSeconds), target: seconds(clock.targetSeconds) })}</p>
        </>
      )}
      {clock.dueAt !== null && (
        <p className={styles.note}>
          {t("sla.due")} <Time at={clock.dueAt} />
        </p>
      )}
      {clock.pausedBecause !== null && <p className={styles.note}>{t(`sla.pause.${clock.pausedBecause}`)}</p>}
      {clock.endedAt !== null && (
        <p className={styles.note}>
          {clock.endedBy === null ? t("sla.ended") : t(`sla.end.${clock.endedBy}`)} <Time at={clock.endedAt} />
        </p>
      )}
    </>
  );
}
