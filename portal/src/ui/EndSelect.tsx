import { useLanguage } from "@/i18n";
import type { FieldLook } from "./FieldParts";
import { textOf } from "./Form";
import { duration } from "./format";
import { Select } from "./Select";

export interface EndSelectProps extends FieldLook {
  name: string;
  /** How long it may last, in hours. */
  hours: readonly number[];
  /** The words for: until somebody ends it. */
  never?: string;
  /** What is chosen at first; by default never, or else the first. */
  defaultHours?: number;
}

const NEVER = "never";
const HOUR_MS = 3_600_000;

/** When something ends by itself. In what is sent, `endOf` reads it. */
export function EndSelect({ hours, never, defaultHours, ...look }: EndSelectProps) {
  const language = useLanguage();
  const options = hours.map((each) => ({ id: String(each), label: duration(each * HOUR_MS, language) }));
  return (
    <Select
      {...look}
      options={never === undefined ? options : [{ id: NEVER, label: never }, ...options]}
      defaultValue={defaultHours !== undefined ? String(defaultHours) : never === undefined ? String(hours[0]) : NEVER}
    />
  );
}

/** The moment that was chosen, counted from now; null for never. */
export function endOf(data: FormData, name: string): string | null {
  const hours = Number(textOf(data, name));
  return hours > 0 ? new Date(Date.now() + hours * HOUR_MS).toISOString() : null;
}
