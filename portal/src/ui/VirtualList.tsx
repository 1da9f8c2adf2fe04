import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, type ReactNode } from "react";
import type { Pages } from "@/api";
import { ListEnd } from "./ListEnd";
import styles from "./VirtualList.module.css";
import { useListTop } from "./useListTop";

export interface VirtualListProps<Row extends { id: string }> {
  label: string;
  pages: Pick<Pages<Row>, "rows" | "hasMore" | "isLoadingMore" | "loadMore" | "problem">;
  /** About how high an item is, in pixels, before it is measured. */
  itemHeight?: number;
  total?: number;
  children: (row: Row, index: number) => ReactNode;
}

const AHEAD_ITEMS = 6;

/** Any number of items that are no table, of which those in sight are made. It scrolls with the page. */
export function VirtualList<Row extends { id: string }>({ label, pages, itemHeight = 96, total, children }: VirtualListProps<Row>) {
  const { rows, hasMore, loadMore } = pages;
  const list = useRef<HTMLDivElement>(null);
  const top = useListTop(list);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => itemHeight,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 6,
    scrollMargin: top,
  });
  const items = virtual.getVirtualItems();
  const isNearEnd = hasMore && (items.at(-1)?.index ?? 0) >= rows.length - AHEAD_ITEMS;
  useLayoutEffect(() => {
    if (isNearEnd) loadMore();
  }, [isNearEnd, loadMore]);
  return (
    <div>
      <div ref={list} role="list" aria-label={label} className={styles.list} style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          return (
            row && (
              <div
                key={item.key}
                role="listitem"
                aria-posinset={item.index + 1}
                aria-setsize={total ?? (hasMore ? -1 : rows.length)}
                data-index={item.index}
                ref={virtual.measureElement}
                className={styles.item}
                style={{ transform: `translateY(${item.start - top}px)` }}
              >
                {children(row, item.index)}
              </div>
            )
          );
        })}
      </div>
      <ListEnd pages={pages} />
    </div>
  );
}
