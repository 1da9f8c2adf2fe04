import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, type CSSProperties } from "react";
import type { Pages } from "@/api";
import { tracks, type TableLook } from "./columns";
import { ListEnd } from "./ListEnd";
import styles from "./Table.module.css";
import { TableHead } from "./TableHead";
import { TableRow } from "./TableRow";
import { useListTop } from "./useListTop";

export interface VirtualTableProps<Row extends { id: string }> extends TableLook<Row> {
  /** Of `usePages`: the next page is loaded as one comes near the end. */
  pages: Pick<Pages<Row>, "rows" | "hasMore" | "isLoadingMore" | "loadMore" | "problem">;
  /** How many there are in all, where that is known. */
  total?: number;
  /** About how high a row is, in pixels, before it is measured. */
  rowHeight?: number;
}

const AHEAD_ROWS = 10;

/** Any number of rows, of which those in sight are made. It scrolls with the page. */
export function VirtualTable<Row extends { id: string }>({ label, pages, total, rowHeight = 49, ...look }: VirtualTableProps<Row>) {
  const { rows, hasMore, loadMore } = pages;
  const body = useRef<HTMLDivElement>(null);
  const top = useListTop(body);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
    scrollMargin: top,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const isNearEnd = hasMore && last >= rows.length - AHEAD_ROWS;
  useLayoutEffect(() => {
    if (isNearEnd) loadMore();
  }, [isNearEnd, loadMore]);

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
        <div role="rowgroup" ref={body} className={styles.window} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rows[item.index];
            return (
              row && (
                <TableRow
                  key={item.key}
                  {...look}
                  row={row}
                  index={item.index + 2}
                  measure={virtual.measureElement}
                  style={{ transform: `translateY(${item.start - top}px)` }}
                />
              )
            );
          })}
        </div>
      </div>
      <ListEnd pages={pages} />
    </div>
  );
}
