import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import type { NoticeChannelKind } from "@/api/generated/schema";
import { Button, Dialog, Form, FormActions, FormBanner, RadioGroup, Switch, TextArea, TextField, textOf, toast } from "@/ui";
import type { Channel } from "./channelFields";
import { UPDATE_CHANNEL } from "./updateChannel";

const CREATE = graphql(`
  mutation CreateNoticeChannel($input: CreateNoticeChannelInput!) {
    createNoticeChannel(input: $input) {
      noticeChannel {
        id
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

const kinds: readonly NoticeChannelKind[] = ["EMAIL", "WEBHOOK", "SLACK"];
const fields = ["name", "kind", "url", "secret", "addresses", "toAdmins"];

interface ChannelDialogProps {
  channel: Channel | null;
  /** Whose a new one is; null: one's own. */
  tenantId: string | null;
  onClose: () => void;
  onSecret: (secret: string) => void;
}

/** A channel: its name, and where it leads. */
export function ChannelDialog({ channel, tenantId, onClose, onSecret }: ChannelDialogProps) {
  const { t } = useTranslation(["notices", "common"]);
  const [kind, setKind] = useState<NoticeChannelKind>(channel?.kind ?? "EMAIL");
  const [toAdmins, setToAdmins] = useState(channel?.toAdmins ?? false);
  const done = () => {
    toast(t("saved"));
    onClose();
  };
  const create = useMutationForm(CREATE, {
    payload: (data) => data.createNoticeChannel,
    fields,
    onDone: ({ secret }) => {
      if (secret != null) onSecret(secret);
      done();
    },
  });
  const update = useMutationForm(UPDATE_CHANNEL, { payload: (data) => data.updateNoticeChannel, fields, onDone: done });
  const form = channel ? update : create;
  const send = (data: FormData) => {
    const name = textOf(data, "name");
    const url = textOf(data, "url").trim();
    const addresses = textOf(data, "addresses").split(/[\s,;]+/).filter(Boolean);
    if (channel) {
      // What is secret of a Slack channel is never read: left empty, it stays.
      const place = kind === "EMAIL" ? { addresses, toAdmins } : url ? { url } : {};
      void update.submit({ channelId: channel.id, name, ...place });
    } else {
      const secret = textOf(data, "secret").trim() || null;
      void create.submit({ tenantId, name, kind, ...(kind === "EMAIL" ? { addresses, toAdmins } : { url, secret: kind === "WEBHOOK" ? secret : null }) });
    }
  };
  return (
    <Dialog title={t(channel ? "channel.editTitle" : "channel.new")} isOpen onClose={onClose}>
      <Form errors={form.fieldErrors} onSubmit={send}>
        <FormBanner form={form} />
        {!channel && (
          <RadioGroup
            name="kind"
            label={t("channel.kindLabel")}
            value={kind}
            onChange={(value) => setKind(value as NoticeChannelKind)}
            options={kinds.map((id) => ({ id, label: t(`channel.kind.${id}`), description: t(`channel.kindNote.${id}`) }))}
          />
        )}
        <TextField name="name" label={t("name")} defaultValue={channel?.name} maxLength={200} isRequired />
        {kind === "EMAIL" ? (
          <>
            <TextArea
              name="addresses"
              label={t("channel.addresses")}
              description={t("channel.addressesHelp")}
              defaultValue={(channel?.addresses ?? []).join("\n")}
              rows={3}
              isRequired={!toAdmins}
            />
            <Switch isSelected={toAdmins} onChange={setToAdmins} description={t("channel.toAdminsHelp")}>
              {t("channel.toAdmins")}
            </Switch>
          </>
        ) : (
          <TextField
            name="url"
            type="url"
            label={t("channel.url")}
            description={kind === "SLACK" ? t(channel ? "channel.slackKept" : "channel.slackHelp") : t("channel.urlHelp")}
            defaultValue={kind === "WEBHOOK" ? (channel?.url ?? "") : ""}
            placeholder="https://"
            isRequired={!channel || kind === "WEBHOOK"}
            isCode
          />
        )}
        {kind === "WEBHOOK" && !channel && (
          <TextField name="secret" label={t("channel.ownSecret")} description={t("channel.ownSecretHelp")} autoComplete="off" isOptional isCode />
        )}
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
