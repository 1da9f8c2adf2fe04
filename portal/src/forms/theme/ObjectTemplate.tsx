import { canExpand, type ObjectFieldTemplateProps } from "@rjsf/utils";
import { Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui";
import styles from "../Forms.module.css";
import { Prose } from "../Prose";
import { Part } from "./Part";

/** An object: its properties, and a button for another where their names are free. */
export function ObjectTemplate(props: ObjectFieldTemplateProps) {
  const { t } = useTranslation("forms");
  const { schema, uiSchema, properties, fieldPathId, disabled, readonly } = props;
  const isRoot = fieldPathId.path.length === 0;
  if ((schema.oneOf ?? schema.anyOf) && !schema.properties && properties.length === 0) return null;
  const description = typeof props.description === "string" ? <Prose text={props.description} /> : props.description;
  return (
    <Part
      title={isRoot || fieldPathId.path.at(-1) === "XxxOf" ? undefined : props.title}
      description={props.description ? description : undefined}
      isOptional={!props.required}
      errors={(props.errorSchema as { __errors?: string[] } | undefined)?.__errors}
    >
      {properties.map(({ content }) => content)}
      {canExpand(schema, uiSchema, props.formData as unknown) && (
        <div className={styles.add}>
          <Button size="small" icon={<Plus size={14} aria-hidden />} isDisabled={Boolean(disabled) || Boolean(readonly)} onPress={() => props.onAddProperty()}>
            {t("add")}
          </Button>
        </div>
      )}
    </Part>
  );
}
