import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Banner, Button, Dialog, Form, FormActions, FormBanner, NumberField, Switch, toast } from "@/ui";
import type { TenantDetail } from "./Tenant";

const SET = graphql(`
  mutation SetTenantRetention($input: SetTenantRetentionInput!) {
    setTenantRetention(input: $input) {
      tenant {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface RetentionDialogProps {
  tenantId: string;
  retention: TenantDetail["retention"][number];
  onClose: () => void;
}

const DAYS_AT_FIRST = 90;

/** For how long one kind of history is kept. */
export function RetentionDialog({ tenantId, retention, onClose }: RetentionDialogProps) {
  const { t } = useTranslation(["tenants", "common"]);
  const [isDefault, setIsDefault] = useState(retention.isDefault);
  const [days, setDays] = useState(retention.days ?? DAYS_AT_FIRST);
  const form = useMutationForm(SET, {
    payload: (data) => data.setTenantRetention,
    fields: ["days"],
    onDone: () => {
      toast(t("saved"));
      onClose();
    },
  });
  const isLess = !isDefault && (retention.days == null || days < retention.days);
  return (
    <Dialog title={t(`retention.kind.${retention.kind}`)} isOpen onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={() => void form.submit({ tenantId, kind: retention.kind, days: isDefault ? null : days })}
      >
        <p>{t(`retention.note.${retention.kind}`)}</p>
        <FormBanner form={form} />
        <Switch isSelected={isDefault} onChange={setIsDefault}>
          {t("retention.asAll")}
        </Switch>
        {!isDefault && (
          <NumberField name="days" label={t("retention.days")} value={days} onChange={setDays} minValue={1} maxValue={3_650} isRequired />
        )}
        {isLess && <Banner tone="warning">{t("retention.less")}</Banner>}
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
