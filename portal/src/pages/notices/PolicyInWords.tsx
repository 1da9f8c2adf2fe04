import { useTranslation } from "react-i18next";
import styles from "./PolicyInWords.module.css";
import type { Policy } from "./policyFields";

const SHOWN = 4;

/** Of what a policy tells, and when, in a few words. */
export function PolicyInWords({ policy }: { policy: Policy }) {
  const { t } = useTranslation(["notices", "common"]);
  const { selectors, quietHours } = policy;
  const kinds = selectors.kinds.slice(0, SHOWN).map((kind) => t(`occasion.${kind}`));
  const more = selectors.kinds.length - SHOWN;
  const conditions = [
    ...(selectors.tenantIds.length > 0 ? [t("policy.ofTenants", { count: selectors.tenantIds.length })] : []),
    ...(selectors.integrationIds.length > 0 ? [t("policy.ofIntegrations", { count: selectors.integrationIds.length })] : []),
    ...(selectors.codes.length > 0 ? [t("policy.ofCodes", { count: selectors.codes.length })] : []),
    ...selectors.categories.map((category) => t(`category.${category}`)),
    ...selectors.responsibleParties.map((party) => t(`party.${party}`)),
    ...(selectors.countMin > 0 ? [t("policy.fromCount", { count: selectors.countMin })] : []),
    ...(selectors.impactMin ? [t("policy.fromImpact", { impact: t(`common:status.impact.${selectors.impactMin}`) })] : []),
  ];
  const hour = `${String(policy.digestHour ?? 0).padStart(2, "0")}:00`;
  return (
    <div>
      <p>{selectors.kinds.length === 0 ? t("policy.everything") : [...kinds, ...(more > 0 ? [t("policy.andMore", { count: more })] : [])].join(", ")}</p>
      {conditions.length > 0 && <p className={styles.note}>{conditions.join(" · ")}</p>}
      <p className={styles.note}>
        {policy.delivery === "DAILY" ? t("policy.daily", { hour, zone: policy.timeZone }) : t(`timing.${policy.delivery}`)}
        {quietHours && ` · ${t("policy.quiet", { from: quietHours.from, until: quietHours.until, zone: policy.timeZone })}`}
      </p>
    </div>
  );
}
