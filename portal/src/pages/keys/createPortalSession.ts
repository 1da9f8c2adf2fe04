import { graphql } from "@/api";

export const CREATE_PORTAL_SESSION = graphql(`
  mutation CreatePortalSession($input: CreatePortalSessionInput!) {
    createPortalSession(input: $input) {
      portalSession {
        id
      }
      token
      expiresAt
      userErrors {
        code
        field
        message
      }
    }
  }
`);
