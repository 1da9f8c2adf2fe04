import { MoreHorizontal, Plus, User, Users } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import "./contactParts";
import { graphql, usePages } from "@/api";
import { useIsStaff, usePermission, useTenantScope } from "@/app/session";
import {
  Button,
  Card,
  EmptyState,
  ErrorState,
  FilterBar,
  Link,
  Menu,
  Skeleton,
  useAddress,
  VirtualTable,
  IconButton,
  type Column,
} from "@/ui";
import { ContactDialog } from "./ContactDialog";
import type { Contact } from "./contactParts";
import styles from "./Contacts.module.css";
import { DeleteContactDialog } from "./DeleteContactDialog";
import { useOwner } from "./useOwner";

const CONTACTS = graphql(`
  query Contacts($filter: ContactFilter, $first: Int, $after: String) {
    contacts(filter: $filter, orderBy: { field: NAME, direction: ASC }, first: $first, after: $after) {
      edges {
        node {
          ...ContactParts
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const kinds = ["PERSON", "TEAM"] as const;

/** People and teams with a way to reach them. */
export function ContactList() {
  const { t } = useTranslation("contacts");
  const owner = useOwner();
  const { tenant } = useTenantScope();
  const isStaff = useIsStaff();
  const mayManage = usePermission("contacts:manage");
  const [address] = useAddress();
  const [changed, setChanged] = useState<Contact | "new" | null>(null);
  const [deleted, setDeleted] = useState<Contact | null>(null);
  const search = address.get("search");
  const kind = kinds.find((each) => each === address.get("kind"));
  const pages = usePages({
    query: CONTACTS,
    variables: { filter: { ...owner.filter, ...(search && { search }), ...(kind && { kind }) } },
    connection: (data) => data.contacts,
    typenames: ["Contact"],
  });
  const columns: Column<Contact>[] = [
    {
      id: "name",
      header: t("column.name"),
      isRowHeader: true,
      width: "minmax(180px, 2fr)",
      cell: (contact) => (
        <span className={styles.name}>
          {contact.kind === "TEAM" ? <Users size={16} aria-label={t("kind.TEAM")} /> : <User size={16} aria-label={t("kind.PERSON")} />}
          {contact.name}
        </span>
      ),
    },
    {
      id: "reach",
      header: t("column.reach"),
      width: "minmax(200px, 2fr)",
      cell: (contact) => (
        <span className={styles.stack}>
          {contact.email && <a className={styles.reach} href={`mailto:${contact.email}`}>{contact.email}</a>}
          {contact.phone && <a className={styles.reach} href={`tel:${contact.phone.replace(/[^+\d]/g, "")}`}>{contact.phone}</a>}
          {contact.url && <Link href={contact.url}>{contact.url}</Link>}
        </span>
      ),
    },
    { id: "note", header: t("field.note"), width: "minmax(140px, 2fr)", cell: ({ note }) => note ?? "–" },
  ];
  const more: Column<Contact> = {
    id: "more",
    header: t("more"),
    hideHeader: true,
    align: "end",
    width: "60px",
    cell: (contact) => (
      <Menu
        label={t("moreOf", { name: contact.name })}
        trigger={
          <IconButton label={t("moreOf", { name: contact.name })} size="small">
            <MoreHorizontal size={16} aria-hidden />
          </IconButton>
        }
        entries={[
          { id: "change", label: t("change"), onAction: () => setChanged(contact) },
          "separator",
          { id: "delete", label: t("delete.action"), isDanger: true, onAction: () => setDeleted(contact) },
        ]}
      />
    ),
  };
  return (
    <>
      <FilterBar
        filters={[
          { kind: "search", name: "search", label: t("search"), placeholder: t("search") },
          { kind: "choice", name: "kind", label: t("field.kind"), options: kinds.map((id) => ({ id, label: t(`kind.${id}`) })) },
        ]}
      >
        {mayManage && (
          <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setChanged("new")}>
            {t("new")}
          </Button>
        )}
      </FilterBar>
      {isStaff && <p className={styles.owner}>{tenant ? t("ofTenant", { name: tenant.name }) : t("ofOperator")}</p>}
      {pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.isLoading ? (
        <Skeleton lines={6} height={40} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<Users size={32} aria-hidden />} title={search || kind ? t("nothingFound") : t("empty")}>
          {!search && !kind && t("emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("people")} pages={pages} columns={mayManage ? [...columns, more] : columns} />
        </Card>
      )}
      {changed && <ContactDialog contact={changed === "new" ? null : changed} owner={owner.tenantId} onClose={() => setChanged(null)} />}
      {deleted && <DeleteContactDialog contact={deleted} filter={owner.filter} onClose={() => setDeleted(null)} />}
    </>
  );
}
