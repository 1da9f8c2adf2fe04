import { enumOptionsIndexForValue, type WidgetProps } from "@rjsf/utils";
import { RadioGroup } from "@/ui";
import { FieldErrors } from "@/ui/FieldErrors";
import { useFieldProps } from "./useFieldProps";

/** One of a few values, all of which are seen: by `"ui:widget": "radio"`. */
export function RadioWidget(props: WidgetProps) {
  const { placeholder, autoFocus, ...field } = useFieldProps(props);
  const { enumOptions = [] } = props.options;
  const index = enumOptionsIndexForValue(props.value, enumOptions);
  return (
    <FieldErrors name={field.name} errors={props.rawErrors}>
      <RadioGroup
        {...field}
        options={enumOptions.map(({ label }, each) => ({ id: String(each), label }))}
        value={typeof index === "string" ? index : null}
        onChange={(key) => props.onChange(enumOptions[Number(key)]?.value as unknown)}
      />
    </FieldErrors>
  );
}
