import type { WidgetProps } from "@rjsf/utils";
import { Checkbox } from "@/ui";
import { FieldErrors } from "@/ui/FieldErrors";
import { marksOf } from "../schema";
import { useFieldProps } from "./useFieldProps";

/** Yes or no. One that is left out is shown as its default. */
export function CheckboxWidget(props: WidgetProps) {
  const { label, hideLabel, isOptional, isRequired, placeholder, ...field } = useFieldProps(props);
  const value: unknown = props.value ?? marksOf(props.schema)["x-default"];
  return (
    <FieldErrors name={field.name} errors={props.rawErrors}>
      <Checkbox {...field} isSelected={value === true} onChange={(isOn) => props.onChange(isOn)}>
        {label}
      </Checkbox>
    </FieldErrors>
  );
}
