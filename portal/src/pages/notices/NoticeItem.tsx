import { useTranslation } from "react-i18next";
import { Card, KeyValue, Link, Time } from "@/ui";
import type { NoticeItemFields } from "./noticeItemFields";

/** One occasion as it was told, and where to look. */
export function NoticeItem({ item }: { item: NoticeItemFields }) {
  const { t } = useTranslation("notices");
  const place = item.groupId ?? item.failureId ?? item.incidentId ?? item.runId ?? item.integrationId ?? item.systemId;
  return (
    <Card>
      <p>
        <strong>{item.title}</strong>
      </p>
      <p>{item.summary}</p>
      <KeyValue
        entries={[
          [t("item.actsNext"), item.actsNext],
          [t("item.action"), item.action],
          [t("item.references"), item.businessReferences.length > 0 && item.businessReferences.join(", ")],
          [t("item.count"), item.count],
          [t("item.code"), item.code],
          [t("at"), <Time key="at" at={item.at} as="absolute" />],
          [t("item.where"), place != null && <Link key="place" to={`/open/${place}`}>{t("item.look")}</Link>],
        ]}
      />
    </Card>
  );
}
