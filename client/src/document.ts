/** Documents that know what they take and answer, and what the client has to know of one. */

import type { DocumentNode, FieldNode, SelectionNode, TypeNode, ValueNode } from "graphql";

/**
 * A GraphQL document with its types, as graphql-codegen makes them, as strings (`documentMode: "string"`) or parsed. A
 * plain string is one, too, of which nothing is known.
 */
export interface TypedDocument<TResult, TVariables> {
  toString(): string;
  __apiType?: (variables: TVariables) => TResult;
}

/** What a document answers. */
export type ResultOf<TDocument> = TDocument extends TypedDocument<infer TResult, infer _> ? TResult : never;

/** What a document takes. */
export type VariablesOf<TDocument> = TDocument extends TypedDocument<infer _, infer TVariables> ? TVariables : never;

/** The `input` that a document takes. */
export type InputOf<TDocument> = VariablesOf<TDocument> extends { input: infer TInput } ? TInput : unknown;

/** A mutation's field at the top. */
export interface TopField {
  /** The variable that holds its `input`, with the name of its type. */
  readonly input: { readonly variable: string; readonly type: string } | undefined;
  /** The variable of its idempotency key, if the document spells the input out. */
  readonly keyVariable: string | undefined;
  /** Whether the document itself says the key. */
  readonly hasKey: boolean;
}

type Parsing = typeof import("./parsing.js");

/** Documents are few, and the same ones again and again; so many are remembered. */
const REMEMBERED = 500;
const fieldsOfDocuments = new Map<string, readonly TopField[]>();

/** The text of a document. */
export async function textOf(document: TypedDocument<unknown, never>): Promise<string> {
  return isParsed(document)
    ? (document.loc?.source.body ?? (await import("./parsing.js")).print(document))
    : document.toString();
}

function isParsed(document: object | string): document is DocumentNode {
  return typeof document === "object" && "kind" in document && document.kind === "Document";
}

/** Whether the document declares this variable. */
export function declares(text: string, variable: string): boolean {
  return new RegExp(`\\$${variable}\\s*:`).test(text);
}

/** What a mutation does: its fields at the top. */
export async function topFields(text: string): Promise<readonly TopField[]> {
  const known = fieldsOfDocuments.get(text);
  if (known) return known;
  const fields = read(await import("./parsing.js"), text);
  if (fieldsOfDocuments.size >= REMEMBERED) fieldsOfDocuments.clear();
  fieldsOfDocuments.set(text, fields);
  return fields;
}

function read({ Kind, parse }: Parsing, text: string): TopField[] {
  const document = parse(text, { noLocation: true });
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (!operation) return [];
  const types = new Map(
    operation.variableDefinitions?.map(({ variable, type }) => [variable.name.value, nameOf(type)] as const),
  );

  const fieldsOf = (selection: SelectionNode): FieldNode[] => {
    switch (selection.kind) {
      case Kind.FIELD:
        return [selection];
      case Kind.INLINE_FRAGMENT:
        return selection.selectionSet.selections.flatMap(fieldsOf);
      case Kind.FRAGMENT_SPREAD: {
        const fragment = document.definitions.find(
          (one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === selection.name.value,
        );
        return fragment?.kind === Kind.FRAGMENT_DEFINITION ? fragment.selectionSet.selections.flatMap(fieldsOf) : [];
      }
    }
  };
  const keyOf = (value: ValueNode | undefined): ValueNode | undefined =>
    value?.kind === Kind.OBJECT
      ? value.fields.find((field) => field.name.value === "idempotencyKey")?.value
      : undefined;

  return operation.selectionSet.selections.flatMap(fieldsOf).map((field) => {
    const value = field.arguments?.find((argument) => argument.name.value === "input")?.value;
    const variable = value?.kind === Kind.VARIABLE ? value.name.value : undefined;
    const type = variable === undefined ? undefined : types.get(variable);
    const key = keyOf(value);
    return {
      input: variable !== undefined && type !== undefined ? { variable, type } : undefined,
      keyVariable: key?.kind === Kind.VARIABLE ? key.name.value : undefined,
      hasKey: key?.kind === Kind.STRING,
    };
  });

  function nameOf(type: TypeNode): string {
    return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type);
  }
}
