import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, textOf } from "@/ui";
import { CodeFields } from "./CodeFields";
import { RecoveryCodes } from "./RecoveryCodes";

const REGENERATE = graphql(`
  mutation RegenerateRecoveryCodes($input: RegenerateRecoveryCodesInput!) {
    regenerateRecoveryCodes(input: $input) {
      recoveryCodes
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** New recovery codes in place of those before. */
export function RecoveryCodesDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["settings", "common"]);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const form = useMutationForm(REGENERATE, {
    payload: (data) => data.regenerateRecoveryCodes,
    fields: ["password", "code"],
    onDone: ({ recoveryCodes }) => setCodes(recoveryCodes ?? []),
  });
  return (
    <Dialog title={t("factor.codesTitle")} isOpen onClose={onClose} isAlert={codes !== null}>
      {codes ? (
        <RecoveryCodes codes={codes} onClose={onClose} />
      ) : (
        <Form
          errors={form.fieldErrors}
          onSubmit={(data) => void form.submit({ password: textOf(data, "password"), code: textOf(data, "code") })}
        >
          <p>{t("factor.newCodesLead")}</p>
          <FormBanner form={form} />
          <CodeFields />
          <FormActions>
            <Button onPress={onClose}>{t("common:cancel")}</Button>
            <Button type="submit" kind="primary" isPending={form.isBusy}>
              {t("factor.newCodes")}
            </Button>
          </FormActions>
        </Form>
      )}
    </Dialog>
  );
}
