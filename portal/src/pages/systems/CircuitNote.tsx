import { useTranslation } from "react-i18next";
import { Banner, Time } from "@/ui";
import type { SystemOfPage } from "./systemQuery";

/** Says that runs leave the system alone for now, and until when. */
export function CircuitNote({ circuit: { state, since, until, failures } }: { circuit: SystemOfPage["circuit"] }) {
  const { t } = useTranslation("systems");
  if (state === "CLOSED") return failures > 0 ? <p>{t("circuit.failing", { count: failures })}</p> : null;
  return (
    <Banner tone="warning" title={t(`circuit.${state}.title`)}>
      <p>
        {t(`circuit.${state}.help`, { count: failures })} {t("circuit.since")} <Time at={since} />.
        {until !== null && (
          <>
            {" "}
            {t("circuit.until")} <Time at={until} />.
          </>
        )}
      </p>
    </Banner>
  );
}
