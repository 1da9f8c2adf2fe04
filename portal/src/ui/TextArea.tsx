import { TextArea as AriaTextArea } from "react-aria-components/TextArea";
import { TextField as AriaTextField } from "react-aria-components/TextField";
import { classes } from "./classes";
import styles from "./Field.module.css";
import { FieldLabel, FieldNotes, labelling } from "./FieldParts";
import type { TextFieldProps } from "./TextField";

export interface TextAreaProps extends Omit<TextFieldProps, "type"> {
  rows?: number;
}

/** Several lines of text. */
export function TextArea({ label, description, isOptional, hideLabel, placeholder, isCode, rows = 4, ...props }: TextAreaProps) {
  return (
    <AriaTextField {...props} {...labelling({ label, hideLabel })} className={styles.field ?? ""}>
      {!hideLabel && <FieldLabel label={label} isOptional={isOptional} />}
      <AriaTextArea className={classes(styles.input, isCode && styles.code)} placeholder={placeholder} rows={rows} />
      <FieldNotes description={description} />
    </AriaTextField>
  );
}
