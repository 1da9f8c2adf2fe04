import { useTranslation } from "react-i18next";
import type { ResponsibleParty } from "@/api/generated/schema";
import { useIsStaff } from "@/app/session";

/** Who acts, as one says it: a tenant's people are "you", and of the operator they know no more than that it is the operator. */
export function usePartyName() {
  const { t } = useTranslation("failures");
  const isStaff = useIsStaff();
  return (party: ResponsibleParty): string => t(`${isStaff ? "party" : "partyToTenant"}.${party}`);
}
