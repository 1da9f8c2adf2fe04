import type { WidgetProps } from "@rjsf/utils";
import { TextArea, TextField } from "@/ui";
import { FieldErrors } from "@/ui/FieldErrors";
import { marksOf } from "../schema";
import { emptyOf, useFieldProps } from "./useFieldProps";

/** From this many characters on a text has several lines: a query, a certificate. */
const LONG = 10_000;

const types: Record<string, "email" | "url"> = { email: "email", "idn-email": "email", uri: "url", iri: "url" };

/** A text: on one line, or several, or unseen where it is a secret. */
export function TextWidget(props: WidgetProps) {
  const { schema, options } = props;
  const { placeholder, ...field } = useFieldProps(props);
  const value: unknown = props.value;
  const text = typeof value === "string" ? value : value == null ? "" : JSON.stringify(value);
  const change = (entered: string) => props.onChange(entered === "" ? emptyOf(props) : entered);
  const isSecret = marksOf(schema)["x-secret"] === true || schema.writeOnly === true || schema.format === "password" || options.inputType === "password";
  const isLong = options.widget === "textarea" || (schema.maxLength ?? 0) >= LONG;
  return (
    <FieldErrors name={field.name} errors={props.rawErrors}>
      {isLong ? (
        <TextArea {...field} value={text} onChange={change} {...(placeholder && { placeholder })} isCode rows={6} />
      ) : (
        <TextField
          {...field}
          value={text}
          onChange={change}
          {...(placeholder && { placeholder })}
          type={isSecret ? "password" : (types[schema.format ?? ""] ?? "text")}
          autoComplete={isSecret ? "new-password" : "off"}
          spellCheck="false"
        />
      )}
    </FieldErrors>
  );
}

export function PasswordWidget(props: WidgetProps) {
  return <TextWidget {...props} options={{ ...props.options, inputType: "password" }} />;
}

export function TextareaWidget(props: WidgetProps) {
  return <TextWidget {...props} options={{ ...props.options, widget: "textarea" }} />;
}
