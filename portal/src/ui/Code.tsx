import styles from "./Code.module.css";
import { CopyButton } from "./CopyButton";

export interface CodeProps {
  children: string;
  /** Several lines in a box that scrolls; else within a sentence. */
  isBlock?: boolean;
  /** What is in the box, read aloud. */
  label?: string;
}

/** Ids, paths, records and programs, letter by letter. */
export function Code({ children, isBlock = false, label }: CodeProps) {
  if (!isBlock) return <code className={styles.inline}>{children}</code>;
  return (
    <div className={styles.block}>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- whatever scrolls must be reachable by keys */}
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{children}</code>
      </pre>
      <div className={styles.copy}>
        <CopyButton text={children} />
      </div>
    </div>
  );
}
