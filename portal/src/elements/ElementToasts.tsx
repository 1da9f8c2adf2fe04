import { useEffect, useState } from "react";
import { Toasts } from "@/ui";

let latest: HTMLElement | null = null;
const listeners = new Set<() => void>();

/** Messages appear once: over the element that somebody used last. */
export function ElementToasts({ element }: { element: HTMLElement }) {
  const [isLatest, setIsLatest] = useState(false);
  useEffect(() => {
    const look = () => setIsLatest(latest === element);
    const use = () => {
      if (latest === element) return;
      latest = element;
      for (const listener of listeners) listener();
    };
    listeners.add(look);
    element.addEventListener("pointerdown", use, { capture: true });
    element.addEventListener("keydown", use, { capture: true });
    return () => {
      listeners.delete(look);
      element.removeEventListener("pointerdown", use, { capture: true });
      element.removeEventListener("keydown", use, { capture: true });
    };
  }, [element]);
  return isLatest && <Toasts />;
}
