import { useTranslation } from "react-i18next";
import { Page } from "@/ui";

export default function People() {
  const { t } = useTranslation("common");
  return <Page title={t("navigation.people")} />;
}
