import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { ButtonLink, Dialog } from "@/ui";
import { ConnectorEnds } from "./ConnectorEnds";
import styles from "./Connectors.module.css";
import { OptionList } from "./OptionList";
import { optionsOf } from "./options";
import type { Connector } from "./useConnectors";

/** All about one connector: what is set for a system, and what for a stream. */
export function ConnectorSheet({ connector, onClose }: { connector: Connector; onClose: () => void }) {
  const { t } = useTranslation("connectors");
  const mayWrite = usePermission("systems:write");
  const parts = [
    { id: "config", schema: connector.configSchema },
    { id: "credentials", schema: connector.credentialsSchema },
    { id: "source", schema: connector.sourceSchema },
    { id: "destination", schema: connector.destinationSchema },
  ] as const;
  return (
    <Dialog title={connector.title} isOpen onClose={onClose} kind="sheet" width="wide">
      <div className={styles.sheet}>
        <div className={styles.part}>
          <p>{connector.description}</p>
          <ConnectorEnds {...connector} />
          {mayWrite && (
            <div>
              <ButtonLink kind="primary" to={`/systems/new?connector=${connector.name}`}>
                {t("setUp")}
              </ButtonLink>
            </div>
          )}
        </div>
        {parts.map(({ id, schema }) =>
          schema ? (
            <section key={id} className={styles.part}>
              <h3>{t(`part.${id}`)}</h3>
              <p className={styles.note}>{t(`partHelp.${id}`)}</p>
              <OptionList options={optionsOf(schema, t)} />
            </section>
          ) : null,
        )}
      </div>
    </Dialog>
  );
}
