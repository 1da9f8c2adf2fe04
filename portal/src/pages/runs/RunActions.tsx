import { Ban, RotateCcw } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { graphql, useMutationForm } from "@/api";
import { usePermission } from "@/app/session";
import { Button, ConfirmDialog, Dialog, FormActions, FormBanner, RadioGroup, toast } from "@/ui";
import { isOver } from "./runRow";
import type { RunOfPage } from "./runQuery";

const CANCEL_RUN = graphql(`
  mutation CancelRun($input: CancelRunInput!) {
    cancelRun(input: $input) {
      run {
        id
        status
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const RETRY_RUN = graphql(`
  mutation RetryRun($input: RetryRunInput!) {
    retryRun(input: $input) {
      run {
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

type Scope = "FAILED_RECORDS" | "ALL_RECORDS";

/** Ends a run, or retries one that has ended. */
export function RunActions({ run }: { run: RunOfPage }) {
  const { t } = useTranslation("runs");
  const mayStart = usePermission("runs:start");
  const [dialog, setDialog] = useState<"cancel" | "retry" | null>(null);
  if (!mayStart) return null;
  return (
    <>
      {isOver(run) ? (
        <Button icon={<RotateCcw size={16} aria-hidden />} onPress={() => setDialog("retry")}>
          {t("retry.action")}
        </Button>
      ) : (
        <Button icon={<Ban size={16} aria-hidden />} onPress={() => setDialog("cancel")}>
          {t("cancel.action")}
        </Button>
      )}
      <CancelDialog run={run} isOpen={dialog === "cancel"} onClose={() => setDialog(null)} />
      <RetryDialog key={run.status} run={run} isOpen={dialog === "retry"} onClose={() => setDialog(null)} />
    </>
  );
}

interface ActionDialogProps {
  run: RunOfPage;
  isOpen: boolean;
  onClose: () => void;
}

function CancelDialog({ run, isOpen, onClose }: ActionDialogProps) {
  const { t } = useTranslation("runs");
  const form = useMutationForm(CANCEL_RUN, {
    payload: (data) => data.cancelRun,
    onDone: () => {
      toast(t("cancel.done"));
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("cancel.title")}
      isOpen={isOpen}
      onClose={onClose}
      action={t("cancel.action")}
      isDanger
      form={form}
      onConfirm={() => void form.submit({ runId: run.id })}
    >
      {t("cancel.help")}
    </ConfirmDialog>
  );
}

function RetryDialog({ run, isOpen, onClose }: ActionDialogProps) {
  const { t } = useTranslation(["runs", "common"]);
  const navigate = useNavigate();
  const hasFailed = run.status === "PARTIAL" || run.status === "FAILED";
  const [scope, setScope] = useState<Scope>(hasFailed ? "FAILED_RECORDS" : "ALL_RECORDS");
  const form = useMutationForm(RETRY_RUN, {
    payload: (data) => data.retryRun,
    onDone: (result) => {
      toast(t("retry.done"));
      onClose();
      if (result.run) void navigate(`/runs/${result.run.id}`);
    },
  });
  return (
    <Dialog title={t("retry.title")} isOpen={isOpen} onClose={onClose}>
      <FormBanner form={form} />
      <RadioGroup
        label={t("retry.scope")}
        value={scope}
        onChange={(value) => setScope(value as Scope)}
        options={[
          ...(hasFailed
            ? [{ id: "FAILED_RECORDS", label: t("retry.FAILED_RECORDS.label"), description: t("retry.FAILED_RECORDS.help") }]
            : []),
          { id: "ALL_RECORDS", label: t("retry.ALL_RECORDS.label"), description: t("retry.ALL_RECORDS.help") },
        ]}
      />
      <FormActions>
        <Button onPress={onClose}>{t("common:cancel")}</Button>
        <Button
          kind="primary"
          isPending={form.isBusy}
          onPress={() => void form.submit({ runId: run.id, scope, idempotencyKey: form.idempotencyKey() })}
        >
          {t("retry.action")}
        </Button>
      </FormActions>
    </Dialog>
  );
}
