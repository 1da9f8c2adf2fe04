import { graphql } from "@/api";

export const START_RUN = graphql(`
  mutation StartRun($input: StartRunInput!) {
    startRun(input: $input) {
      run {
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

export const PAUSE = graphql(`
  mutation PauseIntegration($input: PauseIntegrationInput!) {
    pauseIntegration(input: $input) {
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

export const RESUME = graphql(`
  mutation ResumeIntegration($input: ResumeIntegrationInput!) {
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

export const ARCHIVE = graphql(`
  mutation ArchiveIntegration($input: ArchiveIntegrationInput!) {
    archiveIntegration(input: $input) {
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
