import { graphql, type ResultOf } from "@/api";

export const WORD_PARTS = graphql(`
  fragment WordParts on Word {
    code
    part
    audience
    locale
    text
    shipped
    isOverridden
    setAt
    setBy
  }
`);

export type Word = ResultOf<typeof WORD_PARTS>;
