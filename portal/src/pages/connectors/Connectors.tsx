import { useTranslation } from "react-i18next";
import { EmptyState, ErrorState, FilterBar, Page, Skeleton, useAddress } from "@/ui";
import { ConnectorCard } from "./ConnectorCard";
import styles from "./Connectors.module.css";
import { ConnectorSheet } from "./ConnectorSheet";
import { found } from "./found";
import { useConnectors } from "./useConnectors";

/** What kinds of systems there are: what each reads and writes, and how it is set up. */
export default function Connectors() {
  const { t } = useTranslation("connectors");
  const { connectors, isLoading, problem, refresh } = useConnectors();
  const [address, setAddress] = useAddress();
  const shown = found(connectors ?? [], address.get("search"), address.get("end"));
  const open = connectors?.find(({ name }) => name === address.get("connector"));
  return (
    <Page title={t("title")} description={t("lead")}>
      <FilterBar
        filters={[
          { kind: "search", name: "search", label: t("search") },
          {
            kind: "choice",
            name: "end",
            label: t("end"),
            options: [
              { id: "source", label: t("reads") },
              { id: "destination", label: t("writes") },
            ],
          },
        ]}
      />
      {isLoading ? (
        <Skeleton lines={8} height={28} />
      ) : problem ? (
        <ErrorState problem={problem} onRetry={refresh} />
      ) : shown.length === 0 ? (
        <EmptyState title={t("nothingFound")}>{t("nothingFoundHelp")}</EmptyState>
      ) : (
        <ul className={styles.cards}>
          {shown.map((connector) => (
            <ConnectorCard key={connector.name} connector={connector} to={`?${linkTo(address, connector.name)}`} />
          ))}
        </ul>
      )}
      {open && <ConnectorSheet connector={open} onClose={() => setAddress({ connector: null })} />}
    </Page>
  );
}

function linkTo(address: URLSearchParams, connector: string): string {
  const next = new URLSearchParams(address);
  next.set("connector", connector);
  return next.toString();
}
