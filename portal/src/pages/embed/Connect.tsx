import { ExternalLink } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useClient, useQuery } from "urql";
import { graphql, problemOf, useEvery, type ResultOf } from "@/api";
import { Banner, Button, Card, ErrorState, KeyValue, NotFound, Page, Skeleton, StatusBadge, Time } from "@/ui";
import { useHost } from "./host";

const SYSTEM = graphql(`
  query SystemToConnect($id: ID!) {
    system(id: $id) {
      id
      name
      status
      statusMessage
      connector {
        name
        title
      }
      authorization {
        grant
        status
        connectedAt
      }
    }
  }
`);

/** Nobody tells when somebody has given access elsewhere, so it is looked at for as long as they may take. */
const LOOK_MS = 3_000;
const LOOK_MS_MAX = 600_000;
const POPUP = "popup,width=620,height=760";

/** A system that somebody with an account at it connects, by a link that the page around gets from its server. */
export default function Connect() {
  const { t } = useTranslation("embed");
  const { id = "" } = useParams();
  const host = useHost();
  const client = useClient();
  const [{ data, error }, execute] = useQuery({ query: SYSTEM, variables: { id } });
  /** Since when somebody may be giving access, and when that had been given before. */
  const [looked, setLooked] = useState<{ since: number; before: string | null } | null>(null);
  const [isAsking, setIsAsking] = useState(false);
  const [refused, setRefused] = useState<"blocked" | "noLink" | null>(null);
  const system = data?.system;
  const connectedAt = connectionOf(system);

  const look = async () => {
    if (looked === null) return;
    // The answer is what the query above shows, too.
    const now = await client.query(SYSTEM, { id }, { requestPolicy: "network-only" }).toPromise();
    const connected = connectionOf(now.data?.system);
    if (connected !== null && connected !== looked.before) {
      setLooked(null);
      host.tell("connected", { systemId: id });
    } else if (Date.now() - looked.since > LOOK_MS_MAX) setLooked(null);
  };
  useEvery(LOOK_MS, () => void look(), looked === null);

  const connect = async () => {
    setRefused(null);
    // Opened by the press itself: later, browsers take it for an advertisement.
    const opened = window.open("", "_blank", POPUP);
    if (!opened) {
      setRefused("blocked");
      return;
    }
    setIsAsking(true);
    const link = await host.connectLink(id);
    setIsAsking(false);
    if (link === null || !/^https?:\/\//.test(link)) {
      opened.close();
      setRefused("noLink");
      return;
    }
    opened.opener = null;
    opened.location.href = link;
    setLooked({ since: Date.now(), before: connectedAt });
  };

  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  if (system === null) return <NotFound />;
  if (!system) return <Skeleton lines={4} />;
  const isConnected = connectedAt !== null;
  return (
    <Page
      title={system.name}
      width="narrow"
      heading={
        <>
          {system.name}
          <StatusBadge kind="system" value={system.status} />
        </>
      }
    >
      <Card>
        {system.statusMessage && <p>{system.statusMessage}</p>}
        <KeyValue
          entries={[
            [t("connect.kind"), system.connector.title],
            [t("connect.since"), connectedAt && <Time key="since" at={connectedAt} />],
          ]}
        />
        {looked && <Banner title={t("connect.goOn")}>{t("connect.goOnHelp")}</Banner>}
        {refused && (
          <Banner tone="danger" title={t(`connect.${refused}`)}>
            {t(`connect.${refused}Help`)}
          </Banner>
        )}
        {!looked && isConnected && system.status === "HEALTHY" && (
          <Banner tone="success">
            {t("connect.isConnected")}
          </Banner>
        )}
        {system.authorization?.grant === "AUTHORIZATION_CODE" ? (
          <div>
            <Button
              kind={isConnected ? "secondary" : "primary"}
              icon={<ExternalLink size={16} aria-hidden />}
              isPending={isAsking}
              onPress={() => void connect()}
            >
              {isConnected ? t("connect.again") : t("connect.action")}
            </Button>
          </div>
        ) : (
          <p>{t("connect.notByLink")}</p>
        )}
      </Card>
    </Page>
  );
}

/** When its access was given; null while it is not there. */
function connectionOf(system: ResultOf<typeof SYSTEM>["system"] | undefined): string | null {
  const authorization = system?.authorization;
  return authorization?.status === "CONNECTED" ? (authorization.connectedAt ?? null) : null;
}
