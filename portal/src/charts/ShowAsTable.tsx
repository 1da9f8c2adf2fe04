import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button, Table } from "@/ui";
import styles from "./Chart.module.css";

export interface ChartTable {
  /** The first names the rows. */
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface ShowAsTableProps {
  /** What the picture shows; its caption, and read aloud. */
  title: string;
  hideTitle?: boolean;
  table: () => ChartTable;
  children: ReactNode;
}

/** A picture with its numbers behind a button, for who would rather read than look. */
export function ShowAsTable({ title, hideTitle = false, table, children }: ShowAsTableProps) {
  const { t } = useTranslation("common");
  const [isTable, setIsTable] = useState(false);
  return (
    <figure className={styles.figure}>
      <figcaption className={styles.caption}>
        <span className={hideTitle ? "visually-hidden" : styles.title}>{title}</span>
        <Button kind="quiet" size="small" aria-label={`${title}: ${t(isTable ? "charts.showChart" : "charts.showTable")}`} onPress={() => setIsTable(!isTable)}>
          {t(isTable ? "charts.showChart" : "charts.showTable")}
        </Button>
      </figcaption>
      {isTable ? <NumberTable title={title} {...table()} /> : children}
    </figure>
  );
}

function NumberTable({ title, columns, rows }: ChartTable & { title: string }) {
  return (
    <div className={styles.numbers}>
      <Table
        label={title}
        columns={columns.map((header, at) => ({
          id: String(at),
          header,
          align: at === 0 ? "start" : "end",
          cell: (row: { cells: readonly string[] }) => row.cells[at],
        }))}
        rows={rows.map((cells, at) => ({ id: String(at), cells }))}
      />
    </div>
  );
}
