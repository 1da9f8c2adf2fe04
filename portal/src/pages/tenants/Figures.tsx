import type { ReactNode } from "react";
import styles from "./Figures.module.css";

interface FiguresProps {
  /** What they are about. */
  label: string;
  /** The label is read aloud and not shown. */
  hideLabel?: boolean;
  figures: readonly (readonly [label: string, value: ReactNode])[];
}

/** A few numbers that one wants to see at once. */
export function Figures({ label, hideLabel = false, figures }: FiguresProps) {
  return (
    <section aria-label={label}>
      {!hideLabel && <h3 className={styles.label}>{label}</h3>}
      <dl className={styles.figures}>
        {figures.map(([name, value]) => (
          <div key={name} className={styles.figure}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
