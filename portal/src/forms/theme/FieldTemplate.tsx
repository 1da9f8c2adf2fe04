import { ADDITIONAL_PROPERTY_FLAG, type FieldTemplateProps } from "@rjsf/utils";
import { Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton, TextField } from "@/ui";
import styles from "../Forms.module.css";

/** The name that a new entry has until it gets one. */
const UNNAMED = /^newKey(-\d+)?$/;

/** The place of a field, which an error's link leads to. Widgets show their label, help and errors themselves. */
export function FieldTemplate(props: FieldTemplateProps) {
  const { id, schema, hidden, children, label } = props;
  const { t } = useTranslation("forms");
  // A constant only tells options apart.
  if (hidden || schema.const !== undefined) return null;
  if (!(ADDITIONAL_PROPERTY_FLAG in schema)) {
    return (
      <div id={`${id}__field`} className={styles.field}>
        {children}
      </div>
    );
  }
  return (
    <div id={`${id}__field`} className={styles.pair}>
      <TextField
        label={t("name")}
        defaultValue={UNNAMED.test(label) ? "" : label}
        isDisabled={props.disabled || props.readonly}
        onBlur={(event) => event.currentTarget instanceof HTMLInputElement && event.currentTarget.value !== "" && props.onKeyRename(event.currentTarget.value)}
        autoComplete="off"
      />
      <div>{children}</div>
      <div className={styles.buttons}>
        <IconButton label={t("removeNamed", { name: label })} isDisabled={props.disabled || props.readonly} onPress={props.onRemoveProperty}>
          <Trash2 size={16} aria-hidden />
        </IconButton>
      </div>
    </div>
  );
}
