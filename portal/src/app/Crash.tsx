import { useTranslation } from "react-i18next";
import { Banner, Button } from "@/ui";

/** In place of a page that threw. */
export function Crash({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { t } = useTranslation("common");
  return (
    <Banner
      tone="danger"
      title={t("crash.title")}
      actions={
        <>
          <Button size="small" onPress={onRetry}>
            {t("tryAgain")}
          </Button>
          <Button size="small" onPress={() => window.location.reload()}>
            {t("crash.reload")}
          </Button>
        </>
      }
    >
      <p>{t("crash.help")}</p>
      {error instanceof Error && <p>{error.message}</p>}
    </Banner>
  );
}
