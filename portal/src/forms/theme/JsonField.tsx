import { getUiOptions, type FieldProps, type WidgetProps } from "@rjsf/utils";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { TextArea } from "@/ui";
import { FieldErrors } from "@/ui/FieldErrors";
import { useFieldProps } from "./useFieldProps";

/** Something of which the schema says nothing more, as JSON. What is no JSON stays a text, which the schema refuses. */
export function JsonField(props: FieldProps) {
  const { t } = useTranslation("forms");
  const { schema, fieldPathId, onChange } = props;
  const ui = getUiOptions(props.uiSchema);
  const [text, setText] = useState(() => (props.formData === undefined ? "" : JSON.stringify(props.formData, null, 2)));
  const { placeholder, ...field } = useFieldProps({
    ...props,
    id: fieldPathId.$id,
    label: ui.title ?? schema.title ?? props.name,
    options: ui,
  } as unknown as WidgetProps);
  const change = (entered: string) => {
    setText(entered);
    onChange(entered.trim() === "" ? undefined : parsed(entered), fieldPathId.path);
  };
  return (
    <FieldErrors name={field.name} errors={props.rawErrors}>
      <TextArea {...field} description={<>{field.description} {t("asJson")}</>} value={text} onChange={change} isCode rows={5} />
    </FieldErrors>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
