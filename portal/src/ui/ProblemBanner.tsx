import { useTranslation } from "react-i18next";
import type { Problem } from "@/api";
import { Banner } from "./Banner";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";

export interface ProblemBannerProps {
  problem: Problem;
  /** Tries it again. */
  onRetry?: () => void;
}

/** Something did not work: what it is, what to do, and the request's id for support. */
export function ProblemBanner({ problem, onRetry }: ProblemBannerProps) {
  const { t } = useTranslation("common");
  return (
    <Banner
      tone="danger"
      title={t(`problem.${problem.kind}.title`)}
      actions={
        onRetry && (
          <Button size="small" onPress={onRetry}>
            {t("tryAgain")}
          </Button>
        )
      }
    >
      <p>
        {problem.kind === "busy" && problem.retryAfterSeconds !== null
          ? t("problem.busy.wait", { count: problem.retryAfterSeconds })
          : problem.kind === "invalid"
            ? problem.detail
            : t(`problem.${problem.kind}.help`)}
      </p>
      {problem.requestId !== null && (
        <p>
          {t("problem.request")} <code>{problem.requestId}</code>{" "}
          <CopyButton text={problem.requestId} label={t("problem.copyRequest")} />
        </p>
      )}
    </Banner>
  );
}
