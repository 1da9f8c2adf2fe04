import type { ReactElement, ReactNode } from "react";
import { Menu as AriaMenu, MenuItem, MenuTrigger } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import { Separator } from "react-aria-components/Separator";
import { useNavigate } from "react-router";
import styles from "./Popover.module.css";

export interface MenuEntry {
  id: string;
  label: string;
  note?: string;
  icon?: ReactNode;
  /** What it does; or `to`, where it leads. */
  onAction?: () => void;
  to?: string;
  isDisabled?: boolean;
  /** It takes something away. */
  isDanger?: boolean;
}

export interface MenuProps {
  /** The button that opens it, a `Button` or `IconButton` of `ui`. */
  trigger: ReactElement;
  label: string;
  /** Entries; `"separator"` draws a line. */
  entries: readonly (MenuEntry | "separator")[];
}

/** A button with things to do behind it. */
export function Menu({ trigger, label, entries }: MenuProps) {
  const navigate = useNavigate();
  return (
    <MenuTrigger>
      {trigger}
      <Popover className={styles.popover ?? ""} placement="bottom end">
        <AriaMenu className={styles.list ?? ""} aria-label={label}>
          {entries.map((entry, index) =>
            entry === "separator" ? (
              <Separator key={index} className={styles.separator} />
            ) : (
              <MenuItem
                key={entry.id}
                id={entry.id}
                textValue={entry.label}
                isDisabled={entry.isDisabled ?? false}
                className={styles.item ?? ""}
                data-danger={entry.isDanger ?? undefined}
                onAction={() => {
                  if (entry.to !== undefined) void navigate(entry.to);
                  entry.onAction?.();
                }}
              >
                {entry.icon}
                <span className={styles.words}>
                  <span>{entry.label}</span>
                  {entry.note !== undefined && <span className={styles.note}>{entry.note}</span>}
                </span>
              </MenuItem>
            ),
          )}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
