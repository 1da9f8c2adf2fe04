import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import "./policyParts";
import { graphql, useMutationForm } from "@/api";
import type { FailureCategory } from "@/api/generated/schema";
import { useSubjects } from "@/pages/runbooks/useSubjects";
import {
  Button,
  CheckboxGroup,
  ConfirmDialog,
  Dialog,
  Form,
  FormActions,
  FormBanner,
  NumberField,
  TagField,
  TextField,
  toast,
} from "@/ui";
import { DurationField } from "./DurationField";
import styles from "./Escalations.module.css";
import { categories } from "./parties";
import type { Policy } from "./policyParts";
import { StepFields, type StepDraft } from "./StepFields";
import { TenantsField } from "./TenantsField";

const CREATE = graphql(`
  mutation CreateEscalationPolicy($input: CreateEscalationPolicyInput!) {
    createEscalationPolicy(input: $input) {
      escalationPolicy {
        ...PolicyParts
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const UPDATE = graphql(`
  mutation UpdateEscalationPolicy($input: UpdateEscalationPolicyInput!) {
    updateEscalationPolicy(input: $input) {
      escalationPolicy {
        ...PolicyParts
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const DELETE = graphql(`
  mutation DeleteEscalationPolicy($input: DeleteEscalationPolicyInput!) {
    deleteEscalationPolicy(input: $input) {
      deletedPolicyId
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const STEPS_MAX = 10;
const HOUR = 3_600;
const context = { additionalTypenames: ["EscalationPolicy"] };

/** Makes a policy, or changes one: its steps with their times, and what is promised. */
export function PolicyDialog({ policy, onClose }: { policy: Policy | null; onClose: () => void }) {
  const { t } = useTranslation("escalations");
  const [name, setName] = useState(policy?.name ?? "");
  const [position, setPosition] = useState(policy?.position ?? Number.NaN);
  const [tenantIds, setTenantIds] = useState(policy?.selectors.tenantIds ?? []);
  const [codes, setCodes] = useState(policy?.selectors.codes ?? []);
  const [chosenCategories, setCategories] = useState<string[]>(policy?.selectors.categories ?? []);
  const [steps, setSteps] = useState<StepDraft[]>(
    () => policy?.steps.map((step, key) => ({ key, ...step })) ?? [{ key: 0, afterSeconds: HOUR, party: "SUPPORT", repeatCount: 0 }],
  );
  const [respond, setRespond] = useState(policy?.respondWithinSeconds ?? null);
  const [resolve, setResolve] = useState(policy?.resolveWithinSeconds ?? null);
  const [warn, setWarn] = useState(policy?.warnPercent ?? 80);
  const [isDeleting, setIsDeleting] = useState(false);
  const subjects = useSubjects();

  const fields = [
    "name",
    "position",
    "selectors.tenantIds",
    "selectors.codes",
    "selectors.categories",
    "respondWithinSeconds",
    "resolveWithinSeconds",
    "warnPercent",
    ...steps.flatMap((_, at) => ["afterSeconds", "party", "repeatCount"].map((field) => `steps.${at}.${field}`)),
  ];
  const done = () => {
    toast(t("policies.saved"));
    onClose();
  };
  const create = useMutationForm(CREATE, { payload: (data) => data.createEscalationPolicy, fields, onDone: done, context });
  const update = useMutationForm(UPDATE, { payload: (data) => data.updateEscalationPolicy, fields, onDone: done });
  const remove = useMutationForm(DELETE, {
    payload: (data) => data.deleteEscalationPolicy,
    onDone: () => {
      toast(t("policies.deleted"));
      onClose();
    },
    context,
  });
  const form = policy ? update : create;
  const send = () => {
    const input = {
      name,
      selectors: { tenantIds, codes, categories: chosenCategories as FailureCategory[] },
      steps: steps.map(({ afterSeconds, party, repeatCount }) => ({ afterSeconds: afterSeconds ?? 0, party, repeatCount })),
      respondWithinSeconds: respond,
      resolveWithinSeconds: resolve,
      warnPercent: warn,
      // The standard one stands last, for good.
      ...(!Number.isNaN(position) && !policy?.isDefault && { position }),
    };
    void (policy ? update.submit({ ...input, policyId: policy.id, version: policy.version }) : create.submit(input));
  };
  return (
    <Dialog title={policy ? t("policies.changeTitle") : t("policies.new")} isOpen onClose={onClose} kind="sheet" width="wide">
      <p>{policy ? t("policies.changeHelp") : t("policies.newHelp")}</p>
      <Form errors={form.fieldErrors} onSubmit={send}>
        <div className={styles.fields}>
          <TextField name="name" label={t("policies.name")} value={name} onChange={setName} isRequired maxLength={200} />
          {!policy?.isDefault && (
            <NumberField
              name="position"
              label={t("policies.position")}
              description={t("policies.positionHelp")}
              isOptional
              minValue={0}
              maxValue={999_999}
              value={position}
              onChange={setPosition}
            />
          )}
        </div>
        <fieldset className={styles.fieldset}>
          <legend>{t("policies.for")}</legend>
          <TenantsField name="selectors.tenantIds" value={tenantIds} onChange={setTenantIds} />
          <TagField
            name="selectors.codes"
            label={t("policies.codes")}
            description={t("policies.codesHelp")}
            isOptional
            takesOthers
            options={subjects.codes}
            value={codes}
            onChange={setCodes}
          />
          <CheckboxGroup
            name="selectors.categories"
            label={t("policies.categories")}
            isOptional
            options={categories.map((id) => ({ id, label: t(`category.${id}`) }))}
            value={chosenCategories}
            onChange={setCategories}
          />
        </fieldset>
        <fieldset className={styles.fieldset}>
          <legend>{t("policies.steps")}</legend>
          {steps.map((step, at) => (
            <StepFields
              key={step.key}
              at={at}
              value={step}
              onChange={(changed) => setSteps((all) => all.map((each) => (each.key === changed.key ? changed : each)))}
              onRemove={() => setSteps((all) => all.filter((each) => each.key !== step.key))}
            />
          ))}
          {steps.length < STEPS_MAX && (
            <div>
              <Button
                size="small"
                icon={<Plus size={14} aria-hidden />}
                onPress={() => setSteps((all) => [...all, { key: nextKey(all), afterSeconds: HOUR, party: "ENGINEERING", repeatCount: 0 }])}
              >
                {t("policies.addStep")}
              </Button>
            </div>
          )}
        </fieldset>
        <fieldset className={styles.fieldset}>
          <legend>{t("promises.title")}</legend>
          <div className={styles.fields}>
            <DurationField name="respondWithinSeconds" label={t("sla.kind.RESPONSE")} isOptional value={respond} onChange={setRespond} />
            <DurationField name="resolveWithinSeconds" label={t("sla.kind.RESOLUTION")} isOptional value={resolve} onChange={setResolve} />
            <NumberField
              name="warnPercent"
              label={t("policies.warn")}
              description={t("policies.warnHelp")}
              minValue={1}
              maxValue={100}
              value={warn}
              onChange={setWarn}
            />
          </div>
        </fieldset>
        <FormBanner form={form} />
        <FormActions>
          {policy && !policy.isDefault && (
            <Button kind="quiet" icon={<Trash2 size={16} aria-hidden />} onPress={() => setIsDeleting(true)}>
              {t("policies.delete")}
            </Button>
          )}
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
      {policy && (
        <ConfirmDialog
          title={t("policies.deleteTitle", { name: policy.name })}
          isOpen={isDeleting}
          onClose={() => setIsDeleting(false)}
          action={t("policies.delete")}
          isDanger
          form={remove}
          onConfirm={() => void remove.submit({ policyId: policy.id })}
        >
          {t("policies.deleteHelp")}
        </ConfirmDialog>
      )}
    </Dialog>
  );
}

function nextKey(all: readonly StepDraft[]): number {
  return Math.max(-1, ...all.map(({ key }) => key)) + 1;
}
