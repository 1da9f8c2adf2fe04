import { graphql } from "@/api";

export const UPDATE_POLICY = graphql(`
  mutation UpdateNoticePolicy($input: UpdateNoticePolicyInput!) {
    updateNoticePolicy(input: $input) {
      noticePolicy {
        id
        isEnabled
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);
