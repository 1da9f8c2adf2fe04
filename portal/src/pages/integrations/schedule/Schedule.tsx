import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { usePermission } from "@/app/session";
import { Banner, Button, Card, ComboBox, ConfirmDialog, Form, FormActions, FormBanner, Skeleton, TextField, toast } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { UPDATE_INTEGRATION } from "../updateIntegration";
import styles from "./Schedule.module.css";

// It knows the words of cron in two languages, and every time zone.
const NextRuns = lazy(() => import("./NextRuns"));

const presets = ["*/15 * * * *", "0 * * * *", "0 6 * * *", "0 6 * * 1-5", "0 6 * * 1", "0 6 1 * *"] as const;

/** When an integration runs by itself. */
export default function Schedule({ integration }: { integration: IntegrationOfPage }) {
  const { t } = useTranslation("integrations");
  const mayWrite = usePermission("integrations:write");
  const { schedule } = integration;
  if (mayWrite && integration.status !== "ARCHIVED") {
    return <ScheduleForm key={`${schedule?.cron ?? ""} ${schedule?.timeZone ?? ""}`} integration={integration} />;
  }
  return (
    <Card title={t("schedule.title")}>
      {schedule ? (
        <Suspense fallback={<Skeleton lines={4} />}>
          <NextRuns cron={schedule.cron} timeZone={schedule.timeZone} />
        </Suspense>
      ) : (
        <p>{t("schedule.none")}</p>
      )}
    </Card>
  );
}

function ScheduleForm({ integration }: { integration: IntegrationOfPage }) {
  const { t } = useTranslation(["integrations", "common"]);
  const { schedule } = integration;
  const [cron, setCron] = useState(schedule?.cron ?? "");
  const [timeZone, setTimeZone] = useState(schedule?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [zones] = useState(() => ["UTC", ...Intl.supportedValuesOf("timeZone")].map((id) => ({ id, label: id.replaceAll("_", " ") })));
  const [isRemoving, setIsRemoving] = useState(false);
  const form = useMutationForm(UPDATE_INTEGRATION, {
    payload: (data) => data.updateIntegration,
    fields: ["schedule.cron", "schedule.timeZone"],
    onDone: () => {
      toast(t("schedule.saved"));
      setIsRemoving(false);
    },
  });
  const stands = integration.status === "PAUSED" || integration.status === "HELD";
  return (
    <Card title={t("schedule.title")} description={t("schedule.lead")}>
      {stands && schedule && <Banner tone="info">{t("schedule.stands")}</Banner>}
      <Form
        errors={form.fieldErrors}
        onSubmit={() => void form.submit({ integrationId: integration.id, schedule: { cron: cron.trim(), timeZone } })}
      >
        <FormBanner form={form} />
        <div className={styles.presets} role="group" aria-label={t("schedule.presets")}>
          {presets.map((each, at) => (
            <Button key={each} size="small" onPress={() => setCron(each)}>
              {t(`preset.${at}`)}
            </Button>
          ))}
        </div>
        <TextField
          name="schedule.cron"
          label={t("schedule.cron")}
          description={t("schedule.cronHelp")}
          value={cron}
          onChange={setCron}
          isCode
          isRequired
          autoComplete="off"
        />
        <ComboBox
          name="schedule.timeZone"
          label={t("schedule.timeZone")}
          options={zones.some(({ id }) => id === timeZone) ? zones : [{ id: timeZone, label: timeZone }, ...zones]}
          value={timeZone}
          onChange={(key) => key != null && setTimeZone(String(key))}
          isRequired
        />
        {cron.trim() !== "" && (
          <Suspense fallback={<Skeleton lines={4} />}>
            <NextRuns cron={cron} timeZone={timeZone} />
          </Suspense>
        )}
        <FormActions>
          {schedule && (
            <Button onPress={() => setIsRemoving(true)}>{t("schedule.remove")}</Button>
          )}
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
      <ConfirmDialog
        title={t("schedule.removeTitle")}
        isOpen={isRemoving}
        onClose={() => setIsRemoving(false)}
        action={t("schedule.remove")}
        form={form}
        onConfirm={() => void form.submit({ integrationId: integration.id, schedule: null })}
      >
        {t("schedule.removeHelp")}
      </ConfirmDialog>
    </Card>
  );
}
