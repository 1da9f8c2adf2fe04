import { Check, Minus } from "lucide-react";
import type { ReactNode } from "react";
import { CheckboxButton, CheckboxField, type CheckboxFieldProps } from "react-aria-components/Checkbox";
import styles from "./Field.module.css";
import { FieldNotes } from "./FieldParts";

export interface CheckboxProps extends Omit<CheckboxFieldProps, "children" | "className" | "style"> {
  /** Absent only with `aria-label` or `slot="selection"`. */
  children?: ReactNode;
  description?: ReactNode;
}

/** A box to tick. */
export function Checkbox({ children, description, ...props }: CheckboxProps) {
  return (
    <CheckboxField {...props} className={styles.field ?? ""}>
      <CheckboxButton className={styles.choice ?? ""}>
        {({ isSelected, isIndeterminate }) => (
          <>
            <span className={styles.box}>
              {isIndeterminate ? <Minus size={14} aria-hidden /> : isSelected && <Check size={14} aria-hidden />}
            </span>
            {children != null && <span>{children}</span>}
          </>
        )}
      </CheckboxButton>
      <FieldNotes description={description} />
    </CheckboxField>
  );
}
