import { useTranslation } from "react-i18next";
import type { NoticeTiming, OccasionKind } from "@/api/generated/schema";
import { CheckboxGroup, ComboBox, NumberField, RadioGroup, Select, Switch, TextField } from "@/ui";
import { occasions } from "./occasions";
import type { PolicyDraft } from "./policyDraft";
import styles from "./PolicyTiming.module.css";

const timings: readonly NoticeTiming[] = ["INSTANT", "HOURLY", "DAILY"];
const hours = Array.from({ length: 24 }, (_, hour) => hour);
const zones = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

/** What somebody may want to be woken by. */
const urgent: readonly OccasionKind[] = [
  "RUN_FAILED", "HELD", "REAUTH_REQUIRED", "GROUP_ESCALATING", "HEALTH_ALERT", "INCIDENT_OPENED", "ESCALATED", "SLA_WARNING", "SLA_BREACHED",
];

/** When a policy tells: at once or together, not at night, and not too much. */
export function PolicyTiming({ draft, change }: { draft: PolicyDraft; change: (part: Partial<PolicyDraft>) => void }) {
  const { t } = useTranslation("notices");
  const offered = occasions.filter((kind) => urgent.includes(kind) || draft.quietOverride.includes(kind));
  return (
    <>
      <RadioGroup
        name="delivery"
        label={t("policy.when")}
        value={draft.delivery}
        onChange={(value) => change({ delivery: value as NoticeTiming })}
        options={timings.map((id) => ({ id, label: t(`timing.${id}`) }))}
      />
      <div className={styles.row}>
        {draft.delivery === "DAILY" && (
          <Select
            name="digestHour"
            label={t("policy.hour")}
            value={String(draft.digestHour)}
            onChange={(key) => change({ digestHour: Number(key) })}
            options={hours.map((hour) => ({ id: String(hour), label: `${String(hour).padStart(2, "0")}:00` }))}
          />
        )}
        <ComboBox
          name="timeZone"
          label={t("policy.zone")}
          options={zones.map((id) => ({ id, label: id.replaceAll("_", " ") }))}
          defaultValue={draft.timeZone}
          onChange={(key) => key !== null && change({ timeZone: String(key) })}
          isRequired
        />
      </div>
      <Switch isSelected={draft.isQuiet} onChange={(isQuiet) => change({ isQuiet })} description={t("policy.quietHelp")}>
        {t("policy.quietLabel")}
      </Switch>
      {draft.isQuiet && (
        <>
          <div className={styles.row}>
            <TextField
              name="quietHours.from"
              type="time"
              label={t("policy.from")}
              value={draft.quietFrom}
              onChange={(quietFrom) => change({ quietFrom })}
              isRequired
            />
            <TextField
              name="quietHours.until"
              type="time"
              label={t("policy.until")}
              value={draft.quietUntil}
              onChange={(quietUntil) => change({ quietUntil })}
              isRequired
            />
          </div>
          <CheckboxGroup
            name="quietOverride"
            label={t("policy.override")}
            value={[...draft.quietOverride]}
            onChange={(kinds) => change({ quietOverride: kinds as OccasionKind[] })}
            options={offered.map((id) => ({ id, label: t(`occasion.${id}`) }))}
          />
        </>
      )}
      <NumberField
        name="hourlyMax"
        label={t("policy.hourlyMax")}
        description={t("policy.hourlyMaxHelp")}
        value={draft.hourlyMax}
        onChange={(hourlyMax) => change({ hourlyMax })}
        minValue={1}
        maxValue={1_000}
        isRequired
      />
    </>
  );
}
