import { CircleCheck, Pencil } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useQuery } from "urql";
import { graphql, problemOf, useEvery } from "@/api";
import { usePermission } from "@/app/session";
import { Button, Card, ErrorState, KeyValue, NotFound, Page, Skeleton, StatusBadge, Time } from "@/ui";
import { AffectedSystems } from "./AffectedSystems";
import styles from "./Incident.module.css";
import { IncidentDialog } from "./IncidentDialog";
import "./incidentDetail";
import { IncidentTimeline } from "./IncidentTimeline";
import { NoteForm } from "./NoteForm";
import { READ_AGAIN_MS } from "./options";
import { Postmortem } from "./Postmortem";
import { PublicMessage } from "./PublicMessage";
import { ResolveDialog } from "./ResolveDialog";

const INCIDENT = graphql(`
  query Incident($id: ID!) {
    incident(id: $id) {
      ...IncidentDetail
    }
  }
`);

/** One incident: to those who are hit what concerns them, to staff everything. */
export default function Incident() {
  const { t } = useTranslation("incidents");
  const { id = "" } = useParams();
  const isManager = usePermission("incidents:manage");
  const [{ data, error }, execute] = useQuery({ query: INCIDENT, variables: { id }, requestPolicy: "cache-and-network" });
  const [open, setOpen] = useState<"edit" | "resolve" | null>(null);
  const incident = data?.incident;
  const isOver = incident?.resolvedAt != null;
  useEvery(READ_AGAIN_MS, () => execute({ requestPolicy: "network-only" }), isOver);

  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  if (incident === null) return <NotFound />;
  if (!incident) return <Skeleton lines={10} />;
  const close = () => setOpen(null);
  return (
    <Page
      title={incident.title}
      breadcrumbs={[{ label: t("title"), to: "/incidents" }]}
      heading={
        <>
          {incident.title}
          <StatusBadge kind="incident" value={incident.status} />
          {incident.severity && <StatusBadge kind="severity" value={incident.severity} />}
        </>
      }
      actions={
        isManager &&
        !isOver && (
          <>
            <Button icon={<Pencil size={16} aria-hidden />} onPress={() => setOpen("edit")}>
              {t("edit.action")}
            </Button>
            <Button kind="primary" icon={<CircleCheck size={16} aria-hidden />} onPress={() => setOpen("resolve")}>
              {t("resolve.action")}
            </Button>
          </>
        )
      }
    >
      <div className={styles.columns}>
        <div className={styles.main}>
          <PublicMessage incident={incident} isManager={isManager} mayWrite={isManager && !isOver} />
          <AffectedSystems incidentId={incident.id} isManager={isManager} />
          {isManager && isOver && <Postmortem incident={incident} />}
        </div>
        <div className={styles.side}>
          <Card title={t("facts")}>
            <KeyValue
              entries={[
                [t("started"), <Time key="started" at={incident.startedAt} as="absolute" />],
                [t("detected"), <Time key="detected" at={incident.detectedAt} as="absolute" />],
                [t("resolved"), incident.resolvedAt && <Time key="resolved" at={incident.resolvedAt} as="absolute" />],
                [t("host"), incident.host && <code key="host">{incident.host}</code>],
                [t("connector"), incident.connectorName],
                [t("field.fault"), incident.fault && t(`fault.${incident.fault}`)],
                [t("commander"), isManager && (incident.commander ?? t("nobody"))],
                [
                  t("hit"),
                  isManager && `${t("tenantCount", { count: incident.tenantCount ?? 0 })}, ${t("systemCount", { count: incident.systemCount ?? 0 })}`,
                ],
                [t("reporter"), isManager && (incident.createdBy ?? t("foundByItself"))],
              ]}
            />
          </Card>
          <Card title={t("timeline.title")}>
            {isManager && <NoteForm incidentId={incident.id} />}
            <IncidentTimeline incidentId={incident.id} isManager={isManager} isOver={isOver} />
          </Card>
        </div>
      </div>
      {open === "edit" && <IncidentDialog incident={incident} onClose={close} />}
      {open === "resolve" && <ResolveDialog incidentId={incident.id} onClose={close} />}
    </Page>
  );
}

