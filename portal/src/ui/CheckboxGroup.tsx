import { CheckboxGroup as AriaCheckboxGroup, type CheckboxGroupProps as AriaProps } from "react-aria-components/CheckboxGroup";
import { Checkbox } from "./Checkbox";
import styles from "./Field.module.css";
import { FieldLabel, FieldNotes, labelling, type FieldLook } from "./FieldParts";
import type { Option } from "./Select";

export interface CheckboxGroupProps extends FieldLook, Omit<AriaProps, "children" | "className" | "style"> {
  options: readonly Option[];
}

/** Any of some, all of which are seen; side by side where there is room. Its value is the ids. */
export function CheckboxGroup({ label, description, isOptional, hideLabel, options, ...props }: CheckboxGroupProps) {
  return (
    <AriaCheckboxGroup {...props} {...labelling({ label, hideLabel })} className={styles.field ?? ""}>
      {!hideLabel && <FieldLabel label={label} isOptional={isOptional} />}
      <div className={styles.columns}>
        {options.map((option) => (
          <Checkbox key={option.id} value={option.id} description={option.description} isDisabled={option.isDisabled ?? false}>
            {option.label}
          </Checkbox>
        ))}
      </div>
      <FieldNotes description={description} />
    </AriaCheckboxGroup>
  );
}
