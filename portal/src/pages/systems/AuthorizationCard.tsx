import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { Badge, Card, Code, KeyValue, Time } from "@/ui";
import { ConnectButton } from "./ConnectButton";
import type { SystemOfPage } from "./systemQuery";
import styles from "./Systems.module.css";

interface AuthorizationCardProps {
  system: SystemOfPage;
  authorization: NonNullable<SystemOfPage["authorization"]>;
}

const tones = { CONNECTED: "success", NOT_CONNECTED: "neutral", ENDED: "danger" } as const;

/** Access that is had by OAuth 2.0: whether it is there, and how it is given. */
export function AuthorizationCard({ system, authorization }: AuthorizationCardProps) {
  const { t } = useTranslation("systems");
  const mayWrite = usePermission("systems:write");
  const { grant, status, connectedAt, expiresAt, scopes } = authorization;
  return (
    <Card title={t("access.title")} description={t(`access.${grant}`)}>
      <KeyValue
        entries={[
          [t("column.status"), <Badge key="status" tone={tones[status]}>{t(`access.${status}`)}</Badge>],
          [t("access.connectedAt"), connectedAt !== null && <Time key="connectedAt" at={connectedAt} />],
          [t("access.expiresAt"), expiresAt !== null && <Time key="expiresAt" at={expiresAt} />],
          [
            t("access.scopes"),
            scopes.length > 0 && (
              <span key="scopes" className={styles.row}>
                {scopes.map((scope) => (
                  <Code key={scope}>{scope}</Code>
                ))}
              </span>
            ),
          ],
        ]}
      />
      {mayWrite && grant === "AUTHORIZATION_CODE" && <ConnectButton system={system} path={`/systems/${system.id}`} />}
    </Card>
  );
}
