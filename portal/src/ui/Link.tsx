import type { ReactNode } from "react";
import { Link as RouterLink, type To } from "react-router";
import { buttonClass, type ButtonLook } from "./Button";
import styles from "./Link.module.css";

export interface LinkProps {
  /** A page of the portal; `href` for others. */
  to?: To;
  href?: string;
  /** `quiet` takes the colour around it, for names in tables. */
  kind?: "plain" | "quiet";
  children: ReactNode;
  "aria-label"?: string;
  onClick?: () => void;
}

/** A link to a page of the portal, or with `href` to another, which opens beside it. */
export function Link({ to, href, kind = "plain", children, ...props }: LinkProps) {
  const className = kind === "plain" ? styles.link : styles.quiet;
  if (href !== undefined) {
    return (
      <a {...props} className={className} href={href} target="_blank" rel="noreferrer">
        {children}
      </a>
    );
  }
  return (
    <RouterLink {...props} className={className} to={to ?? "."}>
      {children}
    </RouterLink>
  );
}

/** A link that looks like a button: it goes somewhere, and does nothing. */
export function ButtonLink({ to, icon, children, ...look }: ButtonLook & { to: To; icon?: ReactNode; children: ReactNode }) {
  return (
    <RouterLink className={buttonClass(look)} to={to}>
      {icon}
      <span>{children}</span>
    </RouterLink>
  );
}
