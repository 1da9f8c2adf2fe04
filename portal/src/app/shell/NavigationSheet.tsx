import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "@/ui";
import { Navigation } from "./Navigation";

/** The navigation on phones. */
export default function NavigationSheet({ onClose, children }: { onClose: () => void; children: ReactNode }) {
  const { t } = useTranslation("common");
  return (
    <Dialog title={t("shell.navigation")} kind="sheet" isOpen onClose={onClose}>
      {children}
      <Navigation onFollow={onClose} />
    </Dialog>
  );
}
