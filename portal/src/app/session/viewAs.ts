import { createContext, use } from "react";
import { graphql } from "@/api";
import type { ViewRole } from "@/api/generated/schema";

export const VIEW_AS = graphql(`
  mutation ViewAs($input: ViewAsInput!) {
    viewAs(input: $input) {
      token
      expiresAt
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** As whom one looks, and the token of it. */
export interface SeenAs {
  token: string;
  tenantId: string;
  role: ViewRole;
  /** Of the tenant. */
  name: string;
}

interface ViewAs {
  /** Null while one sees what is one's own. */
  seenAs: SeenAs | null;
  /** Goes on with what `viewAs` answered, until `leave`. */
  start: (seenAs: SeenAs) => void;
  leave: () => void;
}

export const ViewAsContext = createContext<ViewAs | null>(null);

/** For staff: to see what a customer sees. */
export function useViewAs(): ViewAs {
  const context = use(ViewAsContext);
  if (!context) throw new Error("there is no view-as here");
  return context;
}
