import { graphql, type ResultOf } from "@/api";

export const CONTACT_PARTS = graphql(`
  fragment ContactParts on Contact {
    id
    tenantId
    kind
    name
    email
    phone
    url
    userId
    note
    version
  }
`);

export type Contact = ResultOf<typeof CONTACT_PARTS>;
