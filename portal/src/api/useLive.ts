import type { AnyVariables, CombinedError, TypedDocumentNode } from "@urql/core";
import { useEffect, useEffectEvent, useState } from "react";
import { useClient } from "urql";
import { subscribe } from "wonka";
import { hasCode, problemOf, type Problem } from "./problem";

interface Options<Data, Variables> {
  /** A filter, such as `{ integrationId }`. `since` is filled in. */
  variables?: Omit<Variables, "since">;
  /** Nothing is listened to meanwhile, for example when everything is over. */
  paused?: boolean;
  /** An object as it is now: patch the rows that show it, or read them anew. */
  onChange: (data: Data) => void;
  /** More changed than is told: read anew what is shown. */
  onBehind: () => void;
}

/** A browser has six connections to a server, so tabs that nobody sees let go of theirs. */
const HIDDEN_GRACE_MS = 10_000;

/**
 * Listens to a subscription while the page is seen, and catches up after it was not. Declare `$since: DateTime` in the document
 * where the field takes it. Returns what is wrong with it, which is null most of the time.
 */
export function useLive<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  { variables, paused = false, onChange, onBehind }: Options<Data, Variables>,
): Problem | null {
  const client = useClient();
  const isSeen = useIsSeen();
  const [error, setError] = useState<CombinedError | null>(null);
  const [memory] = useState<{ since?: string }>(() => ({ since: new Date().toISOString() }));
  const changed = useEffectEvent(onChange);
  const behind = useEffectEvent(onBehind);
  const key = JSON.stringify(variables ?? {});

  useEffect(() => {
    if (paused || !isSeen) return;
    const given = JSON.parse(key) as Record<string, unknown>;
    const source = client.subscription(document, { ...given, since: memory.since } as unknown as Variables);
    const listening = subscribe((result: Awaited<ReturnType<typeof source.toPromise>>) => {
      const since: unknown = (result.extensions as Record<string, unknown> | undefined)?.since;
      if (typeof since === "string") memory.since = since;
      if (hasCode(result.error, "CATCH_UP_INCOMPLETE")) behind();
      else setError(result.error ?? null);
      if (result.data) changed(result.data);
    })(source);
    return () => listening.unsubscribe();
  }, [client, document, key, paused, isSeen, memory]);

  return error && problemOf(error);
}

/** Whether somebody may be looking: false once the tab has been hidden for a while. */
function useIsSeen(): boolean {
  const [isSeen, setIsSeen] = useState(() => document.visibilityState === "visible");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible") setIsSeen(true);
      else timer = setTimeout(() => setIsSeen(false), HIDDEN_GRACE_MS);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return isSeen;
}
