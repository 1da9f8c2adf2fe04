import { useTranslation } from "react-i18next";
import { Page } from "@/ui";

export default function EmbedConnect() {
  const { t } = useTranslation("common");
  return <Page title={t("title.connect")} />;
}
