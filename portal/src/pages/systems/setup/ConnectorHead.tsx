import type { ReactNode } from "react";
import { ConnectorIcon } from "@/pages/connectors/ConnectorIcon";
import styles from "./Setup.module.css";

interface ConnectorHeadProps {
  connector: { name: string; title: string; description: string };
  action?: ReactNode;
}

/** Which kind of system is being set up. */
export function ConnectorHead({ connector, action }: ConnectorHeadProps) {
  return (
    <div className={styles.head}>
      <span className={styles.icon}>
        <ConnectorIcon name={connector.name} size={20} />
      </span>
      <div className={styles.words}>
        <h2>{connector.title}</h2>
        <p>{connector.description}</p>
      </div>
      {action}
    </div>
  );
}
