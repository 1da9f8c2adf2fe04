import { graphql, type ResultOf } from "@/api";

export const CHANNEL_FIELDS = graphql(`
  fragment ChannelFields on NoticeChannel {
    id
    tenantId
    name
    kind
    status
    statusReason
    url
    previousSecretUntil
    addresses
    toAdmins
    isDefault
    failingSince
    createdAt
  }
`);

export type Channel = ResultOf<typeof CHANNEL_FIELDS>;
