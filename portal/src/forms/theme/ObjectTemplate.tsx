import { canExpand, type ObjectFieldTemplateProps } from "@rjsf/utils";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, Disclosure } from "@/ui";
import styles from "../Forms.module.css";
import { Prose } from "../Prose";
import { isObject, isSchema, propertiesOf } from "../schema";
import { wording } from "../wording";
import { Part } from "./Part";

/** From so many on, what may be left out is shown when one wants it. */
const MANY = 4;

/** An object: its properties, and a button for another where their names are free. */
export function ObjectTemplate(props: ObjectFieldTemplateProps) {
  const { t } = useTranslation("forms");
  const { schema, uiSchema, properties, fieldPathId, disabled, readonly } = props;
  const data: unknown = props.formData;
  const [filled] = useState(() => new Set(isObject(data) ? Object.keys(data) : []));
  const isWithin = fieldPathId.path.length > 0 && fieldPathId.path.at(-1) !== "XxxOf";
  const mayExpand = Boolean(canExpand(schema, uiSchema, data));
  if ((schema.oneOf ?? schema.anyOf) && properties.length === 0 && !mayExpand) return null;

  const title = isWithin ? props.title : "";
  const description = typeof props.description === "string" ? <Prose text={props.description} /> : props.description;
  const errors = (props.errorSchema ?? {}) as Record<string, unknown> & { __errors?: string[] };
  const decides = isSchema(schema.if) ? Object.keys(propertiesOf(schema.if)) : [];
  const first = (name: string) => schema.required?.includes(name) || filled.has(name) || decides.includes(name) || !isSchema(propertiesOf(schema)[name]);
  const later = properties.filter(({ name, hidden }) => !hidden && !first(name));
  const isFolded = !title && later.length >= MANY && later.length < properties.length;
  const shown = isFolded ? properties.filter((each) => !later.includes(each)) : properties;
  const isWrong = later.some(({ name }) => errors[name] !== undefined);
  const names = later.map(({ name }) => {
    const property = propertiesOf(schema)[name];
    return (isSchema(property) ? property.title : undefined) ?? wording(name);
  });
  return (
    <Part title={title} description={props.description ? description : undefined} isOptional={!props.required} errors={errors.__errors}>
      {shown.map(({ content }) => content)}
      {isFolded && (
        <Disclosure key={isWrong ? "wrong" : "right"} isOpenAtFirst={isWrong} title={t("more", { names: names.join(", ") })}>
          <div className={styles.more}>{later.map(({ content }) => content)}</div>
        </Disclosure>
      )}
      {mayExpand && (
        <div className={styles.add}>
          <Button size="small" icon={<Plus size={14} aria-hidden />} isDisabled={Boolean(disabled) || Boolean(readonly)} onPress={() => props.onAddProperty()}>
            {t("add")}
          </Button>
        </div>
      )}
    </Part>
  );
}
