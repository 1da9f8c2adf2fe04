import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import type { OwnershipSelectorsInput } from "@/api/generated/schema";
import styles from "./Contacts.module.css";

const MATCHES = graphql(`
  query OwnershipRuleMatches($tenantId: ID, $selectors: OwnershipSelectorsInput!) {
    ownershipRuleMatches(tenantId: $tenantId, selectors: $selectors) {
      count
      lookedAt
      hasMore
    }
  }
`);

interface RuleMatchesProps {
  tenantId: string | null;
  selectors: OwnershipSelectorsInput;
}

/** How many of the open groups a rule would be about. */
export function RuleMatches({ tenantId, selectors }: RuleMatchesProps) {
  const { t } = useTranslation("contacts");
  const [{ data, fetching }] = useQuery({ query: MATCHES, variables: { tenantId, selectors } });
  const found = data?.ownershipRuleMatches;
  return (
    <p role="status" className={styles.matches} aria-busy={fetching}>
      {found &&
        (found.hasMore
          ? t("rules.matchesOfLatest", { count: found.count, lookedAt: found.lookedAt })
          : t("rules.matches", { count: found.count, lookedAt: found.lookedAt }))}
    </p>
  );
}
