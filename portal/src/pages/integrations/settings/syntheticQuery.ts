import { graphql, type ResultOf } from "@/api";

export const SYNTHETIC_CHECK = graphql(`
  query SyntheticCheckOfIntegration($id: ID!) {
    integration(id: $id) {
      id
      syntheticCheck {
        stream
        record
        schedule {
          cron
          timeZone
        }
        everySeconds
        remove
        nextAt
        isUnderWay
        failingSince
        leftBehind
        setBy
        setAt
        results(first: 10) {
          edges {
            node {
              id
              status
              stage
              reason
              suggestedAction
              isVerified
              isRemoved
              triggeredBy
              startedAt
              finishedAt
              durations {
                stage
                ms
              }
            }
          }
        }
      }
    }
  }
`);

export type CheckOf = NonNullable<NonNullable<ResultOf<typeof SYNTHETIC_CHECK>["integration"]>["syntheticCheck"]>;

export const SET_SYNTHETIC_CHECK = graphql(`
  mutation SetSyntheticCheck($input: SetSyntheticCheckInput!) {
    setSyntheticCheck(input: $input) {
      integration {
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

export const REMOVE_SYNTHETIC_CHECK = graphql(`
  mutation RemoveSyntheticCheck($input: RemoveSyntheticCheckInput!) {
    removeSyntheticCheck(input: $input) {
      integration {
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

export const RUN_SYNTHETIC_CHECK = graphql(`
  mutation RunSyntheticCheck($input: RunSyntheticCheckInput!) {
    runSyntheticCheck(input: $input) {
      integration {
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
