import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { Figures } from "@/pages/tenants/Figures";
import { Banner, Card, format, Skeleton } from "@/ui";
import { countsOf, gaugeOf } from "./prometheus";
import { useServerText } from "./useServerText";

/** Workers, their slots, and what waits for them, as this API process tells of the whole installation. */
export function WorkersCard() {
  const { t } = useTranslation("operations");
  const language = useLanguage();
  const answer = useServerText("/metrics");
  const text = answer?.text ?? "";
  const workers = gaugeOf(text, "trestle_workers");
  const free = gaugeOf(text, "trestle_worker_slots_free");
  const due = gaugeOf(text, "trestle_dispatch_due_jobs");
  const count = (value: number | null) => (value === null ? "–" : format.count(value, language));
  const seconds = (name: string) => {
    const value = gaugeOf(text, name);
    return value === null ? "–" : format.duration(value * 1_000, language);
  };
  const claims = countsOf(text, "trestle_claims_total", "outcome");
  return (
    <Card title={t("workers.title")} description={t("workers.lead")}>
      {!answer ? (
        <Skeleton lines={3} />
      ) : workers === null ? (
        <p>{t("notServed", { path: "/metrics" })}</p>
      ) : (
        <>
          {workers === 0 && <Banner tone="danger">{t("workers.none")}</Banner>}
          {workers > 0 && free === 0 && (due ?? 0) > 0 && <Banner tone="warning">{t("workers.full")}</Banner>}
          <Figures
            label={t("workers.title")}
            hideLabel
            figures={[
              [t("workers.count"), count(workers)],
              [t("workers.busy"), count(gaugeOf(text, "trestle_worker_slots_busy"))],
              [t("workers.free"), count(free)],
              [t("workers.due"), count(due)],
              [t("workers.oldest"), due === 0 ? "–" : seconds("trestle_dispatch_oldest_due_run_age_seconds")],
              [t("workers.lastClaim"), seconds("trestle_dispatch_last_claim_age_seconds")],
            ]}
          />
          <Figures
            label={t("workers.since")}
            figures={[
              [t("workers.claimed"), count(claims.get("claimed") ?? 0)],
              [t("workers.claimsFailed"), count(claims.get("failed") ?? 0)],
              [t("workers.lost"), count(gaugeOf(text, "trestle_leases_lost_total"))],
              [t("workers.takenOver"), count(gaugeOf(text, "trestle_leases_taken_over_total"))],
              [t("workers.listeners"), count(gaugeOf(text, "trestle_graphql_subscriptions"))],
            ]}
          />
        </>
      )}
    </Card>
  );
}
