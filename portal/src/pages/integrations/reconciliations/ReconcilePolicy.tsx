import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import type { ReconcilePolicy as Policy } from "@/api/generated/schema";
import { usePermission } from "@/app/session";
import { Card, FormBanner, Switch, toast } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { UPDATE_INTEGRATION } from "../updateIntegration";

interface ReconcilePolicyProps {
  integration: IntegrationOfPage;
  policy: Policy;
  actions: ReactNode;
}

/** Whether both ends are compared by themselves. */
export function ReconcilePolicy({ integration, policy, actions }: ReconcilePolicyProps) {
  const { t } = useTranslation("integrations");
  const mayWrite = usePermission("integrations:write");
  const form = useMutationForm(UPDATE_INTEGRATION, {
    payload: (data) => data.updateIntegration,
    onDone: () => toast(t("saved")),
  });
  return (
    <Card title={t("tab.reconciliation")} description={t("reconcile.lead")} actions={actions}>
      <FormBanner form={form} />
      {mayWrite && integration.status !== "ARCHIVED" ? (
        <Switch
          isSelected={policy === "AFTER_RUN"}
          isDisabled={form.isBusy}
          description={t("reconcile.afterRunHelp")}
          onChange={(isOn) => void form.submit({ integrationId: integration.id, reconcile: isOn ? "AFTER_RUN" : "NEVER" })}
        >
          {t("reconcile.afterRun")}
        </Switch>
      ) : (
        <p>{t(policy === "AFTER_RUN" ? "reconcile.afterRunHelp" : "reconcile.onDemand")}</p>
      )}
    </Card>
  );
}
