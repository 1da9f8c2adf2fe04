import { graphql, type ResultOf } from "@/api";

export const CONTACT = graphql(`
  fragment ContactOfIntegration on Contact {
    id
    name
    kind
    email
    phone
    url
  }
`);

export type ContactOf = ResultOf<typeof CONTACT>;

export const CONTACTS_OF_INTEGRATION = graphql(`
  query ContactsOfIntegration($id: ID!) {
    integration(id: $id) {
      id
      contacts {
        integrationOwner {
          ...ContactOfIntegration
        }
        dataSteward {
          ...ContactOfIntegration
        }
        businessSponsor {
          ...ContactOfIntegration
        }
      }
    }
  }
`);
