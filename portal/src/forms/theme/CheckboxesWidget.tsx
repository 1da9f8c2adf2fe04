import type { WidgetProps } from "@rjsf/utils";
import { Checkbox } from "@/ui";
import { Part } from "./Part";
import { useFieldProps } from "./useFieldProps";

/** Any of the values that a schema lists. */
export function CheckboxesWidget(props: WidgetProps) {
  const { label, description, isOptional, isDisabled, isReadOnly } = useFieldProps(props);
  const chosen: unknown[] = Array.isArray(props.value) ? props.value : [];
  const values = (props.options.enumOptions ?? []).map((option) => ({ label: option.label, value: option.value as unknown }));
  return (
    <Part title={label} description={description} isOptional={isOptional} errors={props.rawErrors}>
      {values.map(({ label: name, value }) => (
        <Checkbox
          key={name}
          isSelected={chosen.includes(value)}
          isDisabled={isDisabled || isReadOnly}
          onChange={(isChosen) => props.onChange(values.map((each) => each.value).filter((each) => (each === value ? isChosen : chosen.includes(each))))}
        >
          {name}
        </Checkbox>
      ))}
    </Part>
  );
}
