import { ADDITIONAL_PROPERTY_FLAG, type WidgetProps } from "@rjsf/utils";
import { useTranslation } from "react-i18next";
import { marksOf } from "../schema";
import { Prose } from "../Prose";

/** What a widget has of every field. */
export function useFieldProps({ id, schema, label, hideLabel, required, disabled, readonly, placeholder, autofocus, options }: WidgetProps) {
  const { t } = useTranslation("forms");
  const marks = marksOf(schema);
  const isOfPair = ADDITIONAL_PROPERTY_FLAG in schema;
  const description = options.description ?? schema.description;
  const byDefault = marks["x-default"];
  return {
    id,
    name: id,
    label: isOfPair ? t("value") : label,
    hideLabel: Boolean(hideLabel) || marks["x-item"] === true,
    description: description ? <Prose text={description} /> : undefined,
    isRequired: Boolean(required),
    isOptional: !required && !isOfPair && marks["x-item"] !== true && options.marksOptional !== false,
    isDisabled: Boolean(disabled),
    isReadOnly: Boolean(readonly),
    autoFocus: Boolean(autofocus),
    placeholder: placeholder || (typeof byDefault === "string" || typeof byDefault === "number" ? String(byDefault) : undefined),
    validationBehavior: "aria" as const,
  };
}

/** What a field without content has in the data. */
export function emptyOf({ schema }: Pick<WidgetProps, "schema">): null | undefined | "" {
  const marks = marksOf(schema);
  if (marks["x-nullable"]) return null;
  return marks["x-item"] || ADDITIONAL_PROPERTY_FLAG in schema ? "" : undefined;
}
