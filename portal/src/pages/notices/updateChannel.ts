import { graphql } from "@/api";

export const UPDATE_CHANNEL = graphql(`
  mutation UpdateNoticeChannel($input: UpdateNoticeChannelInput!) {
    updateNoticeChannel(input: $input) {
      noticeChannel {
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
