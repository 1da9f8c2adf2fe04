/** Connections page by page, each asked for when the one before was taken. */

import { NotFound, TrestleError } from "./errors.js";

/** What is asked of a connection to go on behind it. */
export interface Page {
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor?: string | null };
}

/** A page with its objects. */
export interface PageOf<TNode> extends Page {
  readonly edges: readonly { readonly node: TNode }[];
}

/** Where a document has connections, `failures` or `run.failures`; lists are not looked into. */
export type PagePath<TData, TPage = Page, TDepth extends readonly unknown[] = []> = TDepth["length"] extends 5
  ? never
  : {
      [K in keyof TData & string]: NonNullable<TData[K]> extends TPage
        ? K
        : NonNullable<TData[K]> extends readonly unknown[]
          ? never
          : NonNullable<TData[K]> extends object
            ? `${K}.${PagePath<NonNullable<TData[K]>, TPage, [...TDepth, 0]>}`
            : never;
    }[keyof TData & string];

/** What is at a path. */
export type At<TData, TPath extends string> = TPath extends `${infer THead}.${infer TRest}`
  ? THead extends keyof TData
    ? At<NonNullable<TData[THead]>, TRest>
    : never
  : TPath extends keyof TData
    ? NonNullable<TData[TPath]>
    : never;

/** The objects of the connection at a path. */
export type NodeAt<TData, TPath extends string> = At<TData, TPath> extends PageOf<infer TNode> ? TNode : never;

/** Pages from `after` on, to the last one. */
export async function* pagesOf<TPage extends Page>(
  ask: (after: string | null | undefined) => Promise<unknown>,
  path: string,
  from: string | null | undefined,
): AsyncGenerator<TPage, void, undefined> {
  for (let after = from; ;) {
    const page = at(await ask(after), path) as TPage;
    yield page;
    if (!page.pageInfo.hasNextPage) return;
    const { endCursor } = page.pageInfo;
    if (typeof endCursor !== "string") {
      throw new TrestleError(`Select pageInfo { endCursor } of ${path} to page through it.`, { code: "NO_CURSOR" });
    }
    if (endCursor === after) {
      throw new TrestleError(`Give $after to ${path} to page through it: the same page came twice.`, {
        code: "SAME_PAGE",
      });
    }
    after = endCursor;
  }
}

function at(data: unknown, path: string): unknown {
  let value = data;
  const passed: string[] = [];
  for (const name of path.split(".")) {
    passed.push(name);
    value = (value as Record<string, unknown>)[name];
    if (value === undefined) {
      throw new TrestleError(`The document does not select ${passed.join(".")}.`, { code: "NOT_SELECTED" });
    }
    if (value === null) throw new NotFound(`${passed.join(".")} was not found.`, { code: "NOT_FOUND", data });
  }
  return value;
}
