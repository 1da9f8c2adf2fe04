import type { ReactNode } from "react";
import { SwitchButton, SwitchField, type SwitchFieldProps } from "react-aria-components/Switch";
import styles from "./Field.module.css";
import { FieldNotes } from "./FieldParts";

export interface SwitchProps extends Omit<SwitchFieldProps, "children" | "className" | "style"> {
  children: ReactNode;
  description?: ReactNode;
}

/** On or off, at once and without a form to send. */
export function Switch({ children, description, ...props }: SwitchProps) {
  return (
    <SwitchField {...props} className={styles.field ?? ""}>
      <SwitchButton className={styles.choice ?? ""}>
        <span className={styles.track} />
        <span>{children}</span>
      </SwitchButton>
      <FieldNotes description={description} />
    </SwitchField>
  );
}
