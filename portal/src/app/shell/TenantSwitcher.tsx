import { ChevronsUpDown } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui";
import { useTenantScope } from "../session/tenantScope";

const TenantDialog = lazy(() => import("./TenantDialog"));

/** For staff: which tenant lists are about. */
export function TenantSwitcher() {
  const { t } = useTranslation("common");
  const { tenant } = useTenantScope();
  const [isOpen, setIsOpen] = useState(false);
  const name = tenant?.name ?? t("shell.allTenants");
  return (
    <>
      <Button
        aria-label={`${t("shell.chooseTenant")}: ${name}`}
        icon={<ChevronsUpDown size={14} aria-hidden />}
        onPress={() => setIsOpen(true)}
      >
        {name}
      </Button>
      {isOpen && (
        <Suspense>
          <TenantDialog onClose={() => setIsOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
