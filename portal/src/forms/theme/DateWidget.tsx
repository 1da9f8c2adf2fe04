import type { WidgetProps } from "@rjsf/utils";
import { TextField } from "@/ui";
import { FieldErrors } from "@/ui/FieldErrors";
import { TextWidget } from "./TextWidget";
import { emptyOf, useFieldProps } from "./useFieldProps";

const inputs = { date: "date", time: "time", "date-time": "datetime-local" } as const;

/** A day, time or moment. One that is none is shown as it is, so that one sees what to mend. */
export function DateWidget(props: WidgetProps) {
  const { placeholder, ...field } = useFieldProps(props);
  const value: unknown = props.value;
  const format = props.schema.format as keyof typeof inputs;
  const shown = shownAs(format, value);
  if (shown === undefined) return <TextWidget {...props} />;
  return (
    <FieldErrors name={field.name} errors={props.rawErrors}>
      <TextField
        {...field}
        type={inputs[format]}
        value={shown}
        onChange={(entered) => props.onChange(entered === "" ? emptyOf(props) : storedAs(format, entered))}
      />
    </FieldErrors>
  );
}

function shownAs(format: keyof typeof inputs, value: unknown): string | undefined {
  if (value == null || value === "") return "";
  if (typeof value !== "string") return undefined;
  if (format === "date") return /^\d{4}-\d{2}-\d{2}$/.test(value) && isMoment(`${value}T00:00:00Z`) ? value : undefined;
  if (format === "time") return /^\d{2}:\d{2}(:\d{2})?Z?$/.test(value) ? value.replace("Z", "") : undefined;
  if (!isMoment(value)) return undefined;
  const moment = new Date(value);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, moment.getSeconds() === 0 ? 16 : 19);
}

function isMoment(text: string): boolean {
  return !Number.isNaN(Date.parse(text));
}

function storedAs(format: keyof typeof inputs, entered: string): string {
  if (format === "time") return `${entered.length === 5 ? `${entered}:00` : entered}Z`;
  return format === "date" ? entered : new Date(entered).toISOString();
}
