import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, type ResultOf } from "@/api";
import { usePermission } from "@/app/session";
import { ConnectorIcon } from "@/pages/connectors/ConnectorIcon";
import { ComboBox, Link, StatusBadge } from "@/ui";
import styles from "./NewIntegration.module.css";

export const SYSTEM_CHOICE = graphql(`
  fragment SystemChoice on System {
    id
    name
    status
    tenant {
      id
    }
    connector {
      name
      title
      isSource
      isDestination
      sourceSchema
      destinationSchema
    }
  }
`);

const SYSTEMS = graphql(`
  query SystemsToChoose($filter: SystemFilter) {
    systems(filter: $filter, orderBy: { field: NAME, direction: ASC }, first: 50) {
      edges {
        node {
          ...SystemChoice
        }
      }
    }
  }
`);

export type SystemChoice = ResultOf<typeof SYSTEM_CHOICE>;

interface SystemFieldProps {
  end: "source" | "destination";
  name: string;
  tenantId: string | null;
  chosen: SystemChoice | null;
  onChoose: (system: SystemChoice | null) => void;
}

/** A system to read from or to write to, found by typing. */
export function SystemField({ end, name, tenantId, chosen, onChoose }: SystemFieldProps) {
  const { t } = useTranslation("new-integration");
  const mayConnect = usePermission("systems:write");
  const [text, setText] = useState(chosen?.name ?? "");
  const search = text === chosen?.name ? null : text || null;
  const [{ data }] = useQuery({ query: SYSTEMS, variables: { filter: { tenantId, search } }, pause: tenantId === null, requestPolicy: "cache-and-network" });
  const found = (data?.systems.edges ?? []).map(({ node }) => node).filter((each) => isUsable(each, end));
  const choose = (system: SystemChoice | null) => {
    setText(system?.name ?? "");
    onChoose(system);
  };

  return (
    <div className={styles.end}>
      <ComboBox
        name={name}
        label={t(`ends.${end}`)}
        isRequired
        isSearched
        isDisabled={tenantId === null}
        options={found.map((each) => ({ id: each.id, label: each.name, description: each.connector.title, icon: <ConnectorIcon name={each.connector.name} size={16} /> }))}
        inputValue={text}
        onInputChange={setText}
        value={chosen?.id ?? null}
        onChange={(key) => choose(found.find(({ id }) => id === key) ?? null)}
      />
      {chosen && chosen.status !== "HEALTHY" && (
        <p className={styles.note}>
          <StatusBadge kind="system" value={chosen.status} /> <Link to={`/systems/${chosen.id}`}>{t("ends.look")}</Link>
        </p>
      )}
      {!chosen && mayConnect && (
        <p className={styles.note}>
          <Link to={`/systems/new?end=${end}`}>{t("ends.connect")}</Link>
        </p>
      )}
    </div>
  );
}

/** Whether its connector can do what this end needs. */
export function isUsable({ connector }: SystemChoice, end: "source" | "destination"): boolean {
  return end === "source" ? connector.isSource : connector.isDestination;
}
