import { memo, type ReactNode, type Ref } from "react";
import { ListEnd } from "./ListEnd";
import { useVirtualRows, type RowPages } from "./useVirtualRows";
import styles from "./VirtualList.module.css";

export interface VirtualListProps<Row extends { id: string }> {
  label: string;
  pages: RowPages<Row>;
  /** About how high an item is, in pixels, before it is measured. */
  itemHeight?: number;
  total?: number;
  children: (row: Row, index: number) => ReactNode;
}

/** Any number of items that are no table, of which those in sight are made. It scrolls with the page. */
export function VirtualList<Row extends { id: string }>({ label, pages, itemHeight = 96, total, children }: VirtualListProps<Row>) {
  const { rows, hasMore } = pages;
  const { containerRef, rowRef, items } = useVirtualRows(pages, itemHeight);
  return (
    <div>
      <div ref={containerRef} role="list" aria-label={label} className={styles.list}>
        {items.map(({ key, index }) => {
          const row = rows[index];
          return (
            row && (
              <Item key={key} row={row} index={index} size={total ?? (hasMore ? -1 : rows.length)} ref={rowRef}>
                {children}
              </Item>
            )
          );
        })}
      </div>
      <ListEnd pages={pages} />
    </div>
  );
}

interface ItemProps<Row> {
  row: Row;
  index: number;
  /** How many there are in all; -1 where nobody knows. */
  size: number;
  ref: Ref<HTMLDivElement>;
  children: (row: Row, index: number) => ReactNode;
}

function ItemOf<Row>({ row, index, size, ref, children }: ItemProps<Row>) {
  return (
    <div role="listitem" aria-posinset={index + 1} aria-setsize={size} data-index={index} ref={ref} className={styles.item}>
      {children(row, index)}
    </div>
  );
}

/** What is in sight already is left as it is when others come. */
const Item = memo(ItemOf) as typeof ItemOf;
