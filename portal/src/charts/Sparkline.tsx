import styles from "./Sparkline.module.css";

export interface SparklineProps {
  /** From the oldest; null is a gap. */
  values: readonly (number | null)[];
  /** What it shows, with what one would read from it: "Failures in the last 24 hours, 3 in the last". */
  label: string;
  width?: number;
  height?: number;
}

/** A small line beside a number, which says it in words. */
export function Sparkline({ values, label, width = 96, height = 24 }: SparklineProps) {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const step = values.length > 1 ? (width - 2) / (values.length - 1) : 0;
  const path = values
    .map((value, at) => {
      if (value === null) return "";
      const command = (values[at - 1] ?? null) === null ? "M" : "L";
      return `${command}${(1 + at * step).toFixed(1)} ${(height - 2 - (value / most) * (height - 4)).toFixed(1)}`;
    })
    .join("");
  return (
    <svg className={styles.sparkline} role="img" aria-label={label} width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
      <path d={path} />
    </svg>
  );
}
