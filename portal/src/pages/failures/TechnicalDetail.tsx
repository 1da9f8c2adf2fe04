import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { usePermission } from "@/app/session";
import { Card, Code, EmptyState, ErrorState, KeyValue, Skeleton } from "@/ui";
import { ExchangeView } from "./ExchangeView";
import type { FailureOfPage } from "./failureOfPage";
import "./exchangeParts";

const FAILURE_EXCHANGE = graphql(`
  query FailureExchange($id: ID!) {
    failure(id: $id) {
      id
      exchange {
        ...ExchangeParts
      }
    }
  }
`);

/** What only staff read of it: the error chain, and the request with its reply. */
export function TechnicalDetail({ failure }: { failure: FailureOfPage }) {
  const { t } = useTranslation("failures");
  const isEngineer = usePermission("internals:read");
  const [{ data, error, fetching }, execute] = useQuery({ query: FAILURE_EXCHANGE, variables: { id: failure.id }, pause: !isEngineer });
  const exchange = data?.failure?.exchange;
  const hidden = failure.redactions.filter(({ field }) => field === "technicalDetail");
  return (
    <>
      <Card title={t("technical.title")}>
        <KeyValue entries={[[t("technical.status"), failure.httpStatus], [t("fact.code"), <Code key="code">{failure.code}</Code>]]} />
        {failure.technicalDetail !== null && (
          <Code isBlock label={t("technical.title")}>
            {failure.technicalDetail}
          </Code>
        )}
        {hidden.map(({ reason }) => (
          <p key={reason}>{reason}</p>
        ))}
      </Card>
      {isEngineer && (
        <Card title={t("exchange.title")} description={t("exchange.lead")}>
          {error ? (
            <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />
          ) : fetching && !data ? (
            <Skeleton lines={4} />
          ) : exchange ? (
            <ExchangeView exchange={exchange} />
          ) : (
            <EmptyState title={t("exchange.none")}>{t("exchange.noneWhy")}</EmptyState>
          )}
        </Card>
      )}
    </>
  );
}
