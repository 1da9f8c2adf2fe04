import { useLanguage } from "@/i18n";
import { format as formats, Link } from "@/ui";
import styles from "./HeatMap.module.css";

export interface HeatMapProps {
  title: string;
  /** Labels from above; those of columns may be empty where there are many. */
  rows: readonly string[];
  columns: readonly string[];
  value: (row: number, column: number) => number;
  /** What a square is, for its words: "Monday, 14:00". */
  label?: (row: number, column: number) => string;
  format?: (value: number) => string;
  /** Where a square that has something leads. */
  to?: (row: number, column: number) => string;
}

/** A grid of shades, darker for more. It is a table: each square has its number in words. */
export function HeatMap({ title, rows, columns, value, label, format, to }: HeatMapProps) {
  const language = useLanguage();
  const write = format ?? ((each: number) => formats.count(each, language));
  const most = Math.max(1, ...rows.flatMap((_, row) => columns.map((__, column) => value(row, column))));
  return (
    <figure className={styles.figure}>
      <figcaption className="visually-hidden">{title}</figcaption>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- whatever scrolls must be reachable by keys */}
      <div className={styles.scroll} role="region" aria-label={title} tabIndex={0}>
        <table className={styles.table}>
          <thead>
            <tr>
              <td />
              {columns.map((column, at) => (
                <th key={at} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((name, row) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {columns.map((column, at) => {
                  const amount = value(row, at);
                  const words = `${label?.(row, at) ?? `${name}, ${column}`}: ${write(amount)}`;
                  // By the root, so that one is told from none beside a thousand.
                  const alpha = amount === 0 ? 0 : 0.15 + 0.85 * Math.sqrt(amount / most);
                  return (
                    <td key={at} title={words}>
                      <span className={styles.square} style={{ backgroundColor: `rgb(var(--trestle-heat) / ${alpha})` }}>
                        {to && amount > 0 ? (
                          <Link to={to(row, at)} aria-label={words}>
                            <span className={styles.target} />
                          </Link>
                        ) : (
                          <span className="visually-hidden">{write(amount)}</span>
                        )}
                      </span>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className={styles.scale} aria-hidden>
        {write(0)}
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span key={share} className={styles.step} style={{ backgroundColor: `rgb(var(--trestle-heat) / ${share === 0 ? 0 : 0.15 + 0.85 * Math.sqrt(share)})` }} />
        ))}
        {write(most)}
      </div>
    </figure>
  );
}
