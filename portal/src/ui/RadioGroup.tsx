import { RadioButton, RadioField, RadioGroup as AriaRadioGroup, type RadioGroupProps as AriaProps } from "react-aria-components/RadioGroup";
import { Text } from "react-aria-components/Text";
import styles from "./Field.module.css";
import { FieldLabel, FieldNotes, labelling, type FieldLook } from "./FieldParts";
import type { Option } from "./Select";

export interface RadioGroupProps extends FieldLook, Omit<AriaProps, "children" | "className" | "style"> {
  options: readonly Option[];
}

/** One of a few, all of which are seen. */
export function RadioGroup({ label, description, isOptional, hideLabel, options, ...props }: RadioGroupProps) {
  return (
    <AriaRadioGroup {...props} {...labelling({ label, hideLabel })} className={styles.field ?? ""}>
      {!hideLabel && <FieldLabel label={label} isOptional={isOptional} />}
      <div className={styles.options} data-orientation={props.orientation ?? "vertical"}>
        {options.map((option) => (
          <RadioField key={option.id} value={option.id} isDisabled={option.isDisabled ?? false}>
            <RadioButton className={styles.choice ?? ""}>
              {({ isSelected }) => (
                <>
                  <span className={styles.box} data-round>
                    {isSelected && <span className={styles.dot} />}
                  </span>
                  {option.label}
                </>
              )}
            </RadioButton>
            {option.description != null && (
              <Text slot="description" className={styles.optionNote}>
                {option.description}
              </Text>
            )}
          </RadioField>
        ))}
      </div>
      <FieldNotes description={description} />
    </AriaRadioGroup>
  );
}
