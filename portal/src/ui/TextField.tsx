import { Input } from "react-aria-components/Input";
import { TextField as AriaTextField, type TextFieldProps as AriaProps } from "react-aria-components/TextField";
import { classes } from "./classes";
import styles from "./Field.module.css";
import { FieldLabel, FieldNotes, labelling, type FieldLook } from "./FieldParts";

export interface TextFieldProps extends FieldLook, Omit<AriaProps, "children" | "className" | "style"> {
  placeholder?: string;
  /** In the face for code: ids, paths, expressions. */
  isCode?: boolean;
}

/** One line of text; `type` for mail addresses, passwords, URLs. */
export function TextField({ label, description, isOptional, hideLabel, placeholder, isCode, ...props }: TextFieldProps) {
  return (
    <AriaTextField {...props} {...labelling({ label, hideLabel })} className={styles.field ?? ""}>
      {!hideLabel && <FieldLabel label={label} isOptional={isOptional} />}
      <Input className={classes(styles.input, isCode && styles.code)} placeholder={placeholder} />
      <FieldNotes description={description} />
    </AriaTextField>
  );
}
