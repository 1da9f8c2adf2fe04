import { ChevronDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "react-aria-components/Button";
import { ComboBox as AriaComboBox, type ComboBoxProps as AriaProps } from "react-aria-components/ComboBox";
import { Group } from "react-aria-components/Group";
import { Input } from "react-aria-components/Input";
import { ListBox } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";
import styles from "./Field.module.css";
import { FieldLabel, FieldNotes, labelling, type FieldLook } from "./FieldParts";
import popover from "./Popover.module.css";
import { optionItem, type Option } from "./Select";

export interface ComboBoxProps extends FieldLook, Omit<AriaProps<Option>, "children" | "className" | "style" | "items"> {
  options: readonly Option[];
  /** `options` are what the server found for `inputValue`: they are not sifted again. */
  isSearched?: boolean;
  placeholder?: string;
}

/** One of many, found by typing. */
export function ComboBox({ label, description, isOptional, hideLabel, options, isSearched, placeholder, ...props }: ComboBoxProps) {
  const { t } = useTranslation("common");
  return (
    <AriaComboBox
      menuTrigger="focus"
      allowsEmptyCollection
      {...props}
      {...labelling({ label, hideLabel })}
      {...(isSearched ? { items: options } : { defaultItems: options })}
      className={styles.field ?? ""}
    >
      {!hideLabel && <FieldLabel label={label} isOptional={isOptional} />}
      <Group className={styles.group ?? ""}>
        <Input className={styles.input ?? ""} placeholder={placeholder} />
        <Button className={styles.adjunct ?? ""}>
          <ChevronDown size={16} aria-hidden />
        </Button>
      </Group>
      <FieldNotes description={description} />
      <Popover className={popover.popover ?? ""}>
        <ListBox<Option>
          className={popover.list ?? ""}
          renderEmptyState={() => <div className={popover.empty}>{t("nothingFound")}</div>}
        >
          {optionItem}
        </ListBox>
      </Popover>
    </AriaComboBox>
  );
}
