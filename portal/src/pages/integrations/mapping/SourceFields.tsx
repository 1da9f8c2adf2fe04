import { useTranslation } from "react-i18next";
import { Card, Code, Time } from "@/ui";
import type { MappedStream } from "./Mapping";
import styles from "./Mapping.module.css";

/** The fields of a stream's records as runs have seen them, and what changed of them last. */
export function SourceFields({ stream }: { stream: MappedStream }) {
  const { t } = useTranslation("integrations");
  const { schema } = stream;
  return (
    <Card title={t("fields.title")}>
      {!schema ? (
        <p className={styles.muted}>{t("fields.none")}</p>
      ) : (
        <>
          {schema.lastChange && (
            <p className={styles.muted}>
              {t("fields.changed")} <Time at={schema.lastChange.at} />
              {schema.lastChange.added.length > 0 && ` · ${t("fields.added", { names: schema.lastChange.added.join(", ") })}`}
              {schema.lastChange.removed.length > 0 && ` · ${t("fields.removed", { names: schema.lastChange.removed.join(", ") })}`}
              {schema.lastChange.changed.length > 0 &&
                ` · ${t("fields.retyped", { names: schema.lastChange.changed.map(({ field }) => field).join(", ") })}`}
            </p>
          )}
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- whatever scrolls must be reachable by keys */}
          <ul className={styles.fields} tabIndex={0} aria-label={t("fields.title")}>
            {schema.fields.map(({ name, types, always }) => (
              <li key={name}>
                <Code>{`.${name}`}</Code>
                <span className={styles.muted}>
                  {types.map((type) => t(`fieldType.${type}`)).join(", ") || t("fields.null")}
                  {!always && ` · ${t("fields.sometimes")}`}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
