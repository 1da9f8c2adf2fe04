import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { useLanguage } from "@/i18n";
import { Button, Card, Disclosure, Form, FormActions, FormBanner, format, NumberField, Time, toast } from "@/ui";
import type { SettingsOf, SettingsPartProps } from "./Settings";
import styles from "./Settings.module.css";

const SET_HEALTH_TARGETS = graphql(`
  mutation SetHealthTargets($input: SetHealthTargetsInput!) {
    setHealthTargets(input: $input) {
      integration {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const MINUTE_SECONDS = 60;

/** What is expected of an integration; an empty field is the default. */
export function HealthTargetsForm({ settings, mayWrite }: SettingsPartProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const { healthTargets: now } = settings;
  const [freshness, setFreshness] = useState(now.freshnessSeconds == null ? Number.NaN : now.freshnessSeconds / MINUTE_SECONDS);
  const [success, setSuccess] = useState(now.runSuccessPercent ?? Number.NaN);
  const [latency, setLatency] = useState(now.latencyP95Ms == null ? Number.NaN : now.latencyP95Ms / 1_000);
  const form = useMutationForm(SET_HEALTH_TARGETS, {
    payload: (data) => data.setHealthTargets,
    fields: ["freshnessSeconds", "runSuccessPercent", "latencyP95Ms"],
    onDone: () => toast(t("saved")),
  });
  const set = (value: number, factor = 1) => (Number.isNaN(value) ? null : Math.round(value * factor));
  return (
    <Card title={t("targets.title")} description={t("targets.lead")}>
      <Form
        errors={form.fieldErrors}
        onSubmit={() =>
          void form.submit({
            integrationId: settings.id,
            freshnessSeconds: set(freshness, MINUTE_SECONDS),
            runSuccessPercent: Number.isNaN(success) ? null : success,
            latencyP95Ms: set(latency, 1_000),
          })
        }
      >
        <FormBanner form={form} />
        <div className={styles.fields}>
          <NumberField
            name="freshnessSeconds"
            label={t("targets.freshness")}
            description={t("targets.freshnessHelp")}
            value={freshness}
            onChange={setFreshness}
            minValue={1 / MINUTE_SECONDS}
            maxValue={527_040}
            formatOptions={{ style: "unit", unit: "minute", unitDisplay: "long", maximumFractionDigits: 2 }}
            isReadOnly={!mayWrite}
            isOptional
          />
          <NumberField
            name="runSuccessPercent"
            label={t("targets.success")}
            description={t("targets.successHelp")}
            value={success}
            onChange={setSuccess}
            minValue={0.01}
            maxValue={100}
            formatOptions={{ style: "unit", unit: "percent", maximumFractionDigits: 2 }}
            isReadOnly={!mayWrite}
            isOptional
          />
          <NumberField
            name="latencyP95Ms"
            label={t("targets.latency")}
            description={t("targets.latencyHelp")}
            value={latency}
            onChange={setLatency}
            minValue={0.001}
            maxValue={604_800}
            formatOptions={{ style: "unit", unit: "second", unitDisplay: "long", maximumFractionDigits: 3 }}
            isReadOnly={!mayWrite}
            isOptional
          />
        </div>
        {mayWrite && (
          <FormActions>
            <Button type="submit" kind="primary" isPending={form.isBusy}>
              {t("common:save")}
            </Button>
          </FormActions>
        )}
      </Form>
      <Changes changes={settings.healthTargetChanges.edges.map(({ node }) => node)} />
    </Card>
  );
}

function Changes({ changes }: { changes: readonly SettingsOf["healthTargetChanges"]["edges"][number]["node"][] }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  if (changes.length === 0) return null;
  return (
    <Disclosure title={t("targets.changes")}>
      <ul className={styles.changes}>
        {changes.map(({ id, setBy, setAt, targets }) => (
          <li key={id}>
            {t("targets.set", {
              freshness: targets.freshnessSeconds == null ? t("targets.default") : format.duration(targets.freshnessSeconds * 1_000, language),
              success: targets.runSuccessPercent == null ? t("targets.default") : format.percent(targets.runSuccessPercent / 100, language),
              latency: targets.latencyP95Ms == null ? t("targets.default") : format.duration(targets.latencyP95Ms, language),
            })}{" "}
            <span className={styles.muted}>
              {setBy}, <Time at={setAt} />
            </span>
          </li>
        ))}
      </ul>
    </Disclosure>
  );
}
