/** What can be asked for here, each with the fields that people look for. Other queries are for the API. */
export const kinds = {
  failures: `{ failures { edges { node { id failedAt status code category impact summary suggestedAction businessReference stream
    responsibleParty retryable attempts resolvedAt integration { id name } run { id } } } } }`,
  failureGroups: `{ failureGroups { edges { node { id status code category summary suggestedAction responsibleParty impact firstSeenAt lastSeenAt
    failureCount runCount integration { id name } } } } }`,
  runs: `{ runs { edges { node { id status trigger triggeredBy queuedAt startedAt finishedAt durationMs
    counts { read created updated unchanged skipped failed } integration { id name } } } } }`,
  integrations: `{ integrations { edges { node { id name description status statusReason createdAt updatedAt source { id name } destination { id name } } } } }`,
  systems: `{ systems { edges { node { id name status statusMessage lastTestedAt createdAt connector { name } } } } }`,
  incidents: `{ incidents { edges { node { id title status severity startedAt resolvedAt } } } }`,
  notices: `{ notices { edges { node { id kind channelName policyName itemCount createdAt sentAt items { type title summary at } } } } }`,
  auditEntries: `{ auditEntries { edges { node { id at actorId actorName role address operation objectId outcome detail requestId } } } }`,
  users: `{ users { edges { node { id email name role createdAt disabledAt secondFactor } } } }`,
} as const;

export type ExportKind = keyof typeof kinds;
