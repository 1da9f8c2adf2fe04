import { graphql, type TypedDocumentNode, type UserError } from "@/api";
import type { SystemStatus } from "@/api/generated/schema";

const TEST_SYSTEM = graphql(`
  mutation ActionTestSystem($input: TestSystemInput!) {
    testSystem(input: $input) {
      system {
        id
        status
        statusMessage
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const RESUME_INTEGRATION = graphql(`
  mutation ActionResumeIntegration($input: ResumeIntegrationInput!) {
    resumeIntegration(input: $input) {
      integration {
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

const START_RUN = graphql(`
  mutation ActionStartRun($input: StartRunInput!) {
    startRun(input: $input) {
      run {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const CANCEL_RETRY = graphql(`
  mutation ActionCancelRetry($input: CancelRetryInput!) {
    cancelRetry(input: $input) {
      retry {
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

export interface DirectPayload {
  system?: { status: SystemStatus; statusMessage: string | null } | null;
  run?: { id: string } | null;
  userErrors: readonly UserError[];
}

type DirectDocument = TypedDocumentNode<Record<string, DirectPayload>, { input: unknown }>;

/** Mutations whose input the API gives whole: a press does it. */
export const directMutations = {
  testSystem: TEST_SYSTEM as unknown as DirectDocument,
  resumeIntegration: RESUME_INTEGRATION as unknown as DirectDocument,
  startRun: START_RUN as unknown as DirectDocument,
  cancelRetry: CANCEL_RETRY as unknown as DirectDocument,
};

export type DirectMutation = keyof typeof directMutations;

export function isDirect(mutation: string): mutation is DirectMutation {
  return Object.hasOwn(directMutations, mutation);
}
