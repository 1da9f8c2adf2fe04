import { Menu as MenuIcon } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Outlet } from "react-router";
import { IconButton } from "@/ui";
import { Toasts } from "@/ui/Toasts";
import { useIsStaff, usePermission } from "../session/viewer";
import { Waiting } from "../Waiting";
import { AccountMenu } from "./AccountMenu";
import { Brand } from "./Brand";
import { Navigation } from "./Navigation";
import { Notes } from "./Notes";
import styles from "./Shell.module.css";
import { TenantSwitcher } from "./TenantSwitcher";

const NavigationSheet = lazy(() => import("./NavigationSheet"));

/** What is around every page: navigation, account, messages. */
export function Shell() {
  const { t } = useTranslation("common");
  const [isOpen, setIsOpen] = useState(false);
  const switchesTenants = usePermission("tenants:read");
  const isStaff = useIsStaff();
  const tools = isStaff && switchesTenants && <TenantSwitcher />;
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#content">
        {t("shell.skip")}
      </a>
      <header className={styles.bar}>
        <IconButton label={t("shell.openNavigation")} onPress={() => setIsOpen(true)}>
          <MenuIcon size={20} aria-hidden />
        </IconButton>
        <Brand />
        <AccountMenu />
      </header>
      <aside className={styles.side}>
        <Brand />
        {tools}
        <Navigation />
        <div className={styles.foot}><AccountMenu /></div>
      </aside>
      <main id="content" className={styles.main} tabIndex={-1}>
        <Notes />
        <Waiting>
          <Outlet />
        </Waiting>
      </main>
      {isOpen && (
        <Suspense>
          <NavigationSheet onClose={() => setIsOpen(false)}>{tools}</NavigationSheet>
        </Suspense>
      )}
      <Toasts />
    </div>
  );
}
