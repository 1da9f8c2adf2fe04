import { enumOptionsIndexForValue, type WidgetProps } from "@rjsf/utils";
import { useTranslation } from "react-i18next";
import { ComboBox, Select, type Option } from "@/ui";
import { FieldErrors } from "@/ui/FieldErrors";
import { marksOf } from "../schema";
import { CheckboxesWidget } from "./CheckboxesWidget";
import { emptyOf, useFieldProps } from "./useFieldProps";

const UNSET = "unset";
/** More are found by typing. */
const FEW = 20;

/** One of the values that a schema lists. What may be left out has an entry that says what is taken then. */
export function SelectWidget(props: WidgetProps) {
  return props.multiple ? <CheckboxesWidget {...props} /> : <OneOfSome {...props} />;
}

function OneOfSome(props: WidgetProps) {
  const { t } = useTranslation("forms");
  const { placeholder, isReadOnly, isDisabled, ...field } = useFieldProps(props);
  const { enumOptions = [], enumDisabled } = props.options;
  const byDefault = marksOf(props.schema)["x-default"];
  const disabled: unknown[] = Array.isArray(enumDisabled) ? enumDisabled : [];
  const options: Option[] = enumOptions.map(({ label, value, schema }, index) => ({
    id: String(index),
    label,
    ...(schema?.description && { description: schema.description }),
    isDisabled: disabled.includes(value),
  }));
  if (!props.required) {
    options.unshift({ id: UNSET, label: byDefault === undefined ? t("unset") : t("byDefault", { value: typeof byDefault === "string" ? byDefault : JSON.stringify(byDefault) }) });
  }
  const index = enumOptionsIndexForValue(props.value, enumOptions);
  const chosen = typeof index === "string" ? index : props.required ? null : UNSET;
  const choose = (key: unknown) => {
    if (key === null) return;
    props.onChange(key === UNSET ? emptyOf(props) : (enumOptions[Number(key)]?.value as unknown));
  };
  const shared = { ...field, options, isDisabled: isDisabled || isReadOnly };
  return (
    <FieldErrors name={field.name} errors={props.rawErrors}>
      {options.length > FEW ? (
        <ComboBox {...shared} value={chosen} onChange={choose} />
      ) : (
        <Select {...shared} placeholder={t("choose")} value={chosen} onChange={choose} />
      )}
    </FieldErrors>
  );
}
