import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useMutationForm } from "@/api";
import type { ViewRole } from "@/api/generated/schema";
import { useViewAs, VIEW_AS } from "@/app/session";
import { Button, Dialog, Form, FormActions, FormBanner, RadioGroup } from "@/ui";

const roles = ["TENANT_ADMIN", "TENANT_MEMBER", "TENANT_VIEWER"] as const satisfies readonly ViewRole[];

interface ViewAsDialogProps {
  tenant: { id: string; name: string };
  onClose: () => void;
}

/** To see what a customer sees: the same application, asked as somebody of that tenant. */
export function ViewAsDialog({ tenant, onClose }: ViewAsDialogProps) {
  const { t } = useTranslation(["tenants", "common"]);
  const navigate = useNavigate();
  const { start } = useViewAs();
  const [role, setRole] = useState<ViewRole>("TENANT_ADMIN");
  const form = useMutationForm(VIEW_AS, {
    payload: (data) => data.viewAs,
    onDone: ({ token }) => {
      if (!token) return;
      void navigate("/");
      start({ token, tenantId: tenant.id, role, name: tenant.name });
    },
  });
  return (
    <Dialog title={t("viewAs.title", { name: tenant.name })} isOpen onClose={onClose}>
      <Form onSubmit={() => void form.submit({ tenantId: tenant.id, role })}>
        <p>{t("viewAs.lead")}</p>
        <FormBanner form={form} />
        <RadioGroup
          label={t("viewAs.role")}
          value={role}
          onChange={(value) => setRole(roles.find((each) => each === value) ?? "TENANT_ADMIN")}
          options={roles.map((id) => ({ id, label: t(`common:role.${id}`), description: t(`viewAs.notes.${id}`) }))}
        />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("viewAs.action")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
