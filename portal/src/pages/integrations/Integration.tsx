import { useTranslation } from "react-i18next";
import { Page } from "@/ui";

export default function Integration() {
  const { t } = useTranslation("common");
  return <Page title={t("title.integration")} />;
}
