import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { FieldError } from "react-aria-components/FieldError";
import { Label } from "react-aria-components/Label";
import { Text } from "react-aria-components/Text";
import styles from "./Field.module.css";

/** What every field has. `name` ties it to errors of the form. */
export interface FieldLook {
  /** Shown above it. */
  label: string;
  /** Help below it: what it is for, its unit. */
  description?: ReactNode;
  /** Says beside the label that it may stay empty. */
  isOptional?: boolean;
  /** The label is read aloud and not shown: where it is clear what it is, such as a filter. */
  hideLabel?: boolean;
}

export function FieldLabel({ label, isOptional }: FieldLook) {
  const { t } = useTranslation("common");
  return (
    <Label className={styles.label}>
      {label}
      {isOptional && <span className={styles.optional}>{t("optional")}</span>}
    </Label>
  );
}

export function FieldNotes({ description }: { description?: ReactNode }) {
  return (
    <>
      {description != null && (
        <Text slot="description" className={styles.description}>
          {description}
        </Text>
      )}
      <FieldError className={styles.error ?? ""}>
        {({ validationErrors }) => (
          <>
            <CircleAlert size={14} aria-hidden />
            <span>{validationErrors.join("\n")}</span>
          </>
        )}
      </FieldError>
    </>
  );
}

/** The label for those who hear it, where it is not shown. */
export function labelling({ label, hideLabel }: FieldLook): { "aria-label"?: string } {
  return hideLabel ? { "aria-label": label } : {};
}
