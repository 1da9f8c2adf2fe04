import { useWindowVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { useCallback, useLayoutEffect, useRef } from "react";
import type { Pages } from "@/api";
import { useListTop } from "./useListTop";

/** Of `usePages`: the next page is loaded as one comes near the end. */
export type RowPages<Row> = Pick<Pages<Row>, "rows" | "hasMore" | "isLoadingMore" | "loadMore" | "problem">;

/** So many rows before the last that was loaded, the next page is asked for. */
const AHEAD_ROWS = 10;

export interface VirtualRows {
  /** Of the element that the rows are in. It is given its height here. */
  containerRef: (element: HTMLDivElement | null) => void;
  /** Of each row, which is `position: absolute` at the top left and has its index as `data-index`. It is moved to its place here. */
  rowRef: (element: HTMLDivElement | null) => void;
  /** The rows to make: those in sight, and some around them. */
  items: VirtualItem[];
}

/** Rows that scroll with the page, of which those in sight are made. Scrolling renders nothing anew until others come into sight. */
export function useVirtualRows<Row extends { id: string }>(pages: RowPages<Row>, rowHeight: number): VirtualRows {
  const { rows, hasMore, loadMore } = pages;
  const list = useRef<HTMLDivElement>(null);
  const top = useListTop(list);
  const virtual = useWindowVirtualizer<HTMLDivElement>({
    count: rows.length,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
    scrollMargin: top,
    directDomUpdates: true,
  });
  const placeRows = virtual.containerRef;
  const containerRef = useCallback(
    (element: HTMLDivElement | null) => {
      list.current = element;
      placeRows(element);
    },
    [placeRows],
  );
  const items = virtual.getVirtualItems();
  const isNearEnd = hasMore && (items.at(-1)?.index ?? 0) >= rows.length - AHEAD_ROWS;
  useLayoutEffect(() => {
    if (isNearEnd) loadMore();
  }, [isNearEnd, loadMore]);
  return { containerRef, rowRef: virtual.measureElement, items };
}
