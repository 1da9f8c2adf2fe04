import { SearchX } from "lucide-react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "./EmptyState";
import { ButtonLink } from "./Link";
import { Page } from "./Page";

/** A page that is not there, or is another tenant's: both look the same. */
export function NotFound() {
  const { t } = useTranslation("common");
  return (
    <Page title={t("notFound.title")} width="narrow">
      <EmptyState
        icon={<SearchX size={32} aria-hidden />}
        title={t("notFound.lead")}
        actions={<ButtonLink to="/">{t("notFound.home")}</ButtonLink>}
      >
        {t("notFound.help")}
      </EmptyState>
    </Page>
  );
}
