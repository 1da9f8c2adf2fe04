import { memo, type MouseEvent, type Ref } from "react";
import { useHref, useNavigate } from "react-router";
import { Checkbox } from "./Checkbox";
import { isHeader, type TableLook } from "./columns";
import { Link } from "./Link";
import styles from "./Table.module.css";

interface TableRowProps<Row> extends Pick<TableLook<Row>, "columns" | "to" | "selected" | "onSelect" | "nameOf"> {
  row: Row & { id: string };
  /** Counted from 1, the header's row included. */
  index: number;
  ref?: Ref<HTMLDivElement>;
}

function TableRowOf<Row>({ row, index, columns, to, selected, onSelect, nameOf, ref }: TableRowProps<Row>) {
  const navigate = useNavigate();
  const target = to?.(row);
  const href = useHref(target ?? "");
  const follow = (event: MouseEvent) => {
    // Buttons, links and words that are being marked are left alone.
    const isOther = (event.target as Element).closest("a, button, label, input, [role=checkbox]") !== null;
    if (target === undefined || isOther || window.getSelection()?.toString()) return;
    if (event.metaKey || event.ctrlKey) window.open(href, "_blank", "noreferrer");
    else void navigate(target);
  };
  return (
    // The link in the row is what keys and screen readers use; the click is for those who miss it.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      role="row"
      aria-rowindex={index}
      className={styles.row}
      data-link={target !== undefined || undefined}
      data-index={index - 2}
      ref={ref}
      onClick={follow}
    >
      {selected && (
        <div role="cell" className={styles.cell} data-box>
          <Checkbox
            aria-label={nameOf?.(row) ?? row.id}
            isSelected={selected.has(row.id)}
            onChange={(isSelected) => {
              const next = new Set(selected);
              if (isSelected) next.add(row.id);
              else next.delete(row.id);
              onSelect?.(next);
            }}
          />
        </div>
      )}
      {columns.map((column) => {
        const heads = isHeader(columns, column);
        const content = column.cell(row);
        return (
          <div
            key={column.id}
            role={heads ? "rowheader" : "cell"}
            className={styles.cell}
            data-align={column.align}
            data-heads={heads || undefined}
            data-not-on-phones={column.isLeftOutOnPhones ?? undefined}
          >
            {!heads && !column.hideHeader && (
              <span className={styles.cardLabel} aria-hidden>
                {column.header}
              </span>
            )}
            {heads && target !== undefined ? (
              <Link kind="quiet" to={target}>
                {content}
              </Link>
            ) : (
              content
            )}
          </div>
        );
      })}
    </div>
  );
}

/** A row; on phones a card. It is left as it is when the table only scrolls. */
export const TableRow = memo(TableRowOf) as typeof TableRowOf;
