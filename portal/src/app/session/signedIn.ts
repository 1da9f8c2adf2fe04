import { graphql } from "@/api";

/** What the session takes from each way to sign in. */
export const SIGNED_IN = graphql(`
  fragment SignedIn on SignInPayload {
    accessToken
    refreshToken
    expiresAt
    viewer {
      role
      user {
        id
      }
    }
    userErrors {
      code
      field
      message
    }
  }
`);
