import { graphql, type ResultOf } from "@/api";

export const POLICY_PARTS = graphql(`
  fragment PolicyParts on EscalationPolicy {
    id
    position
    name
    isEnabled
    isDefault
    selectors {
      tenantIds
      codes
      categories
    }
    steps {
      afterSeconds
      party
      repeatCount
    }
    respondWithinSeconds
    resolveWithinSeconds
    warnPercent
    version
  }
`);

export type Policy = ResultOf<typeof POLICY_PARTS>;
