import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConnectorCard } from "@/pages/connectors/ConnectorCard";
import cards from "@/pages/connectors/Connectors.module.css";
import { found } from "@/pages/connectors/found";
import { useConnectors } from "@/pages/connectors/useConnectors";
import { EmptyState, ErrorState, SearchField, Skeleton, useAddress } from "@/ui";

/** What kind of system it is. `end` of the address leaves those that can be read, or written to. */
export function ChooseConnector() {
  const { t } = useTranslation("systems");
  const { connectors, isLoading, problem, refresh } = useConnectors();
  const [search, setSearch] = useState("");
  const [address] = useAddress();
  if (problem) return <ErrorState problem={problem} onRetry={refresh} />;
  if (isLoading) return <Skeleton lines={8} height={28} />;
  const shown = found(connectors ?? [], search, address.get("end"));
  return (
    <>
      <SearchField label={t("setup.search")} placeholder={t("setup.search")} value={search} onChange={setSearch} />
      {shown.length === 0 ? (
        <EmptyState title={t("setup.nothingFound")}>{t("setup.nothingFoundHelp")}</EmptyState>
      ) : (
        <ul className={cards.cards}>
          {shown.map((connector) => (
            <ConnectorCard key={connector.name} connector={connector} to={`?connector=${connector.name}`} />
          ))}
        </ul>
      )}
    </>
  );
}
