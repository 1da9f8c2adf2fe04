import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import styles from "./Banner.module.css";

export type Tone = "neutral" | "info" | "success" | "warning" | "danger";

export interface BannerProps {
  tone?: Exclude<Tone, "neutral">;
  title?: ReactNode;
  /** Buttons or links: what to do about it. */
  actions?: ReactNode;
  children?: ReactNode;
}

const icons = { info: Info, success: CircleCheck, warning: TriangleAlert, danger: CircleAlert };

/** Something to know about the page or form. What went wrong is read aloud at once. */
export function Banner({ tone = "info", title, actions, children }: BannerProps) {
  const Icon = icons[tone];
  return (
    <div className={styles.banner} data-tone={tone} role={tone === "danger" ? "alert" : "status"}>
      <Icon size={18} aria-hidden />
      <div className={styles.words}>
        {title != null && <strong>{title}</strong>}
        {children != null && <div>{children}</div>}
      </div>
      {actions != null && <div className={styles.actions}>{actions}</div>}
    </div>
  );
}
