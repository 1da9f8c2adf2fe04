import { graphql, type ResultOf } from "@/api";

export const POLICY_FIELDS = graphql(`
  fragment PolicyFields on NoticePolicy {
    id
    tenantId
    name
    isEnabled
    isDefault
    channelIds
    delivery
    digestHour
    timeZone
    quietOverride
    hourlyMax
    quietHours {
      from
      until
    }
    selectors {
      kinds
      tenantIds
      integrationIds
      codes
      categories
      responsibleParties
      countMin
      impactMin
    }
  }
`);

export type Policy = ResultOf<typeof POLICY_FIELDS>;
