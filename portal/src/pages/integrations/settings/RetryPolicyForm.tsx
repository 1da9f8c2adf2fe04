import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { Button, Card, Form, FormActions, FormBanner, NumberField, toast } from "@/ui";
import { UPDATE_INTEGRATION } from "../updateIntegration";
import type { SettingsPartProps } from "./Settings";
import styles from "./Settings.module.css";

const seconds = { style: "unit", unit: "second", unitDisplay: "long" } as const;

/** How patient runs are with a system that is down, and when the integration is held. */
export function RetryPolicyForm({ settings, mayWrite }: SettingsPartProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const [policy, setPolicy] = useState(() => ({
    attempts: settings.retryPolicy.attempts,
    firstWaitSeconds: settings.retryPolicy.firstWaitSeconds,
    longestWaitSeconds: settings.retryPolicy.longestWaitSeconds,
    progressTimeoutSeconds: settings.retryPolicy.progressTimeoutSeconds,
  }));
  const [holdAfter, setHoldAfter] = useState(settings.holdAfter);
  const form = useMutationForm(UPDATE_INTEGRATION, {
    payload: (data) => data.updateIntegration,
    fields: [...Object.keys(policy).map((name) => `retryPolicy.${name}`), "holdAfter"],
    onDone: () => toast(t("saved")),
  });
  const field = (name: keyof typeof policy, minValue: number, maxValue: number) => ({
    name: `retryPolicy.${name}`,
    label: t(`retryPolicy.${name}`),
    description: t(`retryPolicy.${name}Help`),
    value: policy[name],
    onChange: (value: number) => setPolicy((now) => ({ ...now, [name]: value })),
    minValue,
    maxValue,
    isReadOnly: !mayWrite,
    isRequired: true,
  });
  return (
    <Card title={t("retryPolicy.title")} description={t("retryPolicy.lead")}>
      <Form
        errors={form.fieldErrors}
        onSubmit={() => void form.submit({ integrationId: settings.id, retryPolicy: policy, holdAfter })}
      >
        <FormBanner form={form} />
        <div className={styles.fields}>
          <NumberField {...field("attempts", 1, 100)} />
          <NumberField {...field("firstWaitSeconds", 1, 3_600)} formatOptions={seconds} />
          <NumberField {...field("longestWaitSeconds", policy.firstWaitSeconds || 1, 86_400)} formatOptions={seconds} />
          <NumberField {...field("progressTimeoutSeconds", 10, 86_400)} formatOptions={seconds} />
          <NumberField
            name="holdAfter"
            label={t("retryPolicy.holdAfter")}
            description={t("retryPolicy.holdAfterHelp")}
            value={holdAfter}
            onChange={setHoldAfter}
            minValue={0}
            maxValue={1_000}
            isReadOnly={!mayWrite}
            isRequired
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
    </Card>
  );
}
