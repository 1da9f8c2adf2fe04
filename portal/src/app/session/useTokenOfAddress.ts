import { useState } from "react";

/** A token that a mail's link carries behind its #: taken out of the address at once, so that no history has it. */
export function useTokenOfAddress(): string | null {
  const [token] = useState(() => {
    const found = new URLSearchParams(window.location.hash.slice(1)).get("token");
    if (found) window.history.replaceState(window.history.state, "", window.location.pathname + window.location.search);
    return found;
  });
  return token;
}
