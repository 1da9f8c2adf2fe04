import { Link } from "@/ui";
import { ConnectorEnds } from "./ConnectorEnds";
import { ConnectorIcon } from "./ConnectorIcon";
import styles from "./Connectors.module.css";
import type { Connector } from "./useConnectors";

interface ConnectorCardProps {
  connector: Pick<Connector, "name" | "title" | "description" | "isSource" | "isDestination">;
  to: string;
}

/** A connector to choose: the whole card leads there. */
export function ConnectorCard({ connector, to }: ConnectorCardProps) {
  return (
    <li className={styles.card}>
      <span className={styles.icon}>
        <ConnectorIcon name={connector.name} size={20} />
      </span>
      <div className={styles.words}>
        <h2 className={styles.name}>
          <Link kind="quiet" to={to}>
            {connector.title}
          </Link>
        </h2>
        <p className={styles.note}>{connector.description}</p>
        <ConnectorEnds {...connector} />
      </div>
    </li>
  );
}
