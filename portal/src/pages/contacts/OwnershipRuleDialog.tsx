import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import "./ruleParts";
import { graphql, useMutationForm } from "@/api";
import type { ResponsibleParty } from "@/api/generated/schema";
import { parties } from "@/pages/escalations/parties";
import { TenantsField } from "@/pages/escalations/TenantsField";
import { useSubjects } from "@/pages/runbooks/useSubjects";
import { Button, ComboBox, ConfirmDialog, Dialog, Form, FormActions, FormBanner, NumberField, Select, TagField, TextField, toast } from "@/ui";
import styles from "./Contacts.module.css";
import { RuleMatches } from "./RuleMatches";
import type { Rule } from "./ruleParts";
import type { useOwner } from "./useOwner";

const CREATE = graphql(`
  mutation CreateOwnershipRule($input: CreateOwnershipRuleInput!) {
    createOwnershipRule(input: $input) {
      ownershipRule {
        ...RuleParts
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
  mutation UpdateOwnershipRule($input: UpdateOwnershipRuleInput!) {
    updateOwnershipRule(input: $input) {
      ownershipRule {
        ...RuleParts
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
  mutation DeleteOwnershipRule($input: DeleteOwnershipRuleInput!) {
    deleteOwnershipRule(input: $input) {
      deletedRuleId
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const CONTACTS = graphql(`
  query ContactsOfRules($filter: ContactFilter) {
    contacts(filter: $filter, orderBy: { field: NAME, direction: ASC }, first: 100) {
      edges {
        node {
          id
          name
        }
      }
    }
  }
`);

const AS_USUAL = "asUsual";
const POSITION_MAX = 1_000_000;
const context = { additionalTypenames: ["OwnershipRule"] };
const fields = [
  "name",
  "position",
  "selectors.codes",
  "selectors.connectors",
  "selectors.streams",
  "selectors.tenantIds",
  "responsibleParty",
  "contactId",
];

interface OwnershipRuleDialogProps {
  rule: Rule | null;
  owner: ReturnType<typeof useOwner>;
  onClose: () => void;
}

/** Makes a rule, or changes one; says how many open groups of failures it would be about. */
export function OwnershipRuleDialog({ rule, owner, onClose }: OwnershipRuleDialogProps) {
  const { t } = useTranslation(["contacts", "escalations"]);
  const isOperators = owner.tenantId === null;
  const [name, setName] = useState(rule?.name ?? "");
  const [position, setPosition] = useState(rule?.position ?? Number.NaN);
  const [selectors, setSelectors] = useState(
    () => rule?.selectors ?? { codes: [], connectors: [], streams: [], tenantIds: [] },
  );
  const [party, setParty] = useState<ResponsibleParty | null>(rule?.responsibleParty ?? null);
  const [contactId, setContactId] = useState(rule?.contact?.id ?? null);
  const [isDeleting, setIsDeleting] = useState(false);
  const subjects = useSubjects();
  const [{ data }] = useQuery({ query: CONTACTS, variables: { filter: owner.filter } });

  const done = () => {
    toast(t("rules.saved"));
    onClose();
  };
  const create = useMutationForm(CREATE, { payload: (answer) => answer.createOwnershipRule, fields, onDone: done, context });
  const update = useMutationForm(UPDATE, { payload: (answer) => answer.updateOwnershipRule, fields, onDone: done });
  const remove = useMutationForm(DELETE, {
    payload: (answer) => answer.deleteOwnershipRule,
    onDone: () => {
      toast(t("rules.deleted"));
      onClose();
    },
    context,
  });
  const form = rule ? update : create;
  const chosen = {
    codes: selectors.codes,
    connectors: selectors.connectors,
    streams: selectors.streams,
    tenantIds: selectors.tenantIds,
  };
  const send = () => {
    const input = {
      name,
      selectors: chosen,
      contactId,
      ...(isOperators && { responsibleParty: party }),
      ...(!Number.isNaN(position) && { position }),
    };
    void (rule ? update.submit({ ...input, ruleId: rule.id, version: rule.version }) : create.submit({ ...input, tenantId: owner.tenantId }));
  };
  return (
    <Dialog title={rule ? t("rules.changeTitle") : t("rules.new")} isOpen onClose={onClose} kind="sheet">
      <Form errors={form.fieldErrors} onSubmit={send}>
        <div className={styles.fields}>
          <TextField
            name="name"
            label={t("column.name")}
            description={t("rules.nameHelp")}
            value={name}
            onChange={setName}
            isRequired
            maxLength={200}
          />
          <NumberField
            name="position"
            label={t("escalations:policies.position")}
            description={t("rules.positionHelp")}
            isOptional
            minValue={0}
            maxValue={POSITION_MAX}
            value={position}
            onChange={setPosition}
          />
        </div>
        <fieldset className={styles.fieldset}>
          <legend>{t("rules.about")}</legend>
          <TagField
            name="selectors.codes"
            label={t("escalations:policies.codes")}
            description={t("escalations:policies.codesHelp")}
            isOptional
            takesOthers
            options={subjects.codes}
            value={selectors.codes}
            onChange={(codes) => setSelectors((all) => ({ ...all, codes }))}
          />
          <TagField
            name="selectors.connectors"
            label={t("rules.connectors")}
            description={t("rules.connectorsHelp")}
            isOptional
            options={subjects.connectors}
            value={selectors.connectors}
            onChange={(connectors) => setSelectors((all) => ({ ...all, connectors }))}
          />
          <TagField
            name="selectors.streams"
            label={t("rules.streams")}
            description={t("rules.streamsHelp")}
            isOptional
            takesOthers
            options={[]}
            value={selectors.streams}
            onChange={(streams) => setSelectors((all) => ({ ...all, streams }))}
          />
          {isOperators && (
            <TenantsField
              name="selectors.tenantIds"
              value={selectors.tenantIds}
              onChange={(tenantIds) => setSelectors((all) => ({ ...all, tenantIds }))}
            />
          )}
          <RuleMatches tenantId={owner.tenantId} selectors={chosen} />
        </fieldset>
        <fieldset className={styles.fieldset}>
          <legend>{t("rules.whose")}</legend>
          {isOperators && (
            <Select
              name="responsibleParty"
              label={t("escalations:column.party")}
              options={[{ id: AS_USUAL, label: t("rules.asUsual") }, ...parties.map((id) => ({ id, label: t(`escalations:party.${id}`) }))]}
              value={party ?? AS_USUAL}
              onChange={(key) => setParty(key === AS_USUAL ? null : (key as ResponsibleParty))}
            />
          )}
          <ComboBox
            name="contactId"
            label={t("rules.contact")}
            isOptional={isOperators}
            isRequired={!isOperators}
            options={data?.contacts.edges.map(({ node }) => ({ id: node.id, label: node.name })) ?? []}
            value={contactId}
            onChange={(key) => setContactId(key === null ? null : String(key))}
          />
        </fieldset>
        <FormBanner form={form} />
        <FormActions>
          {rule && (
            <Button kind="quiet" icon={<Trash2 size={16} aria-hidden />} onPress={() => setIsDeleting(true)}>
              {t("delete.action")}
            </Button>
          )}
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
      {rule && (
        <ConfirmDialog
          title={t("delete.title", { name: rule.name })}
          isOpen={isDeleting}
          onClose={() => setIsDeleting(false)}
          action={t("delete.action")}
          isDanger
          form={remove}
          onConfirm={() => void remove.submit({ ruleId: rule.id })}
        >
          {t("rules.deleteHelp")}
        </ConfirmDialog>
      )}
    </Dialog>
  );
}
