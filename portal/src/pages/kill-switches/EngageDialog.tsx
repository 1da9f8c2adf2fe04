import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, useMutationForm } from "@/api";
import type { KillSwitchScope, OnRelease } from "@/api/generated/schema";
import { useIsStaff, useTenantScope } from "@/app/session";
import { TenantField } from "@/pages/tenants/TenantField";
import { Banner, Button, Dialog, endOf, EndSelect, Form, FormActions, FormBanner, RadioGroup, Select, TextArea, textOf, toast } from "@/ui";
import { IntegrationField } from "./IntegrationField";

const CONNECTORS = graphql(`
  query ConnectorsToStop {
    connectors {
      name
      title
    }
  }
`);

const ENGAGE = graphql(`
  mutation EngageKillSwitch($input: EngageKillSwitchInput!) {
    engageKillSwitch(input: $input) {
      killSwitch {
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

const forStaff: readonly KillSwitchScope[] = ["INTEGRATION", "TENANT", "CONNECTOR", "PLATFORM"];
const forTenants: readonly KillSwitchScope[] = ["INTEGRATION", "TENANT"];
const ways: readonly OnRelease[] = ["RUN_ALL", "RUN_LATEST", "CANCEL"];

/** Stops something: what, why, for how long, and what becomes of what waits. */
export function EngageDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["kill-switches", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [scope, setScope] = useState<KillSwitchScope>("INTEGRATION");
  const [integrationId, setIntegrationId] = useState<string | null>(null);
  const [{ data }] = useQuery({ query: CONNECTORS, pause: scope !== "CONNECTOR" });
  const form = useMutationForm(ENGAGE, {
    payload: (answer) => answer.engageKillSwitch,
    fields: ["scope", "connector", "tenantId", "integrationId", "reason", "messageForCustomers", "expiresAt", "onRelease"],
    onDone: () => {
      toast(t("engage.done"));
      onClose();
    },
  });
  const send = (sent: FormData) =>
    void form.submit({
      scope,
      connector: scope === "CONNECTOR" ? textOf(sent, "connector") : null,
      tenantId: scope === "TENANT" ? (isStaff ? textOf(sent, "tenantId") : tenant?.id) : null,
      integrationId: scope === "INTEGRATION" ? integrationId : null,
      reason: textOf(sent, "reason"),
      messageForCustomers: textOf(sent, "messageForCustomers"),
      expiresAt: endOf(sent, "expiresAt"),
      onRelease: textOf(sent, "onRelease") as OnRelease,
    });
  return (
    <Dialog title={t("engage.title")} isOpen onClose={onClose} kind="sheet">
      <Form errors={form.fieldErrors} onSubmit={send}>
        <FormBanner form={form} />
        <RadioGroup
          name="scope"
          label={t("what")}
          value={scope}
          onChange={(value) => setScope(value as KillSwitchScope)}
          options={(isStaff ? forStaff : forTenants).map((id) => ({ id, label: t(`scope.${id}`), description: t(`scopeNote.${id}`) }))}
        />
        {scope === "INTEGRATION" && <IntegrationField onChoose={setIntegrationId} />}
        {scope === "TENANT" && isStaff && <TenantField name="tenantId" isRequired />}
        {scope === "CONNECTOR" && (
          <Select
            name="connector"
            label={t("scope.CONNECTOR")}
            options={data?.connectors.map(({ name, title }) => ({ id: name, label: title, description: name })) ?? []}
            isRequired
          />
        )}
        {scope === "PLATFORM" && <Banner tone="danger">{t("engage.everything")}</Banner>}
        <TextArea name="reason" label={t("engage.reason")} description={t("engage.reasonHelp")} maxLength={500} rows={2} isRequired />
        <TextArea name="messageForCustomers" label={t("engage.message")} description={t("engage.messageHelp")} maxLength={500} rows={2} isRequired />
        <EndSelect name="expiresAt" label={t("engage.howLong")} hours={[1, 4, 24, 168]} never={t("engage.untilReleased")} />
        <RadioGroup
          name="onRelease"
          label={t("then")}
          defaultValue="RUN_ALL"
          options={ways.map((id) => ({ id, label: t(`onRelease.${id}`), description: t(`release.note.${id}`) }))}
        />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="danger" isPending={form.isBusy}>
            {t("engage.submit")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
