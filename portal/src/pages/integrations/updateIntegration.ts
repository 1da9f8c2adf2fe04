import { graphql } from "@/api";

/** One mutation for every part that sets something of an integration. */
export const UPDATE_INTEGRATION = graphql(`
  mutation UpdateIntegration($input: UpdateIntegrationInput!) {
    updateIntegration(input: $input) {
      integration {
        id
        name
        updatedAt
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);
