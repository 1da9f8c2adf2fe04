import { useTranslation } from "react-i18next";
import { Navigate, useParams } from "react-router";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { useIsStaff } from "@/app/session";
import { ErrorState, NotFound, Page, Skeleton } from "@/ui";
import { placeOf } from "./place";

const OPENED = graphql(`
  query Opened($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Backfill {
        integration {
          id
        }
      }
      ... on Reconciliation {
        integration {
          id
        }
      }
      ... on Quarantine {
        run {
          id
        }
      }
    }
  }
`);

/** Where the links of notices lead: finds out what the id is of, and goes to its page. */
export default function Open() {
  const { t } = useTranslation("common");
  const { id = "" } = useParams();
  const isStaff = useIsStaff();
  const [{ data, error }, execute] = useQuery({ query: OPENED, variables: { id } });
  if (error) return <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  if (!data) {
    return (
      <Page title={t("title.open")}>
        <Skeleton lines={6} />
      </Page>
    );
  }
  const place = data.node && placeOf(data.node, isStaff);
  return place ? <Navigate to={place} replace /> : <NotFound />;
}
