import { useTranslation } from "react-i18next";
import { chooseTheme, type Theme, themes, useTheme } from "@/app/theme";
import { chooseLanguage, type Language, language, languages } from "@/i18n";
import { Card, RadioGroup } from "@/ui";

/** Language and theme, of this browser. */
export function AppearanceCard() {
  const { t } = useTranslation(["settings", "common"]);
  const theme = useTheme();
  return (
    <Card title={t("appearance.title")} description={t("appearance.lead")}>
      <RadioGroup
        label={t("appearance.language")}
        orientation="horizontal"
        value={language()}
        onChange={(value) => void chooseLanguage(value as Language)}
        options={languages.map((id) => ({ id, label: t(`common:shell.language.${id}`) }))}
      />
      <RadioGroup
        label={t("common:shell.theme.label")}
        orientation="horizontal"
        value={theme}
        onChange={(value) => chooseTheme(value as Theme)}
        options={themes.map((id) => ({ id, label: t(`appearance.theme.${id}`) }))}
      />
    </Card>
  );
}
