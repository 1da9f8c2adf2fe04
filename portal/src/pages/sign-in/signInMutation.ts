import { graphql } from "@/api";
import "@/app/session/signedIn";

export const SIGN_IN = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      ...SignedIn
    }
  }
`);
