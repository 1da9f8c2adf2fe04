import { cloneElement, lazy, Suspense, useRef, useState, type ReactElement, type ReactNode, type Ref } from "react";

// A page is there before its menus are opened.
const MenuList = lazy(() => import("./MenuList"));

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

interface TriggerProps {
  ref?: Ref<HTMLButtonElement>;
  onPress?: () => void;
  "aria-haspopup"?: "menu";
  "aria-expanded"?: boolean;
}

export interface MenuProps {
  /** The button that opens it, a `Button` or `IconButton` of `ui`. */
  trigger: ReactElement<TriggerProps>;
  label: string;
  /** Entries; `"separator"` draws a line. */
  entries: readonly (MenuEntry | "separator")[];
}

/** A button with things to do behind it. */
export function Menu({ trigger, label, entries }: MenuProps) {
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      {cloneElement(trigger, {
        ref: button,
        onPress: () => setIsOpen(true),
        "aria-haspopup": "menu",
        "aria-expanded": isOpen,
      })}
      {isOpen && (
        <Suspense>
          <MenuList trigger={button} label={label} entries={entries} onClose={() => setIsOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
