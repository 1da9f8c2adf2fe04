import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useMutationForm } from "@/api";
import { useViewAs, useViewer } from "@/app/session";
import { CREATE_PORTAL_SESSION } from "@/pages/keys/createPortalSession";
import { portalScopes, portalScopesToLook } from "@/pages/keys/scopes";
import { Button, Dialog, Form, FormActions, FormBanner, RadioGroup } from "@/ui";

const LASTS_SECONDS = 1_800;

interface ViewAsDialogProps {
  tenant: { id: string; name: string };
  onClose: () => void;
}

/** To see what a customer sees: the same application, asked in the name of a portal session of that tenant. */
export function ViewAsDialog({ tenant, onClose }: ViewAsDialogProps) {
  const { t } = useTranslation(["tenants", "common"]);
  const navigate = useNavigate();
  const { start } = useViewAs();
  const { user } = useViewer();
  const [way, setWay] = useState<"look" | "act">("look");
  const form = useMutationForm(CREATE_PORTAL_SESSION, {
    payload: (data) => data.createPortalSession,
    onDone: ({ token }) => {
      if (!token) return;
      void navigate("/");
      start({ token, name: tenant.name });
    },
  });
  return (
    <Dialog title={t("viewAs.title", { name: tenant.name })} isOpen onClose={onClose}>
      <Form
        onSubmit={() =>
          void form.submit({
            tenantId: tenant.id,
            // Stands in the tenant's audit log where it is said who did something.
            endUser: t("viewAs.endUser", { name: user?.name ?? "" }),
            scopes: way === "look" ? portalScopesToLook : [...portalScopes],
            ttlSeconds: LASTS_SECONDS,
          })
        }
      >
        <p>{t("viewAs.lead")}</p>
        <FormBanner form={form} />
        <RadioGroup
          label={t("viewAs.way")}
          value={way}
          onChange={(value) => setWay(value === "act" ? "act" : "look")}
          options={(["look", "act"] as const).map((id) => ({ id, label: t(`viewAs.ways.${id}`), description: t(`viewAs.notes.${id}`) }))}
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
