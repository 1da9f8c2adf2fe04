import { useTranslation } from "react-i18next";
import { useIsStaff, useTenantScope } from "@/app/session";
import { type Filter, useAddress } from "@/ui";

/** Whose notices these are: a tenant's; to staff also the operator's own, which come first. */
export function useOwner() {
  const { t } = useTranslation("notices");
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [address] = useAddress();
  const isOpen = isStaff && tenant === null;
  const owner = address.get("owner");
  const filters: Filter[] = isOpen
    ? [{ kind: "choice", name: "owner", label: t("owner.label"), options: ["operator", "tenants"].map((id) => ({ id, label: t(`owner.${id}`) })) }]
    : [];
  return {
    /** For filters of the API. */
    filter: { tenantId: tenant?.id ?? null, isOperators: isOpen && owner !== null ? owner === "operator" : null },
    /** For what is made: null is the caller's own. */
    tenantId: tenant?.id ?? null,
    /** Of a filter bar. */
    filters,
    /** Lists are of several owners. */
    isOpen,
  };
}
