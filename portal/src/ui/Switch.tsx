import type { ReactNode } from "react";
import { Switch as AriaSwitch, type SwitchProps as AriaProps } from "react-aria-components/Switch";
import styles from "./Field.module.css";

export interface SwitchProps extends Omit<AriaProps, "children" | "className" | "style"> {
  children: ReactNode;
}

/** On or off, at once and without a form to send. */
export function Switch({ children, ...props }: SwitchProps) {
  return (
    <AriaSwitch {...props} className={styles.choice ?? ""}>
      <span className={styles.track} />
      <span>{children}</span>
    </AriaSwitch>
  );
}
