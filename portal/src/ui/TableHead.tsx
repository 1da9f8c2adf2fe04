import { ArrowDown, ArrowUp, ChevronsUpDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "react-aria-components/Button";
import { Checkbox } from "./Checkbox";
import { nextSort, type TableLook } from "./columns";
import styles from "./Table.module.css";

interface TableHeadProps<Row> extends Pick<TableLook<Row>, "columns" | "sort" | "onSort" | "selected" | "onSelect"> {
  rows: readonly { id: string }[];
}

/** The headers, which sort; and the box for all rows that are loaded. */
export function TableHead<Row>({ columns, sort, onSort, selected, onSelect, rows }: TableHeadProps<Row>) {
  const { t } = useTranslation("common");
  const count = selected ? rows.filter((row) => selected.has(row.id)).length : 0;
  return (
    <div role="rowgroup" className={styles.head}>
      <div role="row" aria-rowindex={1} className={styles.headRow}>
        {selected && (
          <div role="columnheader" className={styles.cell} data-box>
            <Checkbox
              aria-label={t("selectAll")}
              isSelected={rows.length > 0 && count === rows.length}
              isIndeterminate={count > 0 && count < rows.length}
              onChange={(isSelected) => onSelect?.(new Set(isSelected ? rows.map((row) => row.id) : []))}
            />
          </div>
        )}
        {columns.map((column) => {
          const isSorted = sort?.column === column.id;
          const Arrow = !isSorted ? ChevronsUpDown : sort.direction === "ascending" ? ArrowUp : ArrowDown;
          return (
            <div
              key={column.id}
              role="columnheader"
              className={styles.cell}
              data-align={column.align}
              {...(column.isSortable ? { "aria-sort": isSorted ? sort.direction : "none" } : {})}
            >
              {column.isSortable ? (
                <Button className={styles.sorter ?? ""} onPress={() => onSort?.(nextSort(sort, column.id))}>
                  {column.header}
                  <Arrow size={14} aria-hidden />
                </Button>
              ) : (
                <span className={column.hideHeader ? "visually-hidden" : undefined}>{column.header}</span>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}
