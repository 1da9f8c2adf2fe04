import { useDeferredValue } from "react";
import { useTranslation } from "react-i18next";
import { Markdown, type MarkdownProps } from "./Markdown";
import styles from "./MarkdownField.module.css";
import { TextArea, type TextAreaProps } from "./TextArea";

export interface MarkdownFieldProps extends Omit<TextAreaProps, "value" | "onChange" | "isCode"> {
  value: string;
  onChange: (value: string) => void;
  /** Of the highest heading in the preview. */
  level?: MarkdownProps["level"];
}

/** Markdown, and beside it what becomes of it; below it where there is no room. */
export function MarkdownField({ rows = 16, value, level, ...props }: MarkdownFieldProps) {
  const { t } = useTranslation("common");
  // What is typed is there at once; the preview follows.
  const shown = useDeferredValue(value);
  return (
    <div className={styles.sides}>
      <TextArea {...props} value={value} rows={rows} isCode />
      <section aria-label={t("preview")} className={styles.side}>
        <p className={styles.label} aria-hidden>
          {t("preview")}
        </p>
        <div className={styles.preview}>{shown.trim() ? <Markdown level={level}>{shown}</Markdown> : <p className={styles.empty}>{t("nothingToPreview")}</p>}</div>
      </section>
    </div>
  );
}
