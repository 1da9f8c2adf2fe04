import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import { Button, Dialog, SearchField } from "@/ui";
import { useTenantScope, type ScopedTenant } from "../session/tenantScope";
import styles from "./TenantDialog.module.css";

const TENANTS = graphql(`
  query TenantsToChoose($search: String) {
    tenants(filter: { search: $search }, orderBy: { field: NAME, direction: ASC }, first: 20) {
      edges {
        node {
          id
          name
          slug
        }
      }
    }
  }
`);

/** Chooses the tenant that lists are about. */
export default function TenantDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("common");
  const { choose } = useTenantScope();
  const [search, setSearch] = useState("");
  const [{ data }] = useQuery({ query: TENANTS, variables: { search: search || null } });
  const take = (tenant: ScopedTenant | null) => {
    choose(tenant);
    onClose();
  };
  return (
    <Dialog title={t("shell.chooseTenant")} isOpen onClose={onClose}>
      <SearchField label={t("shell.searchTenants")} value={search} onChange={setSearch} />
      <ul className={styles.list}>
        <li>
          <Button kind="quiet" onPress={() => take(null)}>
            {t("shell.allTenants")}
          </Button>
        </li>
        {data?.tenants.edges.map(({ node }) => (
          <li key={node.id}>
            <Button kind="quiet" onPress={() => take({ id: node.id, name: node.name })}>
              {node.name}
            </Button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
