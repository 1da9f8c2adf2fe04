import { useTranslation } from "react-i18next";
import styles from "./Skeleton.module.css";

export interface SkeletonProps {
  /** How many lines or rows it stands for. */
  lines?: number;
  /** Height of one, in pixels. */
  height?: number;
}

/** Stands where something will be; seen only after 150 ms, so that what is quick does not flicker. */
export function Skeleton({ lines = 3, height = 16 }: SkeletonProps) {
  const { t } = useTranslation("common");
  return (
    <div className={styles.skeleton} role="status" aria-label={t("loading")}>
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} className={styles.line} style={{ height, width: `${100 - ((line * 17) % 40)}%` }} />
      ))}
    </div>
  );
}
