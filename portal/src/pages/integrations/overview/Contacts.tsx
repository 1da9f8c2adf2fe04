import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { usePermission } from "@/app/session";
import { Card, KeyValue, Link, Skeleton } from "@/ui";
import { CONTACTS_OF_INTEGRATION, type ContactOf } from "../settings/contactsQuery";
import styles from "./Overview.module.css";

/** Who is what for an integration, and how one reaches them. */
export function Contacts({ integrationId }: { integrationId: string }) {
  const { t } = useTranslation("integrations");
  const mayWrite = usePermission("integrations:write");
  const [{ data }] = useQuery({ query: CONTACTS_OF_INTEGRATION, variables: { id: integrationId } });
  const contacts = data?.integration?.contacts;
  const isNobody = contacts && !contacts.integrationOwner && !contacts.dataSteward && !contacts.businessSponsor;
  return (
    <Card
      title={t("contacts.title")}
      actions={mayWrite && <Link to={`/integrations/${integrationId}?tab=settings&part=contacts`}>{t("contacts.change")}</Link>}
    >
      {!contacts ? (
        <Skeleton lines={3} />
      ) : isNobody ? (
        <p className={styles.muted}>{t("contacts.none")}</p>
      ) : (
        <KeyValue
          entries={[
            [t("contacts.integrationOwner"), contacts.integrationOwner && <Contact contact={contacts.integrationOwner} />],
            [t("contacts.dataSteward"), contacts.dataSteward && <Contact contact={contacts.dataSteward} />],
            [t("contacts.businessSponsor"), contacts.businessSponsor && <Contact contact={contacts.businessSponsor} />],
          ]}
        />
      )}
    </Card>
  );
}

function Contact({ contact }: { contact: ContactOf }) {
  return (
    <span className={styles.contact}>
      <span>{contact.name}</span>
      <span className={styles.muted}>
        {contact.email != null && <Link href={`mailto:${contact.email}`}>{contact.email}</Link>} {contact.phone} {contact.url != null && <Link href={contact.url}>{contact.url}</Link>}
      </span>
    </span>
  );
}
