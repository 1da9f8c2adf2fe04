import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useQuery } from "urql";
import { graphql, problemOf, type ResultOf } from "@/api";
import { useIsStaff, usePermission } from "@/app/session";
import { UserList } from "@/pages/people/UserList";
import { ErrorState, NotFound, Page, Skeleton, StatusBadge, Tabs } from "@/ui";
import { TenantActions } from "./TenantActions";
import { TenantIntegrations } from "./TenantIntegrations";
import { TenantLimits } from "./TenantLimits";
import { TenantOverview } from "./TenantOverview";

const TENANT = graphql(`
  query Tenant($id: ID!) {
    tenant(id: $id) {
      id
      name
      slug
      externalId
      status
      statusReason
      supportAccess
      supportAccessUntil
      runConcurrency
      createdAt
      updatedAt
      retention {
        kind
        days
        isDefault
      }
    }
  }
`);

export type TenantDetail = NonNullable<ResultOf<typeof TENANT>["tenant"]>;

/** One customer, as the operator's staff see it. */
export default function Tenant() {
  const { t } = useTranslation(["tenants", "common"]);
  const { id = "" } = useParams();
  const isStaff = useIsStaff();
  const mayPeople = usePermission("users:read");
  const [{ data, error }, execute] = useQuery({ query: TENANT, variables: { id }, pause: !isStaff });
  const breadcrumbs = [{ label: t("common:navigation.tenants"), to: "/tenants" }];
  if (!isStaff) return <NotFound />;
  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  if (!data) {
    return (
      <Page title={t("common:title.tenant")} breadcrumbs={breadcrumbs}>
        <Skeleton lines={8} />
      </Page>
    );
  }
  const { tenant } = data;
  if (!tenant) return <NotFound />;
  return (
    <Page
      title={tenant.name}
      heading={
        <>
          {tenant.name} <StatusBadge kind="tenant" value={tenant.status} />
        </>
      }
      description={tenant.statusReason}
      breadcrumbs={breadcrumbs}
      actions={<TenantActions tenant={tenant} />}
    >
      <Tabs
        label={tenant.name}
        tabs={[
          { id: "overview", label: t("tab.overview"), content: () => <TenantOverview tenant={tenant} /> },
          { id: "integrations", label: t("common:navigation.integrations"), content: () => <TenantIntegrations tenantId={tenant.id} /> },
          ...(mayPeople
            ? [{ id: "people", label: t("common:navigation.people"), content: () => <UserList tenantId={tenant.id} /> }]
            : []),
          { id: "limits", label: t("tab.limits"), content: () => <TenantLimits tenant={tenant} /> },
        ]}
      />
    </Page>
  );
}
