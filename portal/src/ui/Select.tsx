import { Check, ChevronDown } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "react-aria-components/Button";
import { ListBox, ListBoxItem } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";
import { Select as AriaSelect, SelectValue, type SelectProps as AriaProps } from "react-aria-components/Select";
import { Text } from "react-aria-components/Text";
import styles from "./Field.module.css";
import { FieldLabel, FieldNotes, labelling, type FieldLook } from "./FieldParts";
import popover from "./Popover.module.css";

/** Something to choose. */
export interface Option {
  id: string;
  label: string;
  description?: string;
  icon?: ReactNode;
  isDisabled?: boolean;
}

export interface SelectProps extends FieldLook, Omit<AriaProps<Option>, "children" | "className" | "style"> {
  options: readonly Option[];
}

/** One of some (up to about 20; `ComboBox` for more). Its value is the option's id. */
export function Select({ label, description, isOptional, hideLabel, options, ...props }: SelectProps) {
  return (
    <AriaSelect {...props} {...labelling({ label, hideLabel })} className={styles.field ?? ""}>
      {!hideLabel && <FieldLabel label={label} isOptional={isOptional} />}
      <Button className={styles.trigger ?? ""}>
        <SelectValue className={styles.value ?? ""} />
        <ChevronDown size={16} aria-hidden />
      </Button>
      <FieldNotes description={description} />
      <Popover className={popover.popover ?? ""}>
        <ListBox className={popover.list ?? ""}>{options.map(optionItem)}</ListBox>
      </Popover>
    </AriaSelect>
  );
}

/** An option as it stands in a list. */
export function optionItem({ id, label, description, icon, isDisabled }: Option) {
  return (
    <ListBoxItem key={id} id={id} textValue={label} isDisabled={isDisabled ?? false} className={popover.item ?? ""}>
      {({ isSelected }) => (
        <>
          {icon}
          <span className={popover.words}>
            <Text slot="label">{label}</Text>
            {description != null && (
              <Text slot="description" className={popover.note}>
                {description}
              </Text>
            )}
          </span>
          {isSelected && <Check size={16} aria-hidden />}
        </>
      )}
    </ListBoxItem>
  );
}
