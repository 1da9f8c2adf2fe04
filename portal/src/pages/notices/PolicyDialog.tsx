import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Banner, Button, CheckboxGroup, Dialog, Form, FormActions, FormBanner, Switch, TextField, toast } from "@/ui";
import { draftOf, inputOf, type PolicyDraft } from "./policyDraft";
import type { Policy } from "./policyFields";
import { PolicySelectors } from "./PolicySelectors";
import { PolicyTiming } from "./PolicyTiming";
import { UPDATE_POLICY } from "./updatePolicy";

const CREATE = graphql(`
  mutation CreateNoticePolicy($input: CreateNoticePolicyInput!) {
    createNoticePolicy(input: $input) {
      noticePolicy {
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

const fields = [
  "name", "channelIds", "selectors.kinds", "selectors.codes", "selectors.categories", "selectors.responsibleParties", "selectors.countMin",
  "selectors.impactMin", "digestHour", "timeZone", "quietHours.from", "quietHours.until", "quietOverride", "hourlyMax",
];

interface PolicyDialogProps {
  policy: Policy | null;
  /** Whose a new one is; null: one's own. */
  tenantId: string | null;
  /** Of the same owner. */
  channels: readonly { id: string; name: string; kind: string }[];
  onClose: () => void;
}

/** A policy: of what it tells, by which channels, and when. */
export function PolicyDialog({ policy, tenantId, channels, onClose }: PolicyDialogProps) {
  const { t } = useTranslation(["notices", "common"]);
  const [draft, setDraft] = useState(() => draftOf(policy));
  const change = (part: Partial<PolicyDraft>) => setDraft((now) => ({ ...now, ...part }));
  const onDone = () => {
    toast(t("saved"));
    onClose();
  };
  const create = useMutationForm(CREATE, { payload: (data) => data.createNoticePolicy, fields, onDone });
  const update = useMutationForm(UPDATE_POLICY, { payload: (data) => data.updateNoticePolicy, fields, onDone });
  const form = policy ? update : create;
  const send = () => {
    if (policy) void update.submit({ policyId: policy.id, ...inputOf(draft) });
    else void create.submit({ tenantId, ...inputOf(draft) });
  };
  return (
    <Dialog kind="sheet" width="wide" title={policy ? t("policy.editTitle") : t("policy.new")} isOpen onClose={onClose}>
      <Form errors={form.fieldErrors} onSubmit={send}>
        <TextField name="name" label={t("name")} value={draft.name} onChange={(name) => change({ name })} maxLength={200} isRequired />
        <Switch isSelected={draft.isEnabled} onChange={(isEnabled) => change({ isEnabled })}>
          {t("policy.isEnabled")}
        </Switch>
        {channels.length === 0 ? (
          <Banner tone="warning">{t("policy.noChannels")}</Banner>
        ) : (
          <CheckboxGroup
            name="channelIds"
            label={t("policy.channels")}
            value={[...draft.channelIds]}
            onChange={(channelIds) => change({ channelIds })}
            options={channels.map(({ id, name, kind }) => ({ id, label: `${name} (${t(`channel.kind.${kind}`)})` }))}
            isRequired
          />
        )}
        <PolicySelectors draft={draft} change={change} isOperators={policy ? policy.tenantId == null : tenantId === null} />
        <PolicyTiming draft={draft} change={change} />
        <FormBanner form={form} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy} isDisabled={channels.length === 0}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
