import { Repeat } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { RetryProgress } from "@/actions";
import { usePermission } from "@/app/session";
import { FailureHeatMap } from "@/pages/failures/FailureHeatMap";
import { filterOf, statuses } from "@/pages/failures/failureFilter";
import { FailureList } from "@/pages/failures/FailureList";
import { FilterTag } from "@/pages/failures/FilterTag";
import { useLanguage } from "@/i18n";
import { Button, FilterBar, format, useAddress } from "@/ui";

const RetryDialog = lazy(() => import("@/actions/RetryDialog"));

interface IntegrationFailuresProps {
  integrationId: string;
  tenantId: string;
}

/** What of an integration did not arrive: when, and each of them; they are retried here, some or all that were found. */
export default function IntegrationFailures({ integrationId, tenantId }: IntegrationFailuresProps) {
  const { t } = useTranslation(["integrations", "failures", "actions", "common"]);
  const language = useLanguage();
  const mayRetry = usePermission("failures:retry");
  const [isAsking, setIsAsking] = useState(false);
  const [address, setAddress] = useAddress();
  const filter = { ...filterOf(address, tenantId), integrationId };
  const retryId = address.get("retry");
  const hour = address.get("hour");
  const isFiltered = address.has("status") || address.has("q") || address.has("dayFrom") || hour !== null;
  const started = (id: string) => {
    setIsAsking(false);
    setAddress({ retry: id });
  };
  return (
    <>
      {retryId !== null && <RetryProgress retryId={retryId} onDismiss={() => setAddress({ retry: null })} />}
      <FailureHeatMap
        tenantId={tenantId}
        integrationId={integrationId}
        to={(at) => `/integrations/${integrationId}?${new URLSearchParams({ tab: "failures", hour: at }).toString()}`}
      />
      <FilterBar
        filters={[
          { kind: "search", name: "q", label: t("failures:filter.reference") },
          {
            kind: "choice",
            name: "status",
            label: t("failures:column.status"),
            options: statuses.map((id) => ({ id, label: t(`common:status.failure.${id}`) })),
          },
          { kind: "days", name: "day", label: t("failures:column.failedAt") },
          ...(hour === null
            ? []
            : [
                {
                  kind: "own" as const,
                  name: "hour",
                  field: <FilterTag name="hour" label={t("failures:filter.hour", { hour: format.dateTime(hour, language) })} />,
                },
              ]),
        ]}
      >
        {mayRetry && (filter.status == null || filter.status.includes("OPEN")) && (
          <Button icon={<Repeat size={16} aria-hidden />} onPress={() => setIsAsking(true)}>
            {t("failures:retryAllFound")}
          </Button>
        )}
      </FilterBar>
      <FailureList
        filter={filter}
        label={t("tab.failures")}
        empty={isFiltered ? { title: t("list.nothingFound"), help: t("list.nothingFoundHelp") } : { title: t("noFailures"), help: t("noFailuresHelp") }}
        onRetryStarted={started}
      />
      {isAsking && (
        <Suspense>
          <RetryDialog choice={{ filter: { ...filter, status: ["OPEN"] } }} onClose={() => setIsAsking(false)} onStarted={started} />
        </Suspense>
      )}
    </>
  );
}
