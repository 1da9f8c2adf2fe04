import { Ellipsis, Pencil, Power, PowerOff, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { ConfirmDialog, IconButton, Menu, type MenuEntry, toast } from "@/ui";
import type { Policy } from "./policyFields";
import { UPDATE_POLICY } from "./updatePolicy";

const DELETE = graphql(`
  mutation DeleteNoticePolicy($input: DeleteNoticePolicyInput!) {
    deleteNoticePolicy(input: $input) {
      deletedId
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** What may be done with a policy. */
export function PolicyActions({ policy, onEdit }: { policy: Policy; onEdit: () => void }) {
  const { t } = useTranslation("notices");
  const [isDeleting, setIsDeleting] = useState(false);
  const update = useMutationForm(UPDATE_POLICY, {
    payload: (data) => data.updateNoticePolicy,
    onDone: () => toast(t("saved")),
    onRefused: ([first]) => first && toast(first.message, "danger"),
  });
  const remove = useMutationForm(DELETE, {
    payload: (data) => data.deleteNoticePolicy,
    onDone: () => {
      setIsDeleting(false);
      toast(t("policy.deleted"));
    },
  });
  const entries: (MenuEntry | "separator")[] = [
    { id: "edit", label: t("edit"), icon: <Pencil size={16} aria-hidden />, onAction: onEdit },
    {
      id: "toggle",
      label: t(policy.isEnabled ? "policy.switchOff" : "policy.switchOn"),
      icon: policy.isEnabled ? <PowerOff size={16} aria-hidden /> : <Power size={16} aria-hidden />,
      onAction: () => void update.submit({ policyId: policy.id, isEnabled: !policy.isEnabled }),
    },
  ];
  if (!policy.isDefault) {
    entries.push("separator", {
      id: "delete",
      label: t("delete"),
      icon: <Trash2 size={16} aria-hidden />,
      isDanger: true,
      onAction: () => setIsDeleting(true),
    });
  }
  const label = t("actionsOf", { name: policy.name });
  return (
    <>
      <Menu
        label={label}
        trigger={
          <IconButton label={label}>
            <Ellipsis size={16} aria-hidden />
          </IconButton>
        }
        entries={entries}
      />
      <ConfirmDialog
        title={t("policy.deleteTitle", { name: policy.name })}
        isOpen={isDeleting}
        onClose={() => setIsDeleting(false)}
        action={t("delete")}
        onConfirm={() => void remove.submit({ policyId: policy.id })}
        isDanger
        form={remove}
      >
        {t("policy.deleteLead")}
      </ConfirmDialog>
    </>
  );
}
