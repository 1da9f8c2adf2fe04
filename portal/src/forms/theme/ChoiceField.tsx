import { getUiOptions, type FieldProps } from "@rjsf/utils";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Select, type Option } from "@/ui";
import { FieldErrors } from "@/ui/FieldErrors";
import styles from "../Forms.module.css";
import { Prose } from "../Prose";
import { isObject, propertiesOf, type Schema } from "../schema";
import { discriminatorOf } from "../tidy";

const UNSET = "unset";

/** One of several forms (`oneOf`, `anyOf`): which, and below it the form. */
export function ChoiceField(props: FieldProps) {
  const { t } = useTranslation("forms");
  const { schema, fieldPathId, registry, onChange, uiSchema, disabled, readonly } = props;
  const data: unknown = props.formData;
  const options = props.options as Schema[];
  const { schemaUtils } = registry;
  // Beside properties that are there in any case it is no value of its own, which one could leave out.
  const isWhole = schema.properties === undefined;
  const mayBeUnset = isWhole && !props.required && fieldPathId.path.length > 0;
  const [chosen, setChosen] = useState(() =>
    data === undefined && mayBeUnset ? -1 : schemaUtils.getClosestMatchingOption(data, options, 0, discriminatorOf(schema)),
  );
  const option = options[chosen];
  const { SchemaField } = registry.fields;
  const ui = getUiOptions(uiSchema);
  const description = ui.description ?? (isWhole ? schema.description : undefined);
  const id = `${fieldPathId.$id}__choice`;

  // What is shown as chosen is in the data: its constant says which it is.
  const isMissing = data === undefined && option !== undefined;
  useEffect(() => {
    if (isMissing) onChange(schemaUtils.getDefaultFormState(option) as unknown, fieldPathId.path);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, where nothing is there
  }, [isMissing]);

  const choose = (key: unknown) => {
    const next = key === UNSET ? -1 : Number(key);
    if (key === null || next === chosen) return;
    setChosen(next);
    const form = options[next];
    onChange(form ? (schemaUtils.getDefaultFormState(form, kept(data, option, form)) as unknown) : undefined, fieldPathId.path);
  };

  const entries: Option[] = options.map(({ title, description: note }, index) => ({
    id: String(index),
    label: title ?? String(index + 1),
    ...(note && { description: note }),
  }));
  return (
    <div className={styles.choice}>
      <FieldErrors name={id} errors={props.rawErrors ?? (props.errorSchema as { __errors?: string[] } | undefined)?.__errors}>
        <Select
          id={id}
          name={id}
          label={(isWhole && (ui.title ?? schema.title ?? props.name)) || entries.map(({ label }) => label).join(" / ")}
          description={description ? <Prose text={description} /> : undefined}
          isOptional={mayBeUnset}
          isDisabled={Boolean(disabled) || Boolean(readonly)}
          options={mayBeUnset ? [{ id: UNSET, label: t("unset") }, ...entries] : entries}
          value={chosen === -1 ? UNSET : String(chosen)}
          onChange={choose}
          validationBehavior="aria"
        />
      </FieldErrors>
      {option && SchemaField && (
        <div className={styles.chosen}>
          <SchemaField {...props} key={chosen} schema={option} uiSchema={{ ...uiSchema, "ui:label": false }} required />
        </div>
      )}
    </div>
  );
}

/** What of the data the next form has too; all that no form knows stays. */
function kept(data: unknown, before: Schema | undefined, next: Schema): unknown {
  if (!isObject(data)) return undefined;
  const old = before ? propertiesOf(before) : {};
  const properties = propertiesOf(next);
  return Object.fromEntries(
    Object.entries(data).filter(([name]) => {
      const property = properties[name];
      return !(name in old) || (isObject(property) && property.const === undefined);
    }),
  );
}
