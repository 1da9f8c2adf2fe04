import type { ReactNode } from "react";
import styles from "./Figures.module.css";

interface FiguresProps {
  /** What they are about; read aloud. */
  label: string;
  figures: readonly (readonly [label: string, value: ReactNode])[];
}

/** A few numbers that one wants to see at once. */
export function Figures({ label, figures }: FiguresProps) {
  return (
    <dl className={styles.figures} aria-label={label}>
      {figures.map(([name, value]) => (
        <div key={name} className={styles.figure}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
