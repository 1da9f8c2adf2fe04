import { useEffect, useEffectEvent } from "react";

/** Does something again and again while the page is seen, for what tells nobody that it changed. */
export function useEvery(ms: number, work: () => void, paused = false): void {
  const tick = useEffectEvent(work);
  useEffect(() => {
    if (paused) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") tick();
    }, ms);
    return () => clearInterval(timer);
  }, [ms, paused]);
}
