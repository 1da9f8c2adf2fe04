import type { ReactNode } from "react";
import styles from "./Card.module.css";
import { classes } from "./classes";

export interface CardProps {
  /** Its heading (h2). Without one it is a plain box. */
  title?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  /** No room around what is in it, for tables and lists. */
  flush?: boolean;
  children?: ReactNode;
}

/** A box on the page: one thing that belongs together. */
export function Card({ title, description, actions, flush = false, children }: CardProps) {
  const isHeaded = title != null || actions != null;
  return (
    <section className={styles.card}>
      {isHeaded && (
        <header className={styles.header}>
          <div>
            {title != null && <h2>{title}</h2>}
            {description != null && <p className={styles.description}>{description}</p>}
          </div>
          {actions != null && <div className={styles.actions}>{actions}</div>}
        </header>
      )}
      <div className={classes(styles.body, flush && styles.flush, isHeaded && styles.headed)}>{children}</div>
    </section>
  );
}

/** A part of a page without a box around it. */
export function Section({ title, description, actions, children }: Omit<CardProps, "flush">) {
  return (
    <section className={styles.section}>
      <header className={styles.sectionHeader}>
        <div>
          <h2>{title}</h2>
          {description != null && <p className={styles.description}>{description}</p>}
        </div>
        {actions != null && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </section>
  );
}
