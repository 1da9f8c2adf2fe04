import type { AnyVariables, OperationContext, TypedDocumentNode } from "@urql/core";
import { useCallback, useRef, useState } from "react";
import { useClient } from "urql";
import type { UserErrorCode } from "./generated/schema";
import { uniqueKey } from "./key";
import { problemOf, type Problem } from "./problem";

export interface UserError {
  code: UserErrorCode;
  field?: string[] | null;
  message: string;
}

interface Payload {
  userErrors: readonly UserError[];
}

interface Options<Data, Input, Result extends Payload> {
  /** The mutation's payload in its answer. */
  payload: (data: Data) => Result;
  /**
   * Names of the fields that the form shows, which are paths into the input joined by dots. Errors of others, and of what is in
   * none of them, go to the banner.
   */
  fields?: readonly string[];
  onDone?: (result: Result) => void;
  /** It was answered, and not done: for codes that lead elsewhere. */
  onRefused?: (errors: readonly UserError[], input: Input) => void;
  context?: Partial<OperationContext>;
}

export interface MutationForm<Input, Result> {
  /** Sends the input; resolves with the payload once it was done, else with null. */
  submit: (input: Input) => Promise<Result | null>;
  isBusy: boolean;
  /** By field, for `<Form errors>`. */
  fieldErrors: Readonly<Record<string, string>>;
  /** What concerns no field of the form. */
  otherErrors: readonly UserError[];
  problem: Problem | null;
  /**
   * For `idempotencyKey` of the input: the same until it is answered or `reset`, so that a second press after a lost answer does
   * nothing twice.
   */
  idempotencyKey: () => string;
  reset: () => void;
}

interface State {
  isBusy: boolean;
  errors: readonly UserError[];
  problem: Problem | null;
}

const idle: State = { isBusy: false, errors: [], problem: null };

/** A mutation with one argument `input`, as a form or a button needs it. */
export function useMutationForm<Data, Variables extends AnyVariables & { input: unknown }, Result extends Payload>(
  mutation: TypedDocumentNode<Data, Variables>,
  { payload, fields = [], onDone, onRefused, context }: Options<Data, Variables["input"], Result>,
): MutationForm<Variables["input"], Result> {
  const client = useClient();
  const [state, setState] = useState<State>(idle);
  const isBusy = useRef(false);
  const key = useRef<string | null>(null);

  const idempotencyKey = useCallback(() => (key.current ??= uniqueKey()), []);

  const submit = async (input: Variables["input"]): Promise<Result | null> => {
    if (isBusy.current) return null;
    isBusy.current = true;
    setState({ ...idle, isBusy: true });
    const { data, error } = await client
      .mutation(mutation, { input } as Variables, { ...context })
      .toPromise();
    isBusy.current = false;
    const result = data ? payload(data) : null;
    if (error || !result) {
      setState({ isBusy: false, errors: [], problem: error ? problemOf(error) : null });
      return null;
    }
    // It was answered: what is asked for next is something else.
    key.current = null;
    setState({ isBusy: false, errors: result.userErrors, problem: null });
    if (result.userErrors.length > 0) {
      onRefused?.(result.userErrors, input);
      return null;
    }
    onDone?.(result);
    return result;
  };

  const reset = useCallback(() => {
    key.current = null;
    setState(idle);
  }, []);

  const { fieldErrors, otherErrors } = sorted(state.errors, fields);
  return { submit, isBusy: state.isBusy, fieldErrors, otherErrors, problem: state.problem, idempotencyKey, reset };
}

/** Gives each error to the innermost field of the form that holds its path. */
export function sorted(errors: readonly UserError[], fields: readonly string[]) {
  const fieldErrors: Record<string, string> = {};
  const otherErrors: UserError[] = [];
  for (const error of errors) {
    const path = error.field?.join(".");
    const field = path
      ? fields
          .filter((name) => path === name || path.startsWith(`${name}.`))
          .sort((a, b) => b.length - a.length)[0]
      : undefined;
    if (field === undefined) otherErrors.push(error);
    else fieldErrors[field] = field in fieldErrors ? `${fieldErrors[field] ?? ""}\n${error.message}` : error.message;
  }
  return { fieldErrors, otherErrors };
}
