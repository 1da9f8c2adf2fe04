import { CircleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { RecordRow } from "./recordRows";
import styles from "./RecordTable.module.css";

/** A record line by line; what is wrong stands at its field. */
export function RecordTable({ rows, isCut }: { rows: readonly RecordRow[]; isCut: boolean }) {
  const { t } = useTranslation("failures");
  return (
    <>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t("record.field")}</th>
            <th scope="col">{t("record.value")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.path} data-wrong={row.errors.length > 0 || undefined}>
              <th scope="row" style={{ paddingInlineStart: `calc(var(--trestle-space-3) + ${row.depth * 20}px)` }}>
                {row.name}
              </th>
              <td>
                <span className={styles.value} data-kind={row.kind}>
                  {row.kind === "value"
                    ? row.text === ""
                      ? t("record.empty")
                      : row.text
                    : row.kind === "missing"
                      ? t("record.missing")
                      : t(`record.${row.kind}`, { count: Number(row.text) })}
                </span>
                {row.errors.map((error) => (
                  <span key={error.rule} className={styles.error}>
                    <CircleAlert size={14} aria-hidden />
                    {error.message}
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {isCut && <p className={styles.note}>{t("record.cut")}</p>}
    </>
  );
}
