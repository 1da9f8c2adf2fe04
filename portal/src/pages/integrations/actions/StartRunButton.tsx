import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { Button, FormBanner, toast, useAddress } from "@/ui";
import { START_RUN } from "./operate";

interface StartRunButtonProps {
  integrationId: string;
  /** It is paused or held: the run is kept. */
  stands: boolean;
  icon?: ReactNode;
}

/** Reads the source now, and shows the run among the others. */
export function StartRunButton({ integrationId, stands, icon }: StartRunButtonProps) {
  const { t } = useTranslation("integrations");
  const [, setAddress] = useAddress();
  const form = useMutationForm(START_RUN, {
    payload: (data) => data.startRun,
    onDone: () => {
      toast(t(stands ? "start.kept" : "start.done"), stands ? "info" : "success");
      setAddress({ tab: "runs" });
    },
  });
  return (
    <>
      <Button
        kind="primary"
        icon={icon}
        isPending={form.isBusy}
        onPress={() => void form.submit({ integrationId, idempotencyKey: form.idempotencyKey() })}
      >
        {t("start.action")}
      </Button>
      <FormBanner form={form} />
    </>
  );
}
