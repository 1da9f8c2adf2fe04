import { gql, type TypedDocumentNode } from "@urql/core";
import type { graphql as typed } from "./generated";

export type { TypedDocumentNode };
export type { ResultOf, VariablesOf } from "@graphql-typed-document-node/core";

const fragments = new Map<string, TypedDocumentNode>();

/**
 * A document with the types that the generator made of it. Fragments are known by their names: whoever spreads one imports
 * the module that defines it, so it is there first.
 */
export const graphql = ((source: string) => {
  const used = [...source.matchAll(/\.\.\.\s*(?!on\b)(\w+)/g)].map(([, name = ""]) => {
    const fragment = fragments.get(name);
    if (!fragment) throw new Error(`fragment ${name} is not defined yet: import the module that has it`);
    return fragment;
  });
  const parts = [source, ...used.map(() => "\n")];
  const document = gql(parts as unknown as TemplateStringsArray, ...used);
  const name = /^\s*fragment\s+(\w+)/.exec(source)?.[1];
  if (name) fragments.set(name, document);
  return document;
}) as typeof typed;
