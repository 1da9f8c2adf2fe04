import { Archive, CirclePause, CirclePlay, Ellipsis, Play } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { usePermission } from "@/app/session";
import { Button, ConfirmDialog, FormBanner, IconButton, Menu, toast, type MenuEntry } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { ARCHIVE, RESUME } from "./operate";
import { PauseDialog } from "./PauseDialog";
import { StartRunButton } from "./StartRunButton";

/** What one does with an integration: run it, pause it, let it go on, archive it. */
export function IntegrationActions({ integration }: { integration: IntegrationOfPage }) {
  const { t } = useTranslation("integrations");
  const mayOperate = usePermission("integrations:operate");
  const mayStart = usePermission("runs:start");
  const mayWrite = usePermission("integrations:write");
  const [dialog, setDialog] = useState<"pause" | "archive" | null>(null);
  const resume = useMutationForm(RESUME, {
    payload: (data) => data.resumeIntegration,
    onDone: () => toast(t("resume.done")),
  });
  const archive = useMutationForm(ARCHIVE, {
    payload: (data) => data.archiveIntegration,
    onDone: () => {
      toast(t("archive.done"));
      setDialog(null);
    },
  });
  if (integration.status === "ARCHIVED") return null;
  const stands = integration.status === "PAUSED" || integration.status === "HELD";
  const entries: MenuEntry[] = mayWrite
    ? [
        {
          id: "archive",
          label: t("archive.action"),
          note: t("archive.note"),
          icon: <Archive size={16} aria-hidden />,
          isDanger: true,
          onAction: () => setDialog("archive"),
        },
      ]
    : [];
  return (
    <>
      {mayOperate &&
        (stands ? (
          <Button
            icon={<CirclePlay size={16} aria-hidden />}
            isPending={resume.isBusy}
            onPress={() => void resume.submit({ integrationId: integration.id })}
          >
            {t("resume.action")}
          </Button>
        ) : (
          <Button icon={<CirclePause size={16} aria-hidden />} onPress={() => setDialog("pause")}>
            {t("pause.action")}
          </Button>
        ))}
      {mayStart && <StartRunButton integrationId={integration.id} icon={<Play size={16} aria-hidden />} stands={stands} />}
      {entries.length > 0 && (
        <Menu
          label={t("more")}
          trigger={
            <IconButton kind="secondary" label={t("more")}>
              <Ellipsis size={16} aria-hidden />
            </IconButton>
          }
          entries={entries}
        />
      )}
      <FormBanner form={resume} />
      <PauseDialog integrationId={integration.id} isOpen={dialog === "pause"} onClose={() => setDialog(null)} />
      <ConfirmDialog
        title={t("archive.title", { name: integration.name })}
        isOpen={dialog === "archive"}
        onClose={() => setDialog(null)}
        action={t("archive.action")}
        isDanger
        form={archive}
        onConfirm={() => void archive.submit({ integrationId: integration.id })}
      >
        {t("archive.help")}
      </ConfirmDialog>
    </>
  );
}
