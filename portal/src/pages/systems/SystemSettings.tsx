import { ConfigurationCard } from "./ConfigurationCard";
import { CredentialsCard } from "./CredentialsCard";
import { DeleteCard } from "./DeleteCard";
import type { SystemOfPage } from "./systemQuery";
import styles from "./Systems.module.css";

/** What can be changed of a system. */
export function SystemSettings({ system }: { system: SystemOfPage }) {
  return (
    <div className={styles.settings}>
      <ConfigurationCard system={system} />
      <CredentialsCard system={system} />
      <DeleteCard system={system} />
    </div>
  );
}
