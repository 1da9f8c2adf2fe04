import { Ellipsis, KeyRound, Pencil, Power, PowerOff, Send, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, ConfirmDialog, IconButton, Menu, type MenuEntry, toast } from "@/ui";
import type { Channel } from "./channelFields";
import type { Tested } from "./ChannelList";
import { RotateDialog } from "./RotateDialog";
import { UPDATE_CHANNEL } from "./updateChannel";

const TEST = graphql(`
  mutation TestNoticeChannel($input: TestNoticeChannelInput!) {
    testNoticeChannel(input: $input) {
      noticeChannel {
        id
        failingSince
      }
      delivered
      message
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const DELETE = graphql(`
  mutation DeleteNoticeChannel($input: DeleteNoticeChannelInput!) {
    deleteNoticeChannel(input: $input) {
      deletedId
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface ChannelActionsProps {
  channel: Channel;
  onEdit: () => void;
  onSecret: (secret: string) => void;
  onTested: (tested: Tested) => void;
}

/** A test of a channel, and what else may be done with it. */
export function ChannelActions({ channel, onEdit, onSecret, onTested }: ChannelActionsProps) {
  const { t } = useTranslation("notices");
  const [open, setOpen] = useState<"rotate" | "delete" | null>(null);
  const input = { channelId: channel.id };
  const refused = ([first]: readonly { message: string }[]) => first && toast(first.message, "danger");
  const test = useMutationForm(TEST, {
    payload: (data) => data.testNoticeChannel,
    onDone: ({ delivered, message }) => onTested({ name: channel.name, delivered: delivered ?? null, message: message ?? "" }),
    onRefused: refused,
  });
  const update = useMutationForm(UPDATE_CHANNEL, {
    payload: (data) => data.updateNoticeChannel,
    onDone: () => toast(t("saved")),
    onRefused: refused,
  });
  const remove = useMutationForm(DELETE, {
    payload: (data) => data.deleteNoticeChannel,
    onDone: () => {
      setOpen(null);
      toast(t("channel.deleted"));
    },
  });
  const isActive = channel.status === "ACTIVE";
  const entries: (MenuEntry | "separator")[] = [
    { id: "edit", label: t("edit"), icon: <Pencil size={16} aria-hidden />, onAction: onEdit },
    isActive
      ? {
          id: "disable",
          label: t("channel.disable"),
          icon: <PowerOff size={16} aria-hidden />,
          onAction: () => void update.submit({ ...input, status: "DISABLED" }),
        }
      : {
          id: "enable",
          label: t("channel.enable"),
          note: t("channel.enableNote"),
          icon: <Power size={16} aria-hidden />,
          onAction: () => void update.submit({ ...input, status: "ACTIVE" }),
        },
  ];
  if (channel.kind === "WEBHOOK") {
    entries.push({ id: "rotate", label: t("channel.rotate"), icon: <KeyRound size={16} aria-hidden />, onAction: () => setOpen("rotate") });
  }
  if (!channel.isDefault) {
    entries.push("separator", {
      id: "delete",
      label: t("delete"),
      icon: <Trash2 size={16} aria-hidden />,
      isDanger: true,
      onAction: () => setOpen("delete"),
    });
  }
  const label = t("actionsOf", { name: channel.name });
  return (
    <div>
      <Button size="small" icon={<Send size={14} aria-hidden />} isPending={test.isBusy} onPress={() => void test.submit(input)}>
        {t("channel.test")}
      </Button>
      <Menu
        label={label}
        trigger={
          <IconButton label={label}>
            <Ellipsis size={16} aria-hidden />
          </IconButton>
        }
        entries={entries}
      />
      {open === "rotate" && <RotateDialog channel={channel} onClose={() => setOpen(null)} onSecret={onSecret} />}
      <ConfirmDialog
        title={t("channel.deleteTitle", { name: channel.name })}
        isOpen={open === "delete"}
        onClose={() => setOpen(null)}
        action={t("delete")}
        onConfirm={() => void remove.submit(input)}
        isDanger
        form={remove}
      >
        {t("channel.deleteLead")}
      </ConfirmDialog>
    </div>
  );
}
