import { Eye, Filter, Pause, Pencil, Play } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePermission, useTenantScope } from "@/app/session";
import { Button, toast } from "@/ui";
import { ResumeDialog } from "./ResumeDialog";
import { SuspendDialog } from "./SuspendDialog";
import type { TenantDetail } from "./Tenant";
import { TenantDialog } from "./TenantDialog";
import { ViewAsDialog } from "./ViewAsDialog";

/** What may be done with a tenant. */
export function TenantActions({ tenant }: { tenant: TenantDetail }) {
  const { t } = useTranslation("tenants");
  const mayManage = usePermission("tenants:manage");
  const mayViewAs = usePermission("tenants:view_as");
  const { tenant: chosen, choose } = useTenantScope();
  const [open, setOpen] = useState<"viewAs" | "edit" | "suspend" | "resume" | null>(null);
  const close = () => setOpen(null);
  return (
    <>
      {chosen?.id !== tenant.id && (
        <Button
          icon={<Filter size={16} aria-hidden />}
          onPress={() => {
            choose({ id: tenant.id, name: tenant.name });
            toast(t("chosen", { name: tenant.name }), "info");
          }}
        >
          {t("choose")}
        </Button>
      )}
      {mayManage && (
        <Button icon={<Pencil size={16} aria-hidden />} onPress={() => setOpen("edit")}>
          {t("edit")}
        </Button>
      )}
      {mayManage &&
        (tenant.status === "ACTIVE" ? (
          <Button icon={<Pause size={16} aria-hidden />} onPress={() => setOpen("suspend")}>
            {t("suspend.action")}
          </Button>
        ) : (
          <Button icon={<Play size={16} aria-hidden />} onPress={() => setOpen("resume")}>
            {t("resume.action")}
          </Button>
        ))}
      {mayViewAs && (
        <Button kind="primary" icon={<Eye size={16} aria-hidden />} onPress={() => setOpen("viewAs")}>
          {t("viewAs.action")}
        </Button>
      )}
      {open === "viewAs" && <ViewAsDialog tenant={tenant} onClose={close} />}
      {open === "edit" && <TenantDialog tenant={tenant} onClose={close} />}
      {open === "suspend" && <SuspendDialog tenant={tenant} onClose={close} />}
      {open === "resume" && <ResumeDialog tenant={tenant} onClose={close} />}
    </>
  );
}
