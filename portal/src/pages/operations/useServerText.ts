import { useCallback, useEffect, useState } from "react";
import { useEvery } from "@/api";

export interface ServerText {
  status: number;
  text: string;
}

const EVERY_MS = 10_000;

/** What the server tells beside its API, again and again; null until then, and while it can't be reached. */
export function useServerText(path: "/readyz" | "/metrics"): ServerText | null {
  const [answer, setAnswer] = useState<ServerText | null>(null);
  const read = useCallback(() => {
    fetch(path, { credentials: "omit" })
      .then(async (response) => setAnswer({ status: response.status, text: await response.text() }))
      .catch(() => setAnswer(null));
  }, [path]);
  useEffect(read, [read]);
  useEvery(EVERY_MS, read);
  return answer;
}
