import type { ArrayFieldItemTemplateProps } from "@rjsf/utils";
import { ArrowDown, ArrowUp, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/ui";
import styles from "../Forms.module.css";

/** An entry of a list: moved and removed beside it. */
export function ArrayItemTemplate({ children, buttonsProps, hasToolbar, index }: ArrayFieldItemTemplateProps) {
  const { t } = useTranslation("forms");
  const { hasMoveUp, hasMoveDown, hasRemove, disabled, readonly, totalItems } = buttonsProps;
  const isDisabled = Boolean(disabled) || Boolean(readonly);
  const number = index + 1;
  return (
    <li className={styles.item}>
      <div>{children}</div>
      {hasToolbar && (
        <div className={styles.buttons}>
          {totalItems > 1 && (
            <>
              <IconButton label={t("moveUp", { number })} isDisabled={isDisabled || !hasMoveUp} onPress={() => buttonsProps.onMoveUpItem()}>
                <ArrowUp size={16} aria-hidden />
              </IconButton>
              <IconButton label={t("moveDown", { number })} isDisabled={isDisabled || !hasMoveDown} onPress={() => buttonsProps.onMoveDownItem()}>
                <ArrowDown size={16} aria-hidden />
              </IconButton>
            </>
          )}
          {hasRemove && (
            <IconButton label={t("remove", { number })} isDisabled={isDisabled} onPress={() => buttonsProps.onRemoveItem()}>
              <Trash2 size={16} aria-hidden />
            </IconButton>
          )}
        </div>
      )}
    </li>
  );
}
