import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { Card, Disclosure, ErrorState, Markdown, Skeleton, Time } from "@/ui";
import styles from "./Runbooks.module.css";

const VERSIONS = graphql(`
  query RunbookVersions($runbookId: ID!) {
    runbookVersions(runbookId: $runbookId) {
      version
      title
      body
      writtenAt
      writtenBy
    }
  }
`);

const context = { additionalTypenames: ["Runbook", "RunbookVersion"] };

/** What a runbook said before, newest first. */
export function RunbookVersions({ runbookId }: { runbookId: string }) {
  const { t } = useTranslation("runbooks");
  const [{ data, error }, execute] = useQuery({ query: VERSIONS, variables: { runbookId }, context });
  return (
    <Card title={t("versions.title")}>
      {error ? (
        <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />
      ) : !data ? (
        <Skeleton lines={3} />
      ) : (
        <ul className={styles.versions}>
          {data.runbookVersions.map((each) => (
            <li key={each.version}>
              <Disclosure
                title={
                  <span>
                    {t("versions.one", { version: each.version, name: each.writtenBy })} · <Time at={each.writtenAt} />
                  </span>
                }
              >
                <p>
                  <strong>{each.title}</strong>
                </p>
                <Markdown level={4}>{each.body}</Markdown>
              </Disclosure>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
