import { useTranslation } from "react-i18next";
import { Prose } from "@/forms";
import styles from "./Connectors.module.css";
import type { ConnectorOption } from "./options";

/** The options of a connector, each with what it takes; parts of an option below the others. */
export function OptionList({ options }: { options: readonly ConnectorOption[] }) {
  const { t } = useTranslation("connectors");
  if (options.length === 0) return <p className={styles.note}>{t("none")}</p>;
  return (
    <>
      <dl className={styles.options}>
        {options.map((option) => (
          <div key={option.name} className={styles.option}>
            <dt>
              {option.title}
              <code>{option.name}</code>
            </dt>
            <dd>
              <span className={styles.facts}>
                {option.kind}
                {option.byDefault !== undefined && ` · ${t("byDefault", { value: option.byDefault })}`}
                {option.isRequired && ` · ${t("needed")}`}
              </span>
              {option.description && <Prose text={option.description} />}
            </dd>
          </div>
        ))}
      </dl>
      {options.flatMap(({ name, forms }) =>
        forms.map((form, index) => (
          <div key={`${name}-${index}`} className={styles.part}>
            <h4>{form.title}</h4>
            {form.description && (
              <p className={styles.note}>
                <Prose text={form.description} />
              </p>
            )}
            <OptionList options={form.options} />
          </div>
        )),
      )}
    </>
  );
}
