import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { Card, Code, CopyButton, ErrorState, KeyValue, Skeleton, Time } from "@/ui";
import { HealthCounts } from "./HealthCounts";
import { HealthPictures } from "./HealthPictures";
import "./healthSeries";
import type { TenantDetail } from "./Tenant";

const HEALTH = graphql(`
  query TenantHealth($id: ID!) {
    tenant(id: $id) {
      id
      health {
        ...HealthPictures
        integrations {
          status
          integrations
        }
      }
    }
  }
`);

/** How it is, in numbers and pictures, and the facts about it. */
export function TenantOverview({ tenant }: { tenant: TenantDetail }) {
  const { t } = useTranslation("tenants");
  const [{ data, error }, execute] = useQuery({ query: HEALTH, variables: { id: tenant.id } });
  const health = data?.tenant?.health;
  return (
    <>
      {error && !data && <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />}
      {!data && !error && <Skeleton lines={6} />}
      {health && (
        <Card title={t("health")}>
          <HealthCounts health={health} />
          <HealthPictures health={health} />
        </Card>
      )}
      <Card title={t("facts")}>
        <KeyValue
          entries={[
            [t("slug"), tenant.slug],
            [
              t("id"),
              <span key="id">
                <Code>{tenant.id}</Code> <CopyButton text={tenant.id} />
              </span>,
            ],
            [t("externalId"), tenant.externalId],
            [
              t("supportAccess.label"),
              tenant.supportAccess ? (
                <span key="access">
                  {t("supportAccess.on")}
                  {tenant.supportAccessUntil != null && (
                    <>
                      , {t("supportAccess.until")} <Time at={tenant.supportAccessUntil} as="absolute" />
                    </>
                  )}
                </span>
              ) : (
                t("supportAccess.off")
              ),
            ],
            [t("since"), <Time key="since" at={tenant.createdAt} as="absolute" />],
            [t("changed"), <Time key="changed" at={tenant.updatedAt} />],
          ]}
        />
      </Card>
    </>
  );
}
