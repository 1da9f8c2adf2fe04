import { X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "react-aria-components/Button";
import { Tag, TagGroup, TagList } from "react-aria-components/TagGroup";
import { ComboBox } from "./ComboBox";
import type { FieldLook } from "./FieldParts";
import type { Option } from "./Select";
import styles from "./TagField.module.css";

export interface TagFieldProps extends FieldLook {
  value: readonly string[];
  onChange: (value: string[]) => void;
  /** What is offered. Of ids that are not among them, the id itself is shown. */
  options: readonly Option[];
  /** What is typed is taken as it stands, too. */
  takesOthers?: boolean;
  /** `options` are what the server finds for it. */
  onSearch?: (text: string) => void;
  placeholder?: string;
  /** Ties it to errors of the form. */
  name?: string;
}

/** Any number of things, each found by typing: what is chosen stands below as tags that can be taken away. */
export function TagField({ value, onChange, options, takesOthers = false, onSearch, ...look }: TagFieldProps) {
  const { t } = useTranslation("common");
  const [text, setText] = useState("");
  const write = (next: string) => {
    setText(next);
    onSearch?.(next);
  };
  const take = (id: string) => {
    const chosen = id.trim();
    if (chosen && !value.includes(chosen)) onChange([...value, chosen]);
    write("");
  };
  const labelOf = (id: string) => options.find((option) => option.id === id)?.label ?? id;
  return (
    <div className={styles.field}>
      <ComboBox
        {...look}
        isSearched={onSearch !== undefined}
        options={options.filter(({ id }) => !value.includes(id))}
        allowsCustomValue={takesOthers}
        allowsEmptyCollection={!takesOthers}
        inputValue={text}
        onInputChange={write}
        value={null}
        onChange={(key) => key !== null && take(String(key))}
        onKeyDown={(event) => {
          if (takesOthers && (event.key === "Enter" || event.key === ",") && text.trim()) {
            event.preventDefault();
            take(text);
          }
        }}
        onBlur={() => takesOthers && take(text)}
      />
      {value.length > 0 && (
        <TagGroup
          aria-label={look.label}
          onRemove={(keys) => onChange(value.filter((id) => !keys.has(id)))}
        >
          <TagList className={styles.tags ?? ""}>
            {value.map((id) => (
              <Tag key={id} id={id} textValue={labelOf(id)} className={styles.tag ?? ""}>
                {labelOf(id)}
                <Button slot="remove" className={styles.remove ?? ""} aria-label={t("remove")}>
                  <X size={14} aria-hidden />
                </Button>
              </Tag>
            ))}
          </TagList>
        </TagGroup>
      )}
    </div>
  );
}
