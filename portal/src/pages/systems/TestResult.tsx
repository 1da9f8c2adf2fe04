import { useTranslation } from "react-i18next";
import type { SystemStatus } from "@/api/generated/schema";
import { Banner, Spinner, Time } from "@/ui";
import styles from "./Systems.module.css";

interface TestResultProps {
  system: { status: SystemStatus; statusMessage: string | null; lastTestedAt: string | null };
  isBusy: boolean;
}

const tones = { UNTESTED: "info", HEALTHY: "success", FAILING: "danger", REAUTH_REQUIRED: "warning" } as const;

/** What the last test or run found, in plain words. */
export function TestResult({ system: { status, statusMessage, lastTestedAt }, isBusy }: TestResultProps) {
  const { t } = useTranslation("systems");
  if (isBusy) {
    return (
      <p role="status" className={styles.testing}>
        <Spinner />
        {t("test.underWay")}
      </p>
    );
  }
  return (
    <Banner tone={tones[status]} title={t(`found.${status}.title`)}>
      <p>{statusMessage ?? t(`found.${status}.help`)}</p>
      {lastTestedAt !== null && (
        <p className={styles.note}>
          {t("test.at")} <Time at={lastTestedAt} />
        </p>
      )}
    </Banner>
  );
}
