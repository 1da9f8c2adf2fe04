import { useTranslation } from "react-i18next";
import type { FailureCategory, Impact, OccasionKind, ResponsibleParty } from "@/api/generated/schema";
import { useIsStaff } from "@/app/session";
import { IntegrationField } from "@/pages/kill-switches/IntegrationField";
import { PickedObjects } from "@/pages/tenants/PickedObjects";
import { TenantField } from "@/pages/tenants/TenantField";
import { CheckboxGroup, Disclosure, NumberField, Select, TextArea } from "@/ui";
import { occasionsFor } from "./occasions";
import type { PolicyDraft } from "./policyDraft";
import styles from "./PolicySelectors.module.css";

const categories: readonly FailureCategory[] = ["USER_ACTION", "UNSUPPORTED_DATA", "INTEGRATION_DESIGN", "APPLICATION", "INFRASTRUCTURE"];
const parties: readonly ResponsibleParty[] = ["CUSTOMER", "SUPPORT", "ENGINEERING", "THIRD_PARTY"];
const impacts: readonly Impact[] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
const ANY = "any";

interface PolicySelectorsProps {
  draft: PolicyDraft;
  change: (part: Partial<PolicyDraft>) => void;
  isOperators: boolean;
}

/** Of what a policy tells; whatever is left empty is open. */
export function PolicySelectors({ draft, change, isOperators }: PolicySelectorsProps) {
  const { t } = useTranslation(["notices", "common"]);
  const isStaff = useIsStaff();
  const ofOperator = isStaff && isOperators;
  const add = (ids: readonly string[], id: string | null) => (id === null || ids.includes(id) ? ids : [...ids, id]);
  return (
    <>
      <CheckboxGroup
        name="selectors.kinds"
        label={t("policy.kinds")}
        description={t("policy.kindsHelp")}
        value={[...draft.kinds]}
        onChange={(kinds) => change({ kinds: kinds as OccasionKind[] })}
        options={occasionsFor(ofOperator).map((id) => ({ id, label: t(`occasion.${id}`) }))}
      />
      <Disclosure title={t("policy.more")} isOpenAtFirst={isNarrowed(draft)}>
        <div className={styles.more}>
          <IntegrationField
            key={draft.integrationIds.length}
            label={t("policy.integrations")}
            isOptional
            onChoose={(id) => change({ integrationIds: add(draft.integrationIds, id) })}
          />
          <PickedObjects ids={draft.integrationIds} onChange={(integrationIds) => change({ integrationIds })} />
          {ofOperator && (
            <>
              <TenantField
                key={draft.tenantIds.length}
                name="tenantIds"
                label={t("policy.tenants")}
                isOptional
                isEmptyAtFirst
                onChoose={(tenant) => change({ tenantIds: add(draft.tenantIds, tenant?.id ?? null) })}
              />
              <PickedObjects ids={draft.tenantIds} onChange={(tenantIds) => change({ tenantIds })} />
            </>
          )}
          <CheckboxGroup
            name="selectors.categories"
            label={t("policy.categories")}
            value={[...draft.categories]}
            onChange={(chosen) => change({ categories: chosen as FailureCategory[] })}
            options={categories.map((id) => ({ id, label: t(`category.${id}`) }))}
          />
          <CheckboxGroup
            name="selectors.responsibleParties"
            label={t("policy.parties")}
            value={[...draft.responsibleParties]}
            onChange={(chosen) => change({ responsibleParties: chosen as ResponsibleParty[] })}
            options={parties.map((id) => ({ id, label: t(`party.${id}`) }))}
          />
          <Select
            name="selectors.impactMin"
            label={t("policy.impact")}
            description={t("policy.impactHelp")}
            value={draft.impactMin ?? ANY}
            onChange={(key) => change({ impactMin: key === ANY ? null : (key as Impact) })}
            options={[{ id: ANY, label: t("policy.anyImpact") }, ...impacts.map((id) => ({ id, label: t(`common:status.impact.${id}`) }))]}
          />
          <NumberField
            name="selectors.countMin"
            label={t("policy.countMin")}
            description={t("policy.countMinHelp")}
            value={draft.countMin}
            onChange={(countMin) => change({ countMin: Number.isNaN(countMin) ? 0 : countMin })}
            minValue={0}
          />
          <TextArea
            name="selectors.codes"
            label={t("policy.codes")}
            description={t("policy.codesHelp")}
            placeholder="destination.rejected"
            value={draft.codes}
            onChange={(codes) => change({ codes })}
            rows={2}
            isOptional
            isCode
          />
        </div>
      </Disclosure>
    </>
  );
}

function isNarrowed(draft: PolicyDraft): boolean {
  const { integrationIds, tenantIds, categories: ofCategories, responsibleParties, impactMin, countMin, codes } = draft;
  return [...integrationIds, ...tenantIds, ...ofCategories, ...responsibleParties].length > 0 || impactMin !== null || countMin > 0 || codes !== "";
}
