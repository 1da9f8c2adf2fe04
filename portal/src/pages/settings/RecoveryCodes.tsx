import { useTranslation } from "react-i18next";
import { Banner, Button, Code, FormActions } from "@/ui";

/** Ten codes that stand in for the app, each once. */
export function RecoveryCodes({ codes, onClose }: { codes: readonly string[]; onClose: () => void }) {
  const { t } = useTranslation(["settings", "common"]);
  return (
    <>
      <Banner tone="warning">{t("common:secret.once")}</Banner>
      <p>{t("factor.codesLead")}</p>
      <Code isBlock label={t("factor.codesTitle")}>
        {codes.join("\n")}
      </Code>
      <FormActions>
        <Button kind="primary" onPress={onClose}>
          {t("common:secret.kept")}
        </Button>
      </FormActions>
    </>
  );
}
