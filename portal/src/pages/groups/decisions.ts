import { graphql, type TypedDocumentNode, type UserError } from "@/api";

const ACKNOWLEDGE = graphql(`
  mutation AcknowledgeFailureGroup($input: AcknowledgeFailureGroupInput!) {
    acknowledgeFailureGroup(input: $input) {
      failureGroup {
        id
        status
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const RESOLVE = graphql(`
  mutation ResolveFailureGroup($input: ResolveFailureGroupInput!) {
    resolveFailureGroup(input: $input) {
      failureGroup {
        id
        status
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const IGNORE = graphql(`
  mutation IgnoreFailureGroup($input: IgnoreFailureGroupInput!) {
    ignoreFailureGroup(input: $input) {
      failureGroup {
        id
        status
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const REOPEN = graphql(`
  mutation ReopenFailureGroup($input: ReopenFailureGroupInput!) {
    reopenFailureGroup(input: $input) {
      failureGroup {
        id
        status
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface Answer {
  failureGroup: { id: string } | null;
  userErrors: readonly UserError[];
}

type NoteDocument = TypedDocumentNode<Record<string, Answer>, { input: { groupId: string; note?: string | null } }>;

/** Decisions that take a note and nothing else. */
export const noteDecisions = {
  acknowledge: { mutation: ACKNOWLEDGE as unknown as NoteDocument, field: "acknowledgeFailureGroup" },
  resolve: { mutation: RESOLVE as unknown as NoteDocument, field: "resolveFailureGroup" },
  ignore: { mutation: IGNORE as unknown as NoteDocument, field: "ignoreFailureGroup" },
  reopen: { mutation: REOPEN as unknown as NoteDocument, field: "reopenFailureGroup" },
};

export type NoteDecision = keyof typeof noteDecisions;
