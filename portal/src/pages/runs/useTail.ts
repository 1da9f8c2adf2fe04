import type { AnyVariables, TypedDocumentNode } from "@urql/core";
import { useCallback, useEffect, useRef, useState } from "react";
import { useClient } from "urql";
import { problemOf, type Problem } from "@/api";

interface Connection<Node> {
  edges: readonly { cursor: string; node: Node }[];
  pageInfo: { hasNextPage: boolean };
}

interface Options<Data, Variables, Node> {
  query: TypedDocumentNode<Data, Variables>;
  /** All but `first` and `after`, which the document declares. Others begin another list. */
  variables: Omit<Variables, "first" | "after">;
  connection: (data: Data) => Connection<Node> | null | undefined;
  /** So many rows are loaded at once, if there are so many; the others as one asks for them. */
  ahead?: number;
  paused?: boolean;
}

export interface Tail<Node> {
  rows: readonly (Node & { id: string })[];
  isLoading: boolean;
  isLoadingMore: boolean;
  hasMore: boolean;
  problem: Problem | null;
  loadMore: () => void;
  /** Something may have come behind the end: reads on where everything before was read. */
  catchUp: () => void;
}

interface Loaded<Node> {
  key: string;
  rows: (Node & { id: string })[];
  cursor: string | null;
  hasMore: boolean;
  isDone: boolean;
}

const PAGE_ROWS = 100;

/** A list that begins with the oldest and grows at its end, such as the events of a run under way. Rows are known by their cursors. */
export function useTail<Data, Variables extends AnyVariables, Node>({
  query,
  variables,
  connection,
  ahead = PAGE_ROWS,
  paused = false,
}: Options<Data, Variables, Node>): Tail<Node> {
  const client = useClient();
  const key = JSON.stringify(variables);
  const [loaded, setLoaded] = useState<Loaded<Node>>({ key, rows: [], cursor: null, hasMore: true, isDone: false });
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const state = useRef({ loaded, isBusy: false, isAsked: false });

  const read = useCallback(async () => {
    const now = state.current;
    now.isAsked = true;
    if (now.isBusy) return;
    now.isBusy = true;
    setIsBusy(true);
    while (now.isAsked) {
      now.isAsked = false;
      const before = now.loaded.key === key ? now.loaded : { key, rows: [], cursor: null, hasMore: true, isDone: false };
      const asked = { ...(JSON.parse(key) as object), first: PAGE_ROWS, after: before.cursor } as unknown as Variables;
      const { data, error } = await client.query(query, asked, { requestPolicy: "network-only" }).toPromise();
      const page = data && connection(data);
      const fresh = page?.edges.map(({ cursor, node }) => ({ ...node, id: cursor })) ?? [];
      now.loaded = {
        key,
        rows: [...before.rows, ...fresh],
        cursor: page?.edges.at(-1)?.cursor ?? before.cursor,
        hasMore: page?.pageInfo.hasNextPage ?? false,
        isDone: true,
      };
      setProblem(error ? problemOf(error) : null);
      setLoaded(now.loaded);
      if (!error && now.loaded.hasMore && now.loaded.rows.length < ahead) now.isAsked = true;
    }
    now.isBusy = false;
    setIsBusy(false);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `key` stands for the variables
  }, [client, query, key, ahead]);

  useEffect(() => {
    if (!paused) void read();
  }, [read, paused]);

  const catchUp = useCallback(() => {
    if (!state.current.loaded.hasMore) void read();
  }, [read]);

  const isOfKey = loaded.key === key;
  return {
    rows: isOfKey ? loaded.rows : [],
    isLoading: !paused && !(isOfKey && loaded.isDone) && problem === null,
    isLoadingMore: isBusy && loaded.isDone,
    hasMore: isOfKey && loaded.isDone && loaded.hasMore,
    problem,
    loadMore: () => void read(),
    catchUp,
  };
}
