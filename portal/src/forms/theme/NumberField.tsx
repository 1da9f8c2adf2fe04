import { getUiOptions, type FieldProps, type WidgetProps } from "@rjsf/utils";
import { NumberField as NumberInput } from "@/ui";
import { FieldErrors } from "@/ui/FieldErrors";
import { emptyOf, useFieldProps } from "./useFieldProps";

/** A number. Its bounds are told and not enforced while it is entered: what was wrong stays to be seen. */
export function NumberField(props: FieldProps) {
  const { StringField } = props.registry.fields;
  if (props.schema.enum && StringField) return <StringField {...props} />;
  return <NumberEntry {...props} />;
}

function NumberEntry(props: FieldProps) {
  const { schema, fieldPathId, onChange } = props;
  const ui = getUiOptions(props.uiSchema);
  const value: unknown = props.formData;
  const widget = {
    ...props,
    id: fieldPathId.$id,
    label: ui.title ?? schema.title ?? props.name,
    hideLabel: ui.label === false,
    options: ui,
  } as unknown as WidgetProps;
  const { placeholder, ...field } = useFieldProps(widget);
  return (
    <FieldErrors name={field.name} errors={props.rawErrors}>
      <NumberInput
        {...field}
        {...(placeholder && { placeholder })}
        value={typeof value === "number" ? value : Number.NaN}
        step={schema.type === "integer" ? 1 : undefined}
        formatOptions={{ useGrouping: false, maximumFractionDigits: schema.type === "integer" ? 0 : 15 }}
        onChange={(entered) => onChange(Number.isNaN(entered) ? emptyOf(widget) : entered, fieldPathId.path)}
      />
    </FieldErrors>
  );
}
