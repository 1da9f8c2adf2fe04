import { createContext, use } from "react";

/** What pages are shown in: the portal itself, or a part of somebody else's page. */
export class Part {
  private pathname: string | null = null;

  /** As a guest it leaves the document's title alone, and the document's own heading stands above. */
  constructor(readonly isGuest: boolean) {}

  /** Whether somebody came to a page from another one, which may not have been there yet; the first leaves the focus where it is. */
  arrive(pathname: string, isFollowed: boolean): boolean {
    const isMove = this.pathname === null ? isFollowed : this.pathname !== pathname;
    this.pathname = pathname;
    return isMove;
  }
}

export const PartContext = createContext(new Part(false));

export function usePart(): Part {
  return use(PartContext);
}
