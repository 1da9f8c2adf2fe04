import { useTranslation } from "react-i18next";

/** What people call a failure: the record's key, or the stream, or the run as a whole. */
export function useFailureName() {
  const { t } = useTranslation("failures");
  return ({ businessReference, stream }: { businessReference: string | null; stream: string | null }): string =>
    businessReference ?? (stream === null ? t("wholeRun") : t("wholeStream", { stream }));
}
