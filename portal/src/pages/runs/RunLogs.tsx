import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { graphql } from "@/api";
import { Badge, Card, Code, Disclosure, EmptyState, ErrorState, FilterBar, Skeleton, Time, useAddress, useNow, VirtualList } from "@/ui";
import styles from "./RunEvents.module.css";
import { isOver } from "./runRow";
import type { RunOfPage } from "./runQuery";
import { useTail } from "./useTail";

const RUN_LOGS = graphql(`
  query RunLogs($id: ID!, $filter: LogFilter, $first: Int, $after: String) {
    run(id: $id) {
      id
      logs(filter: $filter, first: $first, after: $after) {
        edges {
          cursor
          node {
            at
            level
            component
            message
            attributes
          }
        }
        pageInfo {
          hasNextPage
        }
      }
    }
  }
`);

const levels = ["DEBUG", "INFO", "WARN", "ERROR"] as const;
const tones = { DEBUG: "neutral", INFO: "info", WARN: "warning", ERROR: "danger" } as const;

/** What was logged while a worker had the run, for engineers. */
export default function RunLogs({ run }: { run: RunOfPage }) {
  const { t } = useTranslation("runs");
  const [address] = useAddress();
  const search = address.get("search");
  const component = address.get("component");
  const level = levels.find((each) => each === address.get("level"));
  const filter = { ...(level ? { level } : {}), ...(search ? { search } : {}), ...(component ? { component } : {}) };
  const lines = useTail({ query: RUN_LOGS, variables: { id: run.id, filter }, connection: (data) => data.run?.logs });
  const { catchUp } = lines;
  const now = useNow();
  const isUnderWay = !isOver(run);
  useEffect(() => {
    if (isUnderWay) catchUp();
  }, [now, isUnderWay, catchUp]);
  return (
    <>
      <FilterBar
        filters={[
          { kind: "search", name: "search", label: t("logs.search") },
          { kind: "choice", name: "level", label: t("logs.level"), options: levels.map((id) => ({ id, label: t(`level.${id}`) })) },
          { kind: "search", name: "component", label: t("logs.component") },
        ]}
      />
      {lines.isLoading ? (
        <Skeleton lines={8} />
      ) : lines.problem !== null && lines.rows.length === 0 ? (
        <ErrorState problem={lines.problem} onRetry={lines.loadMore} />
      ) : lines.rows.length === 0 ? (
        <EmptyState title={t("logs.empty")}>{t("logs.emptyHelp")}</EmptyState>
      ) : (
        <Card flush>
          <VirtualList label={t("tab.logs")} pages={lines} itemHeight={56}>
            {(line) => (
              <div className={styles.event}>
                <span className={styles.at}>
                  <Time at={line.at} as="absolute" />
                </span>
                <div className={styles.words}>
                  <p className={styles.line}>{line.message}</p>
                  <p className={styles.notes}>
                    <Badge tone={tones[line.level]}>{t(`level.${line.level}`)}</Badge>
                    <span>{line.component}</span>
                  </p>
                  {Object.keys(line.attributes as object).length > 0 && (
                    <Disclosure title={t("events.details")} level={4}>
                      <Code isBlock label={t("events.details")}>
                        {JSON.stringify(line.attributes, null, 2)}
                      </Code>
                    </Disclosure>
                  )}
                </div>
              </div>
            )}
          </VirtualList>
        </Card>
      )}
    </>
  );
}
