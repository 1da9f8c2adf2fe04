import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import styles from "../Forms.module.css";

interface PartProps {
  title?: string | undefined;
  description?: ReactNode;
  isOptional?: boolean;
  errors?: readonly string[] | undefined;
  children: ReactNode;
}

/** Fields that belong together. Without a title there is no box around them. */
export function Part({ title, description, isOptional, errors, children }: PartProps) {
  const { t } = useTranslation("common");
  if (!title) {
    return (
      <div className={styles.bare}>
        <PartErrors errors={errors} />
        {children}
      </div>
    );
  }
  return (
    <fieldset className={styles.part}>
      <legend className={styles.legend}>
        {title}
        {isOptional && <span className={styles.optional}>{t("optional")}</span>}
      </legend>
      {description != null && <p className={styles.description}>{description}</p>}
      <PartErrors errors={errors} />
      {children}
    </fieldset>
  );
}

function PartErrors({ errors }: Pick<PartProps, "errors">) {
  return errors?.map((error) => (
    <p key={error} className={styles.error}>
      {error}
    </p>
  ));
}
