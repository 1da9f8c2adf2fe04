import type { ArrayFieldTemplateProps } from "@rjsf/utils";
import { Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui";
import styles from "../Forms.module.css";
import { Prose } from "../Prose";
import { Part } from "./Part";

/** A list: its entries in their order, and a button for another. */
export function ArrayTemplate(props: ArrayFieldTemplateProps) {
  const { t } = useTranslation("forms");
  const { schema, items, canAdd, disabled, readonly } = props;
  return (
    <Part
      title={props.title}
      description={schema.description && <Prose text={schema.description} />}
      isOptional={!props.required}
      errors={props.rawErrors}
    >
      {items.length > 0 && <ul className={styles.items}>{items}</ul>}
      {canAdd && (
        <div className={styles.add}>
          <Button size="small" icon={<Plus size={14} aria-hidden />} isDisabled={Boolean(disabled) || Boolean(readonly)} onPress={() => props.onAddClick()}>
            {t("add")}
          </Button>
        </div>
      )}
    </Part>
  );
}
