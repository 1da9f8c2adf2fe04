import { graphql } from "@/api";

export const CREATE_SYSTEM = graphql(`
  mutation CreateSystem($input: CreateSystemInput!) {
    createSystem(input: $input) {
      system {
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

export const UPDATE_SYSTEM = graphql(`
  mutation UpdateSystem($input: UpdateSystemInput!) {
    updateSystem(input: $input) {
      system {
        id
        name
        config
        hasCredentials
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

export const TEST_SYSTEM = graphql(`
  mutation TestSystem($input: TestSystemInput!) {
    testSystem(input: $input) {
      system {
        id
        status
        statusMessage
        lastTestedAt
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const DELETE_SYSTEM = graphql(`
  mutation DeleteSystem($input: DeleteSystemInput!) {
    deleteSystem(input: $input) {
      deletedSystemId
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const CREATE_CONNECT_LINK = graphql(`
  mutation CreateConnectLink($input: CreateConnectLinkInput!) {
    createConnectLink(input: $input) {
      url
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const ROTATE_WEBHOOK_URL = graphql(`
  mutation RotateWebhookUrl($input: RotateWebhookUrlInput!) {
    rotateWebhookUrl(input: $input) {
      system {
        id
        webhook {
          url
          path
          previousUrlUntil
        }
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);
