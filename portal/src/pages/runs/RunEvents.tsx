import { useTranslation } from "react-i18next";
import { useIsStaff } from "@/app/session";
import { Badge, Card, Code, Disclosure, EmptyState, FilterBar, Skeleton, Time, useAddress, VirtualList } from "@/ui";
import type { RunEventOf } from "./runQuery";
import styles from "./RunEvents.module.css";
import type { Tail } from "./useTail";

const audiences = ["CUSTOMER", "SUPPORT", "ENGINEER"] as const;

/** What happened in a run, from its beginning; it grows while the run is under way. */
export function RunEvents({ events }: { events: Tail<RunEventOf> }) {
  const { t } = useTranslation("runs");
  const isStaff = useIsStaff();
  const [address] = useAddress();
  const layer = isStaff ? address.get("layer") : null;
  const shown = layer === null ? events.rows : events.rows.filter(({ audience }) => audience === layer);
  return (
    <>
      {isStaff && (
        <FilterBar
          filters={[
            {
              kind: "choice",
              name: "layer",
              label: t("events.layer"),
              options: audiences.map((id) => ({ id, label: t(`audience.${id}`) })),
            },
          ]}
        />
      )}
      {events.isLoading ? (
        <Skeleton lines={6} />
      ) : shown.length === 0 && !events.hasMore && events.problem === null ? (
        <EmptyState title={t("events.empty")} />
      ) : (
        <Card flush>
          <VirtualList label={t("tab.events")} pages={{ ...events, rows: shown }} itemHeight={60}>
            {(event) => <Event event={event} />}
          </VirtualList>
        </Card>
      )}
    </>
  );
}

/** Types whose tone says something. */
const tones: Record<string, "danger" | "warning" | "success" | "info"> = {
  "record.rejected": "danger",
  "batch.quarantined": "warning",
  "quality.checked": "warning",
  "retry.scheduled": "warning",
  "run.held": "warning",
  "run.taken_over": "warning",
  "slice.failed": "danger",
  "source.schema_changed": "warning",
  "batch.written": "success",
  "run.started": "info",
  "run.resumed": "info",
};

function Event({ event }: { event: RunEventOf }) {
  const { t } = useTranslation("runs");
  const isStaff = useIsStaff();
  const details = Object.entries(event.attributes as Record<string, unknown>);
  return (
    <div className={styles.event}>
      <span className={styles.at}>
        <Time at={event.at} as="absolute" />
      </span>
      <div className={styles.words}>
        <p>{event.message}</p>
        <p className={styles.notes}>
          <Badge tone={tones[event.type] ?? "neutral"}>{event.type}</Badge>
          <span>{t(`component.${event.component}`, { defaultValue: event.component })}</span>
          {event.businessReference != null && <span>{event.businessReference}</span>}
          {isStaff && <span>{t(`audience.${event.audience}`)}</span>}
        </p>
        {details.length > 0 && (
          <Disclosure title={t("events.details")} level={4}>
            <Code isBlock label={t("events.details")}>
              {JSON.stringify(event.attributes, null, 2)}
            </Code>
          </Disclosure>
        )}
      </div>
    </div>
  );
}
