import { useTranslation } from "react-i18next";
import { Page } from "@/ui";

export default function System() {
  const { t } = useTranslation("common");
  return <Page title={t("title.system")} />;
}
