import { useLanguage } from "@/i18n";
import { count } from "./format";

/** A number of things; a large one is shortened, with the whole one in its title. */
export function Count({ value, isCompact }: { value: number; isCompact?: boolean }) {
  const language = useLanguage();
  return <span title={count(value, language, false)}>{count(value, language, isCompact)}</span>;
}
