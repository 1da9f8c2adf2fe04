import { CircleCheck, CirclePause } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/ui";

/** Whether a policy tells anything. */
export function PolicyState({ isEnabled }: { isEnabled: boolean }) {
  const { t } = useTranslation("notices");
  return isEnabled ? (
    <Badge tone="success" icon={<CircleCheck size={13} aria-hidden />}>
      {t("policy.on")}
    </Badge>
  ) : (
    <Badge icon={<CirclePause size={13} aria-hidden />}>{t("policy.off")}</Badge>
  );
}
