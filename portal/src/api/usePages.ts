import type { AnyVariables, TypedDocumentNode } from "@urql/core";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useClient, useQuery } from "urql";
import { problemOf, type Problem } from "./problem";
import { append, patched, renewHead, type Page, type Row } from "./rows";

interface Connection<Node> {
  edges: readonly { node: Node }[];
  pageInfo: { hasNextPage: boolean; endCursor?: string | null };
}

interface Options<Data, Variables, Node> {
  query: TypedDocumentNode<Data, Variables>;
  /** All but `first` and `after`, which the document declares. Others begin another list. */
  variables?: Omit<Variables, "first" | "after">;
  /** Where the connection is in the answer; null where the object around it is not there. */
  connection: (data: Data) => Connection<Node> | null | undefined;
  /** Rows of a page, 1 to 100. */
  pageSize?: number;
  paused?: boolean;
  /** Types that an empty list would hold, so that mutations of them read it anew. */
  typenames?: string[];
}

export interface Pages<Node, Data = unknown> {
  rows: readonly Node[];
  /** The answer with the first page, for what stands beside the list. */
  data: Data | undefined;
  /** The first page is on its way, and there is nothing to show yet. */
  isLoading: boolean;
  isLoadingMore: boolean;
  hasMore: boolean;
  problem: Problem | null;
  /** Loads the next page; does nothing while one is on its way. */
  loadMore: () => void;
  /** Reads the first page again and keeps what was loaded behind it. */
  refresh: () => void;
  /** Shows the fields of an object that changed, where it is shown. */
  patch: (changed: Partial<Node> & Row) => void;
  /** Takes rows away that are no longer of this list. */
  remove: (ids: readonly string[]) => void;
}

interface Loaded<Node> {
  key: string;
  head: unknown;
  rows: Node[];
  endCursor: string | null;
  hasMore: boolean;
}

/**
 * A Relay list that grows as one scrolls. Its first page is a query like any other, which mutations read anew; later pages are
 * read once. Rows stay where they are while a filter's answer is on its way.
 */
export function usePages<Data, Variables extends AnyVariables, Node extends Row>({
  query,
  variables,
  connection,
  pageSize = 50,
  paused = false,
  typenames,
}: Options<Data, Variables, Node>): Pages<Node, Data> {
  const client = useClient();
  const key = JSON.stringify(variables ?? {});
  const types = typenames?.join(",");
  const context = useMemo(
    () => ({ requestPolicy: "cache-and-network" as const, ...(types ? { additionalTypenames: types.split(",") } : {}) }),
    [types],
  );
  const variablesOf = (after: string | null) =>
    ({ ...(JSON.parse(key) as object), first: pageSize, after }) as unknown as Variables;
  const [head, execute] = useQuery({ query, variables: variablesOf(null), pause: paused, context });
  const [loaded, setLoaded] = useState<Loaded<Node> | null>(null);
  const [more, setMore] = useState<{ key: string; isLoading: boolean; problem: Problem | null } | null>(null);
  const isLoadingMore = useRef(false);

  const isHeadOfKey = !head.stale || loaded?.key !== key;
  if (head.data && loaded?.head !== head.data && isHeadOfKey && JSON.stringify(withoutPage(head.operation?.variables)) === key) {
    const page = pageOf(connection(head.data));
    const before = loaded?.key === key ? loaded : null;
    const renewed = before ? renewHead(before.rows, page) : { rows: page.nodes, isAnew: true };
    setLoaded({
      key,
      head: head.data,
      rows: renewed.rows,
      endCursor: renewed.isAnew || !before ? page.endCursor : before.endCursor,
      hasMore: renewed.isAnew || !before ? page.hasNextPage : before.hasMore,
    });
  }

  const current = useRef(loaded);
  useEffect(() => {
    current.current = loaded;
  }, [loaded]);

  const loadMore = useCallback(() => {
    const list = current.current;
    if (!list?.hasMore || list.key !== key || isLoadingMore.current) return;
    isLoadingMore.current = true;
    setMore({ key, isLoading: true, problem: null });
    void client
      .query(query, variablesOf(list.endCursor), { requestPolicy: "network-only" })
      .toPromise()
      .then(({ data, error }) => {
        isLoadingMore.current = false;
        setMore({ key, isLoading: false, problem: error ? problemOf(error) : null });
        if (!data) return;
        const page = pageOf(connection(data));
        setLoaded((now) =>
          now?.key !== key || now.endCursor !== list.endCursor
            ? now
            : { ...now, rows: append(now.rows, page.nodes), endCursor: page.endCursor, hasMore: page.hasNextPage },
        );
      });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `key` stands for the variables
  }, [client, query, key, pageSize]);

  const refresh = useCallback(() => execute({ requestPolicy: "network-only" }), [execute]);
  const patch = useCallback(
    (changed: Partial<Node> & Row) => setLoaded((now) => now && { ...now, rows: patched(now.rows, changed) }),
    [],
  );
  const remove = useCallback((ids: readonly string[]) => {
    const gone = new Set(ids);
    setLoaded((now) => now && { ...now, rows: now.rows.filter((row) => !gone.has(row.id)) });
  }, []);

  const ofKey = more?.key === key ? more : null;
  return {
    rows: loaded?.rows ?? [],
    data: head.data,
    isLoading: !paused && !loaded && !head.error,
    isLoadingMore: ofKey?.isLoading ?? false,
    hasMore: loaded?.key === key && loaded.hasMore,
    problem: head.error ? problemOf(head.error) : (ofKey?.problem ?? null),
    loadMore,
    refresh,
    patch,
    remove,
  };
}

function pageOf<Node>(connection: Connection<Node> | null | undefined): Page<Node> {
  return {
    nodes: connection?.edges.map((edge) => edge.node) ?? [],
    endCursor: connection?.pageInfo.endCursor ?? null,
    hasNextPage: connection?.pageInfo.hasNextPage ?? false,
  };
}

/** The variables that name the list, as they were given. */
function withoutPage(variables: AnyVariables): Record<string, unknown> {
  return Object.fromEntries(Object.entries(variables ?? {}).filter(([name]) => name !== "first" && name !== "after"));
}
