import { useLanguage } from "@/i18n";
import { dateTime, relativeTime } from "./format";
import { useNow } from "./useNow";

export interface TimeProps {
  /** As the server tells it. */
  at: string;
  /** `relative` goes on by itself, and has the absolute one in its title. */
  as?: "relative" | "absolute";
}

/** A moment. */
export function Time({ at, as = "relative" }: TimeProps) {
  const language = useLanguage();
  const now = useNow();
  const absolute = dateTime(at, language);
  return (
    <time dateTime={at} title={absolute}>
      {as === "absolute" ? absolute : relativeTime(Date.parse(at), now, language)}
    </time>
  );
}
