import type { CSSProperties } from "react";
import { tracks, type TableLook } from "./columns";
import styles from "./Table.module.css";
import { TableHead } from "./TableHead";
import { TableRow } from "./TableRow";

export interface TableProps<Row> extends TableLook<Row> {
  rows: readonly (Row & { id: string })[];
}

/** Up to some hundred rows; `VirtualTable` for more. On phones each row is a card. */
export function Table<Row>({ label, rows, ...look }: TableProps<Row>) {
  const style = { "--tracks": tracks(look.columns, look.selected !== undefined) } as CSSProperties;
  return (
    <div className={styles.scroll}>
      <div role="table" aria-label={label} className={styles.table} style={style}>
        <TableHead {...look} rows={rows} />
        <div role="rowgroup">
          {rows.map((row, index) => (
            <TableRow key={row.id} {...look} row={row} index={index + 2} />
          ))}
        </div>
      </div>
    </div>
  );
}
