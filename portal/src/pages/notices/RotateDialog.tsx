import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, NumberField, TextField, textOf, toast } from "@/ui";
import type { Channel } from "./channelFields";

const ROTATE = graphql(`
  mutation RotateNoticeChannelSecret($input: RotateNoticeChannelSecretInput!) {
    rotateNoticeChannelSecret(input: $input) {
      noticeChannel {
        id
        previousSecretUntil
      }
      secret
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const OVERLAP_HOURS = 24;

interface RotateDialogProps {
  channel: Channel;
  onClose: () => void;
  onSecret: (secret: string) => void;
}

/** Another secret; for a while requests carry signatures by both. */
export function RotateDialog({ channel, onClose, onSecret }: RotateDialogProps) {
  const { t } = useTranslation(["notices", "common"]);
  const [overlapHours, setOverlapHours] = useState(OVERLAP_HOURS);
  const form = useMutationForm(ROTATE, {
    payload: (data) => data.rotateNoticeChannelSecret,
    fields: ["secret", "overlapHours"],
    onDone: ({ secret }) => {
      if (secret != null) onSecret(secret);
      else toast(t("saved"));
      onClose();
    },
  });
  return (
    <Dialog title={t("channel.rotateTitle", { name: channel.name })} isOpen onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) => void form.submit({ channelId: channel.id, overlapHours, secret: textOf(data, "secret").trim() || null })}
      >
        <p>{t("channel.rotateLead")}</p>
        <FormBanner form={form} />
        <NumberField
          name="overlapHours"
          label={t("channel.overlap")}
          description={t("channel.overlapHelp")}
          value={overlapHours}
          onChange={setOverlapHours}
          minValue={0}
          maxValue={168}
          formatOptions={{ style: "unit", unit: "hour", unitDisplay: "long" }}
          isRequired
        />
        <TextField name="secret" label={t("channel.ownSecret")} description={t("channel.ownSecretHelp")} autoComplete="off" isOptional isCode />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("channel.rotate")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
