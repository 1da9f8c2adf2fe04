import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, RadioGroup, TextField, textOf, toast } from "@/ui";
import type { OnRelease } from "@/api/generated/schema";

const ENGAGE_SWITCH = graphql(`
  mutation EngageSwitchOfIntegration($input: EngageKillSwitchInput!) {
    engageKillSwitch(input: $input) {
      killSwitch {
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

interface StopDialogProps {
  integrationId: string;
  isOpen: boolean;
  onClose: () => void;
}

const choices = ["RUN_ALL", "RUN_LATEST", "CANCEL"] as const satisfies OnRelease[];

/** Stops an integration at once: also what runs now, after the page that it is at. */
export function StopDialog({ integrationId, isOpen, onClose }: StopDialogProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const form = useMutationForm(ENGAGE_SWITCH, {
    payload: (data) => data.engageKillSwitch,
    fields: ["reason", "messageForCustomers", "onRelease"],
    onDone: () => {
      toast(t("switches.stopped"));
      onClose();
    },
  });
  return (
    <Dialog title={t("switches.stopTitle")} isOpen={isOpen} onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) =>
          void form.submit({
            scope: "INTEGRATION",
            integrationId,
            reason: textOf(data, "reason"),
            messageForCustomers: textOf(data, "messageForCustomers"),
            onRelease: choices.find((each) => each === textOf(data, "onRelease")) ?? "RUN_ALL",
          })
        }
      >
        <p>{t("switches.stopHelp")}</p>
        <FormBanner form={form} />
        <TextField name="reason" label={t("switches.reason")} description={t("switches.reasonHelp")} maxLength={500} isRequired />
        <TextField
          name="messageForCustomers"
          label={t("switches.message")}
          description={t("switches.messageHelp")}
          maxLength={500}
          isRequired
        />
        <RadioGroup
          name="onRelease"
          label={t("switches.onRelease")}
          defaultValue="RUN_ALL"
          options={choices.map((id) => ({ id, label: t(`onRelease.${id}`) }))}
        />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="danger" isPending={form.isBusy}>
            {t("switches.stop")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
