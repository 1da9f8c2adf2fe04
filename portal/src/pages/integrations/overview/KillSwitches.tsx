import { PowerOff } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, useMutationForm, type ResultOf } from "@/api";
import { useIsStaff } from "@/app/session";
import { Badge, Button, Card, ConfirmDialog, ErrorState, Skeleton, Time, toast } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { StopDialog } from "./StopDialog";
import styles from "./Overview.module.css";

export const SWITCH = graphql(`
  fragment SwitchOfIntegration on KillSwitch {
    id
    scope
    target
    reason
    messageForCustomers
    onRelease
    createdBy
    createdAt
    expiresAt
  }
`);

const KILL_SWITCHES_OF_INTEGRATION = graphql(`
  query KillSwitchesOfIntegration($tenantId: ID!, $isStaff: Boolean!) {
    own: killSwitches(filter: { tenantId: $tenantId, engaged: true }, first: 100) {
      edges {
        node {
          ...SwitchOfIntegration
        }
      }
    }
    wider: killSwitches(filter: { engaged: true }, first: 100) @include(if: $isStaff) {
      edges {
        node {
          ...SwitchOfIntegration
        }
      }
    }
  }
`);

const RELEASE_SWITCH = graphql(`
  mutation ReleaseSwitchOfIntegration($input: ReleaseKillSwitchInput!) {
    releaseKillSwitch(input: $input) {
      killSwitch {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

type Switch = ResultOf<typeof SWITCH>;

/** Mutations of kill switches read an empty list anew, too. */
const switchTypes = { additionalTypenames: ["KillSwitch"] };

/** Which kill switches stop an integration now; it can be stopped here, and let go. */
export function KillSwitches({ integration }: { integration: IntegrationOfPage }) {
  const { t } = useTranslation("integrations");
  const isStaff = useIsStaff();
  const [isStopping, setIsStopping] = useState(false);
  const [{ data, error }, readAnew] = useQuery({
    query: KILL_SWITCHES_OF_INTEGRATION,
    variables: { tenantId: integration.tenant.id, isStaff },
    context: switchTypes,
    requestPolicy: "cache-and-network",
  });
  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => readAnew({ requestPolicy: "network-only" })} />;
  const connectors = [integration.source?.connector.name, integration.destination?.connector.name];
  const stops = ({ scope, target }: Switch) =>
    scope === "PLATFORM" ||
    (scope === "CONNECTOR" && connectors.includes(target ?? "")) ||
    (scope === "TENANT" && target === integration.tenant.id) ||
    (scope === "INTEGRATION" && target === integration.id);
  const all = new Map([...(data?.own.edges ?? []), ...(data?.wider?.edges ?? [])].map(({ node }) => [node.id, node]));
  const engaged = [...all.values()].filter(stops);
  return (
    <Card
      title={t("switches.title")}
      actions={
        integration.status !== "ARCHIVED" &&
        !engaged.some(({ scope }) => scope === "INTEGRATION") && (
          <Button kind="quiet" icon={<PowerOff size={16} aria-hidden />} onPress={() => setIsStopping(true)}>
            {t("switches.stop")}
          </Button>
        )
      }
    >
      {!data ? (
        <Skeleton lines={2} />
      ) : engaged.length === 0 ? (
        <p className={styles.muted}>{t("switches.none")}</p>
      ) : (
        engaged.map((each) => <Engaged key={each.id} engaged={each} isOwn={each.scope === "INTEGRATION"} />)
      )}
      <StopDialog integrationId={integration.id} isOpen={isStopping} onClose={() => setIsStopping(false)} />
    </Card>
  );
}

function Engaged({ engaged, isOwn }: { engaged: Switch; isOwn: boolean }) {
  const { t } = useTranslation("integrations");
  const [isAsking, setIsAsking] = useState(false);
  const form = useMutationForm(RELEASE_SWITCH, {
    payload: (data) => data.releaseKillSwitch,
    onDone: () => {
      toast(t("switches.released"));
      setIsAsking(false);
    },
  });
  return (
    <div className={styles.switch}>
      <div>
        <Badge tone="danger" icon={<PowerOff size={13} aria-hidden />}>
          {t(`switchScope.${engaged.scope}`)}
        </Badge>
      </div>
      <p>{engaged.messageForCustomers}</p>
      {engaged.reason != null && <p className={styles.muted}>{engaged.reason}</p>}
      <p className={styles.muted}>
        {t("switches.by", { name: engaged.createdBy })} <Time at={engaged.createdAt} />
        {engaged.expiresAt != null && (
          <>
            {" · "}
            {t("switches.until")} <Time at={engaged.expiresAt} />
          </>
        )}
      </p>
      {isOwn && (
        <div>
          <Button onPress={() => setIsAsking(true)}>{t("switches.release")}</Button>
        </div>
      )}
      <ConfirmDialog
        title={t("switches.releaseTitle")}
        isOpen={isAsking}
        onClose={() => setIsAsking(false)}
        action={t("switches.release")}
        form={form}
        onConfirm={() => void form.submit({ killSwitchId: engaged.id })}
      >
        {t(`onRelease.${engaged.onRelease}`)}
      </ConfirmDialog>
    </div>
  );
}
