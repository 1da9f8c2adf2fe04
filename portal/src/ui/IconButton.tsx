import type { ReactNode } from "react";
import { Button as AriaButton, type ButtonProps as AriaProps } from "react-aria-components/Button";
import { buttonClass, type ButtonLook } from "./Button";
import { Tooltip } from "./Tooltip";

export interface IconButtonProps extends ButtonLook, Omit<AriaProps, "children" | "className" | "style" | "aria-label"> {
  /** What it does; read aloud, and shown beside it. */
  label: string;
  children: ReactNode;
}

/** A button with a picture alone. */
export function IconButton({ label, kind = "quiet", size = "medium", children, ...props }: IconButtonProps) {
  return (
    <Tooltip text={label}>
      <AriaButton {...props} aria-label={label} className={buttonClass({ kind, size }, true)}>
        {children}
      </AriaButton>
    </Tooltip>
  );
}
