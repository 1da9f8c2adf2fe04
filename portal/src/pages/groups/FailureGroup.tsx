import { useTranslation } from "react-i18next";
import { Page } from "@/ui";

export default function FailureGroup() {
  const { t } = useTranslation("common");
  return <Page title={t("title.group")} />;
}
