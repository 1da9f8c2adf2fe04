import { Fragment, type ReactNode } from "react";
import styles from "./KeyValue.module.css";

export interface KeyValueProps {
  /** Label and value; entries whose value is null, undefined or false are left out. */
  entries: readonly (readonly [label: string, value: ReactNode])[];
}

/** Facts about one thing. */
export function KeyValue({ entries }: KeyValueProps) {
  return (
    <dl className={styles.list}>
      {entries
        .filter(([, value]) => value != null && value !== false)
        .map(([label, value]) => (
          <Fragment key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
    </dl>
  );
}
