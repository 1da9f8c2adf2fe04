import type { RefObject } from "react";
import { Menu as AriaMenu, MenuItem } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import { Separator } from "react-aria-components/Separator";
import { useNavigate } from "react-router";
import type { MenuProps } from "./Menu";
import styles from "./Popover.module.css";

interface MenuListProps extends Pick<MenuProps, "label" | "entries"> {
  trigger: RefObject<HTMLElement | null>;
  onClose: () => void;
}

/** An open menu. */
export default function MenuList({ trigger, label, entries, onClose }: MenuListProps) {
  const navigate = useNavigate();
  return (
    <Popover
      className={styles.popover ?? ""}
      placement="bottom end"
      triggerRef={trigger}
      isOpen
      onOpenChange={(isOpen) => !isOpen && onClose()}
    >
      {/* eslint-disable-next-line jsx-a11y/no-autofocus -- an open menu has the focus */}
      <AriaMenu className={styles.list ?? ""} aria-label={label} onClose={onClose} autoFocus="first">
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
  );
}
