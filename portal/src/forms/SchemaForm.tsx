import type { UiSchema } from "@rjsf/utils";
import { lazy, Suspense, type ReactNode } from "react";
import { Skeleton } from "@/ui";
import type { FormProblem } from "./validator";

export interface SchemaFormProps {
  /** A JSON Schema (draft 2020-12) of the API. */
  schema: unknown;
  uiSchema?: UiSchema;
  /** What is in it at first. To begin anew, give the form another `key`. */
  value?: unknown;
  /** What would be sent, after each change: without what is empty or not shown. */
  onChange?: (value: unknown) => void;
  /** It was sent, and the schema holds. Without it this is a part of the form around it, and has no button. */
  onSubmit?: (value: unknown) => void;
  /** What the server found, by the path in the value. Each goes when its field is changed. */
  errors?: readonly FormProblem[];
  /** By default: save. */
  submitLabel?: string;
  isBusy?: boolean;
  isDisabled?: boolean;
  /** Fields that are not shown while they are typed, as `config.password`; of a list: its entries. */
  secretPaths?: readonly string[];
  /** Further buttons, in front of the one that sends. */
  actions?: ReactNode;
}

const JsonSchemaForm = lazy(() => import("./JsonSchemaForm"));

/** A form made of a JSON Schema. */
export function SchemaForm(props: SchemaFormProps) {
  return (
    <Suspense fallback={<Skeleton lines={4} />}>
      <JsonSchemaForm {...props} />
    </Suspense>
  );
}
