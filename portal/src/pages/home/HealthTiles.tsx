import { useTranslation } from "react-i18next";
import { useInboxCounts } from "@/pages/inbox/useInboxCounts";
import { useLanguage } from "@/i18n";
import { Count, format, Link, Skeleton } from "@/ui";
import { HealthBar } from "./HealthBar";
import styles from "./HealthTiles.module.css";
import type { HomeHealth } from "./homeHealth";
import type { Span } from "./span";

interface HealthTilesProps {
  health: HomeHealth | null | undefined;
  isKnown: boolean;
  tenantId: string | undefined;
  readsFailures: boolean;
  span: Span;
}

/** The numbers that one looks at first. */
export function HealthTiles({ health, isKnown, tenantId, readsFailures, span }: HealthTilesProps) {
  const { t } = useTranslation("home");
  const language = useLanguage();
  const inbox = useInboxCounts(tenantId, !readsFailures);
  // Not rounded up: all is all.
  const percent = (value: number | null | undefined) => (value == null ? "–" : format.percent(Math.floor(value * 100) / 10_000, language, 2));
  const all = health?.integrations.reduce((sum, each) => sum + each.integrations, 0) ?? 0;
  const metrics = health?.metrics;
  const runs = metrics && metrics.runs.succeeded + metrics.runs.partial + metrics.runs.failed + metrics.runs.canceled;
  return (
    <div className={styles.tiles}>
      {readsFailures && (
        <section className={styles.tile} data-calls={(inbox?.all ?? 0) > 0 || undefined}>
          <h2>{t("tile.inbox")}</h2>
          {inbox ? (
            <>
              <p className={styles.number}>
                <Count value={inbox.all} />
              </p>
              <p className={styles.note}>
                {inbox.all === 0 ? t("tile.nothing") : <Link to="/inbox">{inbox.CRITICAL > 0 ? t("tile.critical", { count: inbox.CRITICAL }) : t("tile.openInbox")}</Link>}
              </p>
            </>
          ) : (
            <Skeleton lines={2} />
          )}
        </section>
      )}
      {isKnown && (
        <>
          <section className={styles.tile} data-wide>
            <h2>{t("tile.integrations")}</h2>
            {health ? (
              <>
                <p className={styles.number}>
                  <Count value={all} />
                </p>
                <HealthBar counts={health.integrations} />
              </>
            ) : (
              <Skeleton lines={2} />
            )}
          </section>
          <section className={styles.tile}>
            <h2>{t(`tile.success.${span}`)}</h2>
            {metrics ? (
              <>
                <p className={styles.number}>{percent(metrics.recordSuccessPercent)}</p>
                <p className={styles.note}>
                  {metrics.records.failed > 0 ? (
                    <Link to="/failures">{t("tile.failed", { count: metrics.records.failed, formatted: format.count(metrics.records.failed, language) })}</Link>
                  ) : (
                    t("tile.noneFailed")
                  )}
                </p>
              </>
            ) : (
              <Skeleton lines={2} />
            )}
          </section>
          <section className={styles.tile}>
            <h2>{t(`tile.records.${span}`)}</h2>
            {metrics ? (
              <>
                <p className={styles.number}>
                  <Count value={metrics.records.read} />
                </p>
                <p className={styles.note}>{t("tile.runs", { count: runs ?? 0, formatted: format.count(runs ?? 0, language) })}</p>
              </>
            ) : (
              <Skeleton lines={2} />
            )}
          </section>
        </>
      )}
    </div>
  );
}
