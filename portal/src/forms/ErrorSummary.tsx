import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Banner } from "@/ui";
import styles from "./Forms.module.css";
import { fieldIdOf, focusField } from "./focusField";
import type { FormProblem } from "./validator";

interface ErrorSummaryProps {
  problems: readonly FormProblem[];
  /** What a field is called. */
  nameOf: (path: readonly string[]) => string;
  prefix: string;
}

/** All that is wrong with the form, above it; each leads to its field. It gets the focus when it appears. */
export function ErrorSummary({ problems, nameOf, prefix }: ErrorSummaryProps) {
  const { t } = useTranslation("forms");
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.focus(), []);
  return (
    <div ref={place} tabIndex={-1}>
      <Banner tone="danger" title={t("summary", { count: problems.length })}>
        <ul className={styles.problems}>
          {problems.map(({ path, message }, index) => {
            const name = nameOf(path);
            return (
              <li key={index}>
                <button type="button" className={styles.problemLink} onClick={() => focusField(fieldIdOf(prefix, path))}>
                  {name ? `${name}: ${message}` : message}
                </button>
              </li>
            );
          })}
        </ul>
      </Banner>
    </div>
  );
}
