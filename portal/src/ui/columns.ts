import type { ReactNode } from "react";

export interface Column<Row> {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** Names the row when it is read aloud, and heads its card on phones. One column has it; by default the first. */
  isRowHeader?: boolean;
  /** The header sorts by it. */
  isSortable?: boolean;
  align?: "start" | "end";
  /** A track of CSS grid, such as `120px` or `minmax(160px, 2fr)`; `minmax(96px, 1fr)` by default. */
  width?: string;
  /** Not on the card of a phone. */
  isLeftOutOnPhones?: boolean;
  /** The header is read aloud and not shown, for columns of buttons. */
  hideHeader?: boolean;
}

export interface Sort {
  column: string;
  direction: "ascending" | "descending";
}

export interface TableLook<Row> {
  /** What the rows are; read aloud. */
  label: string;
  columns: readonly Column<Row>[];
  /** The page of a row: its name is the link, and a click anywhere in the row goes there. */
  to?: (row: Row) => string;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** Ids of the rows that are ticked. With it, rows have boxes. */
  selected?: ReadonlySet<string>;
  onSelect?: (selected: ReadonlySet<string>) => void;
  /** Read aloud for a row's box. */
  nameOf?: (row: Row) => string;
}

/** The tracks of a row. */
export function tracks<Row>(columns: readonly Column<Row>[], isSelectable: boolean): string {
  const widths = columns.map((column) => column.width ?? "minmax(96px, 1fr)");
  return (isSelectable ? ["28px", ...widths] : widths).join(" ");
}

export function isHeader<Row>(columns: readonly Column<Row>[], column: Column<Row>): boolean {
  return columns.some((each) => each.isRowHeader) ? column.isRowHeader === true : columns[0] === column;
}

/** A press on a header: up first, then down. */
export function nextSort(sort: Sort | undefined, column: string): Sort {
  const isUp = sort?.column === column && sort.direction === "ascending";
  return { column, direction: isUp ? "descending" : "ascending" };
}
