import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, textOf, toast } from "@/ui";
import { CodeFields } from "./CodeFields";

const DISABLE = graphql(`
  mutation DisableSecondFactor($input: DisableSecondFactorInput!) {
    disableSecondFactor(input: $input) {
      viewer {
        secondFactor
        secondFactorRequired
        permissions
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Turns the second factor off. */
export function DisableDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["settings", "common"]);
  const form = useMutationForm(DISABLE, {
    payload: (data) => data.disableSecondFactor,
    fields: ["password", "code"],
    onDone: () => {
      toast(t("factor.isOff"));
      onClose();
    },
  });
  return (
    <Dialog title={t("factor.turnOffTitle")} isOpen onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) => void form.submit({ password: textOf(data, "password"), code: textOf(data, "code") })}
      >
        <p>{t("factor.turnOffLead")}</p>
        <FormBanner form={form} />
        <CodeFields />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="danger" isPending={form.isBusy}>
            {t("factor.turnOff")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
