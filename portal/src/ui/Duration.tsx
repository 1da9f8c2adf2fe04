import { useLanguage } from "@/i18n";
import { duration } from "./format";
import { useNow } from "./useNow";

/** How long something took; without `to`, how long it has been going on. */
export function Duration(props: { ms: number } | { from: string; to?: string | null }) {
  const language = useLanguage();
  const now = useNow();
  const ms = "ms" in props ? props.ms : (props.to ? Date.parse(props.to) : now) - Date.parse(props.from);
  return <>{duration(Math.max(0, ms), language)}</>;
}
