import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useMutationForm } from "@/api";
import { Button, FormBanner, toast, type ButtonProps } from "@/ui";
import { directMutations, type DirectMutation, type DirectPayload } from "./directMutations";
import type { SuggestedAction } from "./suggestedAction";

interface DirectActionButtonProps extends Pick<ButtonProps, "kind" | "size"> {
  action: SuggestedAction;
  mutation: DirectMutation;
  icon: ReactNode;
  onDone?: (() => void) | undefined;
}

/** A step that is taken by one press. */
export function DirectActionButton({ action, mutation, icon, onDone, ...look }: DirectActionButtonProps) {
  const { t } = useTranslation("actions");
  const navigate = useNavigate();
  const tell = ({ system, run }: DirectPayload) => {
    if (system) {
      const isGood = system.status === "HEALTHY";
      toast(isGood ? t("tested.answers") : (system.statusMessage ?? t("tested.doesNot")), isGood ? "success" : "danger");
    } else if (run) {
      toast(t("started"));
      void navigate(`/runs/${run.id}`);
    } else {
      toast(mutation === "cancelRetry" ? t("canceled") : t("resumed"));
    }
  };
  const form = useMutationForm(directMutations[mutation], {
    payload: (data) => data[mutation] ?? { userErrors: [] },
    onDone: (payload) => {
      tell(payload);
      onDone?.();
    },
  });
  const press = () => {
    const input = action.input as Record<string, unknown>;
    void form.submit(mutation === "startRun" ? { ...input, idempotencyKey: form.idempotencyKey() } : input);
  };
  return (
    <>
      <Button {...look} icon={icon} isPending={form.isBusy} onPress={press}>
        {action.label}
      </Button>
      <FormBanner form={form} />
    </>
  );
}
