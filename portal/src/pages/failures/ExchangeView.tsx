import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { Code, Duration, format, KeyValue, Time } from "@/ui";
import type { ExchangeParts } from "./exchangeParts";
import styles from "./ExchangeView.module.css";

/** A request to an outside system and its reply, as they were. */
export function ExchangeView({ exchange }: { exchange: ExchangeParts }) {
  const { t } = useTranslation("failures");
  const language = useLanguage();
  const why = (field: string) => exchange.redactions.find((each) => each.field === field)?.reason;
  const side = (name: "request" | "response", headers: ExchangeParts["requestHeaders"], body: string | null, bytes: number | null) => (
    <div className={styles.side}>
      <h3>{t(`exchange.${name}`)}</h3>
      <KeyValue entries={headers.map(({ name: header, value }) => [header, <code key={header}>{value}</code>] as const)} />
      {body !== null ? (
        <Code isBlock label={t(`exchange.${name}`)}>
          {body}
        </Code>
      ) : (
        <p className={styles.note}>{why(`${name}Body`) ?? t("exchange.noBody")}</p>
      )}
      {bytes !== null && <p className={styles.note}>{t("exchange.bytes", { bytes: format.bytes(bytes, language) })}</p>}
    </div>
  );
  return (
    <div className={styles.exchange}>
      <p>
        <Code>{`${exchange.method} ${exchange.url}`}</Code>
      </p>
      <KeyValue
        entries={[
          [t("technical.status"), exchange.status ?? t("exchange.noReply")],
          [t("exchange.at"), <Time key="at" at={exchange.at} as="absolute" />],
          [t("exchange.took"), <Duration key="took" ms={exchange.durationMs} />],
        ]}
      />
      <div className={styles.sides}>
        {side("request", exchange.requestHeaders, exchange.requestBody, exchange.requestBytes)}
        {side("response", exchange.responseHeaders, exchange.responseBody, exchange.responseBytes)}
      </div>
    </div>
  );
}
