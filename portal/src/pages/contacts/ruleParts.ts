import { graphql, type ResultOf } from "@/api";

export const RULE_PARTS = graphql(`
  fragment RuleParts on OwnershipRule {
    id
    position
    name
    selectors {
      codes
      connectors
      streams
      tenantIds
    }
    responsibleParty
    contact {
      id
      name
    }
    version
  }
`);

export type Rule = ResultOf<typeof RULE_PARTS>;
