import { CalendarClock, RotateCw } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { RetryProgress } from "@/actions";
import { usePermission, useTenantScope } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Button, FilterBar, format, Page, useAddress, type Filter } from "@/ui";
import { categories, filterOf, parties, statuses } from "./failureFilter";
import { FailureHeatMap } from "./FailureHeatMap";
import { FailureList } from "./FailureList";
import { FilterTag } from "./FilterTag";
import { IntegrationFilter } from "./IntegrationFilter";
import { usePartyName } from "./usePartyName";

const RetryDialog = lazy(() => import("@/actions/RetryDialog"));

/** Every failure that the viewer may see: found, chosen, retried, and seen over the hours of a week. */
export default function Failures() {
  const { t } = useTranslation(["failures", "common"]);
  const language = useLanguage();
  const partyName = usePartyName();
  const { tenant } = useTenantScope();
  const canRetry = usePermission("failures:retry");
  const [address, setAddress] = useAddress();
  const [isRetrying, setIsRetrying] = useState(false);
  const filter = filterOf(address, tenant?.id);
  const showsHours = address.get("view") === "hours";
  const retryId = address.get("retry");
  const tag = (name: string, label: (value: string) => string): Filter[] => {
    const value = address.get(name);
    return value === null ? [] : [{ kind: "own", name, field: <FilterTag name={name} label={label(value)} /> }];
  };
  const filters: Filter[] = [
    { kind: "search", name: "q", label: t("filter.reference"), placeholder: t("filter.reference") },
    { kind: "choice", name: "status", label: t("column.status"), options: statuses.map((id) => ({ id, label: t(`common:status.failure.${id}`) })) },
    { kind: "own", name: "integration", field: <IntegrationFilter /> },
    { kind: "choice", name: "category", label: t("column.category"), options: categories.map((id) => ({ id, label: t(`category.${id}`) })) },
    { kind: "choice", name: "acts", label: t("column.acts"), options: parties.map((id) => ({ id, label: partyName(id) })) },
    { kind: "days", name: "day", label: t("column.failedAt") },
    ...tag("hour", (hour) => t("filter.hour", { hour: format.dateTime(hour, language) })),
    ...tag("run", () => t("filter.run")),
    ...tag("code", (code) => code),
  ];
  const isFiltered = filters.some(({ kind, name }) => address.has(kind === "days" ? `${name}From` : name));
  const canRetryAll = canRetry && tenant !== null && isFiltered && (filter.status === undefined || filter.status?.includes("OPEN"));
  const started = (id: string) => setAddress({ retry: id });
  return (
    <Page
      title={t("title")}
      description={t("lead")}
      width="wide"
      actions={
        <>
          {canRetryAll && (
            <Button icon={<RotateCw size={16} aria-hidden />} onPress={() => setIsRetrying(true)}>
              {t("retryAllFound")}
            </Button>
          )}
          <Button icon={<CalendarClock size={16} aria-hidden />} aria-pressed={showsHours} onPress={() => setAddress({ view: showsHours ? null : "hours" })}>
            {t(showsHours ? "heat.hide" : "heat.show")}
          </Button>
        </>
      }
    >
      {retryId !== null && <RetryProgress retryId={retryId} onDismiss={() => setAddress({ retry: null })} />}
      {showsHours && (
        <FailureHeatMap
          tenantId={tenant?.id}
          integrationId={filter.integrationId ?? undefined}
          to={(hour) => `/failures?${new URLSearchParams({ ...Object.fromEntries(address), hour }).toString()}`}
        />
      )}
      <FilterBar filters={filters} />
      <FailureList
        filter={filter}
        label={t("title")}
        shows={{ integration: true, tenant: tenant === null }}
        empty={isFiltered ? { title: t("empty.found"), help: t("empty.foundHelp") } : { title: t("empty.none"), help: t("empty.noneHelp") }}
        onRetryStarted={started}
      />
      {isRetrying && (
        <Suspense>
          <RetryDialog
            choice={{ filter: { ...filter, status: ["OPEN"] } }}
            onClose={() => setIsRetrying(false)}
            onStarted={(id) => {
              setIsRetrying(false);
              started(id);
            }}
          />
        </Suspense>
      )}
    </Page>
  );
}
