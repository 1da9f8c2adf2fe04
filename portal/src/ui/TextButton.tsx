import type { ReactNode } from "react";
import { Button, type ButtonProps as AriaProps } from "react-aria-components/Button";
import styles from "./TextButton.module.css";

export interface TextButtonProps extends Omit<AriaProps, "children" | "className" | "style"> {
  children: ReactNode;
}

/** A name that opens what it is the name of, beside the list that it stands in. */
export function TextButton({ children, ...props }: TextButtonProps) {
  return (
    <Button {...props} className={styles.button ?? ""}>
      {children}
    </Button>
  );
}
