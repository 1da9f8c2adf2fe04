import type { ReactNode } from "react";
import { Button as AriaButton, type ButtonProps as AriaProps } from "react-aria-components/Button";
import styles from "./Button.module.css";
import { classes } from "./classes";
import { Spinner } from "./Spinner";

export interface ButtonLook {
  /** `primary`: what one came for, once on a page; `danger`: takes something away. */
  kind?: "primary" | "secondary" | "quiet" | "danger";
  size?: "small" | "medium";
}

export interface ButtonProps extends ButtonLook, Omit<AriaProps, "children" | "className" | "style"> {
  children: ReactNode;
  /** Stands in front of the words. */
  icon?: ReactNode;
  /** Something is under way: it can't be pressed again, and says so. */
  isPending?: boolean;
}

/** A button with words. `type="submit"` in forms. */
export function Button({ kind = "secondary", size = "medium", icon, children, isPending, ...props }: ButtonProps) {
  return (
    <AriaButton {...props} isPending={isPending ?? false} className={buttonClass({ kind, size })}>
      {icon}
      <span>{children}</span>
      {isPending && (
        <span className={styles.spinner}>
          <Spinner />
        </span>
      )}
    </AriaButton>
  );
}

/** The same look for links. */
export function buttonClass({ kind = "secondary", size = "medium" }: ButtonLook, iconOnly = false): string {
  return classes(styles.button, styles[kind], size === "small" && styles.small, iconOnly && styles.iconOnly);
}
