import { graphql } from "@/api";
import "@/app/session/signedIn";

export const START = graphql(`
  mutation StartSingleSignOn($input: StartSingleSignOnInput!) {
    startSingleSignOn(input: $input) {
      authorizationUrl
      secret
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const FINISH = graphql(`
  mutation FinishSingleSignOn($input: FinishSingleSignOnInput!) {
    finishSingleSignOn(input: $input) {
      ...SignedIn
    }
  }
`);

interface Attempt {
  secret: string;
  next: string | null;
  providerId: string;
}

const KEY = "trestle.singleSignOn";

/** Kept by this tab alone: nobody else can come back in its place. */
export function keep(attempt: Attempt): void {
  sessionStorage.setItem(KEY, JSON.stringify(attempt));
}

export function keptAttempt(): Attempt | null {
  return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Attempt | null;
}

export function forget(): void {
  sessionStorage.removeItem(KEY);
}
