import { useTranslation } from "react-i18next";
import { Button, Code, Dialog, FormActions, KeyValue, Link, Time, useAddress } from "@/ui";
import { AuditOutcomeBadge } from "./AuditOutcomeBadge";
import type { AuditRow } from "./Audit";

/** All that is known of one entry, and ways to what is like it. */
export function AuditEntrySheet({ entry, onClose }: { entry: AuditRow; onClose: () => void }) {
  const { t } = useTranslation(["audit", "common"]);
  const [, setAddress] = useAddress();
  const { actorId, objectId } = entry;
  const look = (changes: Record<string, string>) => {
    setAddress(changes);
    onClose();
  };
  return (
    <Dialog kind="sheet" title={t(`operation.${entry.operation}`, { defaultValue: entry.operation })} isOpen onClose={onClose}>
      <KeyValue
        entries={[
          [t("outcomeLabel"), <AuditOutcomeBadge key="outcome" value={entry.outcome} />],
          [t("at"), <Time key="at" at={entry.at} as="absolute" />],
          [t("actor"), entry.actorName],
          [t("role"), entry.role && t(`common:role.${entry.role}`)],
          [t("tenant"), entry.tenant?.name],
          [t("operationLabel"), <Code key="operation">{entry.operation}</Code>],
          [t("object"), objectId != null && <Link key="object" to={`/open/${objectId}`}>{objectId}</Link>],
          [t("detail"), entry.detail],
          [t("address"), entry.address],
          [t("userAgent"), entry.userAgent],
          [t("request"), entry.requestId && <Code key="request">{entry.requestId}</Code>],
        ]}
      />
      <FormActions>
        {actorId != null && <Button onPress={() => look({ actor: actorId })}>{t("sameActor")}</Button>}
        {objectId != null && <Button onPress={() => look({ object: objectId })}>{t("sameObject")}</Button>}
      </FormActions>
    </Dialog>
  );
}
