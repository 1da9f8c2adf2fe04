import { createContext, use } from "react";

/** A portal session in whose name everything is read, and whose it is. */
export interface SeenAs {
  token: string;
  /** Of the tenant. */
  name: string;
}

interface ViewAs {
  /** Null while one sees what is one's own. */
  seenAs: SeenAs | null;
  /** Goes on as the holder of `createPortalSession`'s token, until `leave`. */
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
