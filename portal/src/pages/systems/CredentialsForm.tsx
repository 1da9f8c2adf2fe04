import type { ReactNode } from "react";
import { SchemaForm, type FormProblem } from "@/forms";
import type { Schema } from "@/forms/schema";
import { secretPathsOf } from "./credentials";

interface CredentialsFormProps {
  schema: Schema;
  /** By paths that begin with `credentials`, as the input has them. */
  errors: readonly FormProblem[];
  isBusy: boolean;
  submitLabel: string;
  actions?: ReactNode;
  onSubmit: (credentials: unknown) => void;
}

/** Credentials go in and never come out: it is always empty at first. */
export function CredentialsForm({ schema, errors, ...form }: CredentialsFormProps) {
  return <SchemaForm {...form} schema={schema} secretPaths={secretPathsOf(schema)} errors={errors.map(({ path, message }) => ({ path: path.slice(1), message }))} />;
}
