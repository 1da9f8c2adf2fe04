import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { HealthCounts } from "@/pages/tenants/HealthCounts";
import { HealthPictures } from "@/pages/tenants/HealthPictures";
import "@/pages/tenants/healthSeries";
import { Card, ProblemBanner, Skeleton } from "@/ui";

const PLATFORM = graphql(`
  query PlatformHealth {
    platformHealth {
      ...HealthPictures
      integrations {
        status
        integrations
      }
    }
  }
`);

/** How the integrations of all tenants are, together. */
export function PlatformCard() {
  const { t } = useTranslation("operations");
  const [{ data, error }, execute] = useQuery({ query: PLATFORM });
  return (
    <Card title={t("platform.title")} description={t("platform.lead")}>
      {error && !data && <ProblemBanner problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />}
      {!data && !error && <Skeleton lines={6} />}
      {data && (
        <>
          <HealthCounts health={data.platformHealth} />
          <HealthPictures health={data.platformHealth} />
        </>
      )}
    </Card>
  );
}
