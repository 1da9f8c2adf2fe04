import { useCallback, useEffect, useRef } from "react";

/** Does the work now, and when it is asked for again soon, once more at the end of the time: for events that come in numbers. */
export function useThrottled(work: () => void, ms: number): () => void {
  const latest = useRef(work);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const isDue = useRef(false);
  useEffect(() => {
    latest.current = work;
  }, [work]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    if (timer.current !== undefined) {
      isDue.current = true;
      return;
    }
    const rest = () => {
      timer.current = isDue.current ? setTimeout(rest, ms) : undefined;
      if (!isDue.current) return;
      isDue.current = false;
      latest.current();
    };
    timer.current = setTimeout(rest, ms);
    latest.current();
  }, [ms]);
}
