import type { ReactNode } from "react";
import { Form as AriaForm } from "react-aria-components/Form";
import styles from "./Form.module.css";

export interface FormProps {
  /** By field name, as `useMutationForm` gives them. Each goes once its field is changed. */
  errors?: Readonly<Record<string, string>>;
  /** Sent, and valid as far as the browser can tell. */
  onSubmit: (data: FormData) => void;
  children: ReactNode;
  "aria-label"?: string;
}

/** A form: fields below each other, and `FormActions` last. */
export function Form({ errors, onSubmit, children, ...props }: FormProps) {
  return (
    <AriaForm
      {...props}
      className={styles.form ?? ""}
      validationErrors={errors ?? {}}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit(new FormData(event.currentTarget));
      }}
    >
      {children}
    </AriaForm>
  );
}

/** The buttons of a form or dialog. */
export function FormActions({ children }: { children: ReactNode }) {
  return <div className={styles.actions}>{children}</div>;
}

/** The text of a field in what was sent; empty where there is none. */
export function textOf(data: FormData, name: string): string {
  const value = data.get(name);
  return typeof value === "string" ? value : "";
}
