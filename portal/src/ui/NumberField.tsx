import { Minus, Plus } from "lucide-react";
import { Button } from "react-aria-components/Button";
import { Group } from "react-aria-components/Group";
import { Input } from "react-aria-components/Input";
import { NumberField as AriaNumberField, type NumberFieldProps as AriaProps } from "react-aria-components/NumberField";
import styles from "./Field.module.css";
import { FieldLabel, FieldNotes, labelling, type FieldLook } from "./FieldParts";

export interface NumberFieldProps extends FieldLook, Omit<AriaProps, "children" | "className" | "style"> {
  placeholder?: string;
}

/** A number, written as the language does; `formatOptions` for units. */
export function NumberField({ label, description, isOptional, hideLabel, placeholder, ...props }: NumberFieldProps) {
  return (
    <AriaNumberField {...props} {...labelling({ label, hideLabel })} className={styles.field ?? ""}>
      {!hideLabel && <FieldLabel label={label} isOptional={isOptional} />}
      <Group className={styles.group ?? ""}>
        <Input className={styles.input ?? ""} placeholder={placeholder} />
        <Button slot="decrement" className={styles.adjunct ?? ""}>
          <Minus size={14} aria-hidden />
        </Button>
        <Button slot="increment" className={styles.adjunct ?? ""}>
          <Plus size={14} aria-hidden />
        </Button>
      </Group>
      <FieldNotes description={description} />
    </AriaNumberField>
  );
}
