import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { ComboBox, Select, Skeleton, TextField } from "@/ui";
import { cronOf, presets, type ScheduleDraft } from "./schedules";

// It knows the words of cron in two languages, and every time zone.
const NextRuns = lazy(() => import("../schedule/NextRuns"));

interface ScheduleFieldsProps {
  value: ScheduleDraft;
  onChange: (value: ScheduleDraft) => void;
}

/** When it runs by itself, and when that would be next. */
export function ScheduleFields({ value, onChange }: ScheduleFieldsProps) {
  const { t } = useTranslation("new-integration");
  const [zones] = useState(() => ["UTC", ...Intl.supportedValuesOf("timeZone")].map((id) => ({ id, label: id.replaceAll("_", " ") })));
  const cron = cronOf(value);
  return (
    <>
      <Select
        label={t("schedule.when")}
        options={[
          { id: "demand", label: t("schedule.demand") },
          ...presets.map((id, at) => ({ id, label: t(`schedule.preset.${at}`) })),
          { id: "own", label: t("schedule.own") },
        ]}
        value={value.when}
        onChange={(key) => key !== null && onChange({ ...value, when: String(key) })}
      />
      {value.when === "own" && (
        <TextField
          name="schedule.cron"
          label={t("schedule.cron")}
          description={t("schedule.cronHelp")}
          value={value.cron}
          onChange={(entered) => onChange({ ...value, cron: entered })}
          isCode
          isRequired
          autoComplete="off"
        />
      )}
      {value.when !== "demand" && (
        <>
          <ComboBox
            name="schedule.timeZone"
            label={t("schedule.timeZone")}
            options={zones.some(({ id }) => id === value.timeZone) ? zones : [{ id: value.timeZone, label: value.timeZone }, ...zones]}
            value={value.timeZone}
            onChange={(key) => key !== null && onChange({ ...value, timeZone: String(key) })}
            isRequired
          />
          {cron !== "" && (
            <Suspense fallback={<Skeleton lines={4} />}>
              <NextRuns cron={cron} timeZone={value.timeZone} />
            </Suspense>
          )}
        </>
      )}
    </>
  );
}
