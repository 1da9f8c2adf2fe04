import { useTranslation } from "react-i18next";
import { Skeleton } from "@/ui";
import styles from "./Systems.module.css";
import type { Extent, Use } from "./useUses";

const NAMED = 2;

/** The first integrations that use a system, and how many more. */
export function UseWords({ uses, extent }: { uses: readonly Use[]; extent: Extent }) {
  const { t } = useTranslation("systems");
  const current = uses.filter(({ status }) => status !== "ARCHIVED");
  if (current.length === 0) return extent === "reading" ? <Skeleton lines={1} /> : <span className={styles.note}>{t(extent === "all" ? "unused" : "unknownUse")}</span>;
  const named = current.slice(0, NAMED).map(({ name }) => name).join(", ");
  const more = current.length - NAMED;
  return <span>{more > 0 ? `${named} ${t("more", { count: more })}` : named}</span>;
}
