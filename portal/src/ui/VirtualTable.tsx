import type { CSSProperties } from "react";
import { tracks, type TableLook } from "./columns";
import { ListEnd } from "./ListEnd";
import styles from "./Table.module.css";
import { TableHead } from "./TableHead";
import { TableRow } from "./TableRow";
import { useVirtualRows, type RowPages } from "./useVirtualRows";

export interface VirtualTableProps<Row extends { id: string }> extends TableLook<Row> {
  pages: RowPages<Row>;
  /** How many there are in all, where that is known. */
  total?: number;
  /** About how high a row is, in pixels, before it is measured. */
  rowHeight?: number;
}

/** Any number of rows, of which those in sight are made. It scrolls with the page. */
export function VirtualTable<Row extends { id: string }>({ label, pages, total, rowHeight = 49, ...look }: VirtualTableProps<Row>) {
  const { rows, hasMore } = pages;
  const { containerRef, rowRef, items } = useVirtualRows(pages, rowHeight);
  const style = { "--tracks": tracks(look.columns, look.selected !== undefined) } as CSSProperties;
  const rowCount = total ?? (hasMore ? -1 : rows.length);
  return (
    <div className={styles.scroll} data-virtual>
      <div
        role="table"
        aria-label={label}
        aria-rowcount={rowCount < 0 ? -1 : rowCount + 1}
        className={styles.table}
        style={style}
      >
        <TableHead {...look} rows={rows} />
        <div role="rowgroup" ref={containerRef} className={styles.window}>
          {items.map(({ key, index }) => {
            const row = rows[index];
            return row && <TableRow key={key} {...look} row={row} index={index + 2} ref={rowRef} />;
          })}
        </div>
      </div>
      <ListEnd pages={pages} />
    </div>
  );
}
