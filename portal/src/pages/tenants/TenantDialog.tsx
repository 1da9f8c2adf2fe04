import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, NumberField, TextField, textOf, toast } from "@/ui";
import type { TenantDetail } from "./Tenant";

const CREATE = graphql(`
  mutation CreateTenant($input: CreateTenantInput!) {
    createTenant(input: $input) {
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

const UPDATE = graphql(`
  mutation UpdateTenant($input: UpdateTenantInput!) {
    updateTenant(input: $input) {
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

const fields = ["slug", "name", "externalId", "runConcurrency"];

/** A tenant's name, the operator's id for it, and how many of its runs go at once. */
export function TenantDialog({ tenant, onClose }: { tenant: TenantDetail | null; onClose: () => void }) {
  const { t } = useTranslation(["tenants", "common"]);
  const [concurrency, setConcurrency] = useState(tenant?.runConcurrency ?? Number.NaN);
  const onDone = () => {
    toast(t("saved"));
    onClose();
  };
  const create = useMutationForm(CREATE, { payload: (data) => data.createTenant, fields, onDone });
  const update = useMutationForm(UPDATE, { payload: (data) => data.updateTenant, fields, onDone });
  const form = tenant ? update : create;
  const send = (data: FormData) => {
    const said = {
      name: textOf(data, "name"),
      externalId: textOf(data, "externalId").trim() || null,
      runConcurrency: Number.isNaN(concurrency) ? null : concurrency,
    };
    if (tenant) void update.submit({ tenantId: tenant.id, ...said });
    else void create.submit({ slug: textOf(data, "slug"), ...said });
  };
  return (
    <Dialog title={t(tenant ? "editTitle" : "newTitle")} isOpen onClose={onClose}>
      <Form errors={form.fieldErrors} onSubmit={send}>
        <FormBanner form={form} />
        <TextField name="name" label={t("name")} defaultValue={tenant?.name} maxLength={200} isRequired />
        {tenant === null && (
          <TextField
            name="slug"
            label={t("slug")}
            description={t("slugHelp")}
            pattern="[a-z0-9][a-z0-9\-]{1,62}"
            maxLength={63}
            isRequired
            isCode
          />
        )}
        <TextField
          name="externalId"
          label={t("externalId")}
          description={t("externalIdHelp")}
          defaultValue={tenant?.externalId ?? ""}
          maxLength={200}
          isOptional
        />
        <NumberField
          name="runConcurrency"
          label={t("concurrency")}
          description={t("concurrencyHelp")}
          value={concurrency}
          onChange={setConcurrency}
          minValue={1}
          maxValue={1_000}
          isOptional
        />
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
