import { useTranslation } from "react-i18next";
import { Banner, Code } from "@/ui";
import type { FieldErrorOf } from "./recordRows";
import styles from "./FieldErrors.module.css";

/** What is wrong where the record itself is not shown, or where the fields are those that the mapping makes. */
export function FieldErrors({ errors }: { errors: readonly FieldErrorOf[] }) {
  const { t } = useTranslation("failures");
  return (
    <Banner tone="warning" title={t("record.wrong")}>
      <ul className={styles.errors}>
        {errors.map((error) => (
          <li key={error.path + error.rule}>
            {error.path !== "" && <Code>{error.path}</Code>} {error.message}
          </li>
        ))}
      </ul>
    </Banner>
  );
}
