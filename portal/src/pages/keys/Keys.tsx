import { useTranslation } from "react-i18next";
import { Page } from "@/ui";

export default function Keys() {
  const { t } = useTranslation("common");
  return <Page title={t("navigation.keys")} />;
}
