import { CircleCheck, CirclePause, CircleX, Timer, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf } from "@/api";
import { useLanguage } from "@/i18n";
import { Badge, format, Time, useNow } from "@/ui";
import styles from "./SlaClockView.module.css";

export const SLA_CLOCK = graphql(`
  fragment SlaClockParts on SlaClock {
    kind
    dueAt
    pausedBecause
    spentSeconds
    targetSeconds
    warnedAt
    outcome
    endedAt
  }
`);

type SlaClock = ResultOf<typeof SLA_CLOCK>;

/** A promise and how it stands: in words, and to staff as a bar of the time that is used. */
export function SlaClockView({ clock }: { clock: SlaClock }) {
  const { t } = useTranslation("escalations");
  const language = useLanguage();
  const now = useNow();
  const share = shareUsed(clock, now);
  return (
    <div className={styles.clock}>
      <span className={styles.head}>
        <span className={styles.kind}>{t(`sla.kind.${clock.kind}`)}</span>
        <ClockBadge clock={clock} now={now} />
      </span>
      {share !== null && (
        <span className={styles.bar} role="img" aria-label={t("sla.used", { share: format.percent(share, language, 0) })}>
          <span
            className={styles.used}
            data-tone={toneOf(clock, share)}
            style={{ width: `${Math.min(1, share) * 100}%` }}
          />
        </span>
      )}
    </div>
  );
}

function ClockBadge({ clock, now }: { clock: SlaClock; now: number }) {
  const { t } = useTranslation("escalations");
  if (clock.outcome === "MET") {
    return (
      <Badge tone="success" icon={<CircleCheck size={13} aria-hidden />}>
        {t("sla.met")}
      </Badge>
    );
  }
  if (clock.outcome === "BREACHED" || (clock.dueAt && Date.parse(clock.dueAt) < now)) {
    return (
      <Badge tone="danger" icon={<CircleX size={13} aria-hidden />}>
        {t("sla.breached")}
      </Badge>
    );
  }
  if (clock.pausedBecause) {
    return <Badge icon={<CirclePause size={13} aria-hidden />}>{t(`sla.paused.${clock.pausedBecause}`)}</Badge>;
  }
  const isWarned = clock.warnedAt != null;
  return (
    <Badge
      tone={isWarned ? "warning" : "info"}
      icon={isWarned ? <TriangleAlert size={13} aria-hidden /> : <Timer size={13} aria-hidden />}
    >
      {t("sla.due")} {clock.dueAt && <Time at={clock.dueAt} />}
    </Badge>
  );
}

/** While a clock runs it goes on between two answers of the server. */
function shareUsed({ spentSeconds, targetSeconds, dueAt, endedAt }: SlaClock, now: number): number | null {
  if (spentSeconds == null || !targetSeconds) return null;
  if (!dueAt || endedAt) return spentSeconds / targetSeconds;
  return Math.max(spentSeconds, targetSeconds - (Date.parse(dueAt) - now) / 1_000) / targetSeconds;
}

function toneOf(clock: SlaClock, share: number): string {
  if (clock.outcome === "MET") return "success";
  if (clock.outcome === "BREACHED" || share >= 1) return "danger";
  return clock.warnedAt ? "warning" : "info";
}
