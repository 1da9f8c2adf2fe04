import { useTranslation } from "react-i18next";
import { TextField } from "@/ui";

/** The two things that somebody with a second factor shows for what concerns it. */
export function CodeFields() {
  const { t } = useTranslation("settings");
  return (
    <>
      <TextField name="password" type="password" label={t("factor.password")} autoComplete="current-password" isRequired />
      <TextField name="code" label={t("factor.code")} description={t("factor.anyCode")} autoComplete="one-time-code" isRequired isCode />
    </>
  );
}
