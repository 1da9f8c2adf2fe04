import { Check, Minus } from "lucide-react";
import type { ReactNode } from "react";
import { Checkbox as AriaCheckbox, type CheckboxProps as AriaProps } from "react-aria-components/Checkbox";
import styles from "./Field.module.css";

export interface CheckboxProps extends Omit<AriaProps, "children" | "className" | "style"> {
  /** Absent only with `aria-label` or `slot="selection"`. */
  children?: ReactNode;
}

/** A box to tick. */
export function Checkbox({ children, ...props }: CheckboxProps) {
  return (
    <AriaCheckbox {...props} className={styles.choice ?? ""}>
      {({ isSelected, isIndeterminate }) => (
        <>
          <span className={styles.box}>
            {isIndeterminate ? <Minus size={14} aria-hidden /> : isSelected && <Check size={14} aria-hidden />}
          </span>
          {children != null && <span>{children}</span>}
        </>
      )}
    </AriaCheckbox>
  );
}
