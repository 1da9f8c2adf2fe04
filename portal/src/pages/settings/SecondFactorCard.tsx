import { ShieldCheck, ShieldOff } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { useViewer } from "@/app/session";
import { Badge, Banner, Button, Card, ProblemBanner, Skeleton } from "@/ui";
import { DisableDialog } from "./DisableDialog";
import { EnrollDialog } from "./EnrollDialog";
import { RecoveryCodesDialog } from "./RecoveryCodesDialog";

const SECOND_FACTOR = graphql(`
  query SecondFactor {
    viewer {
      secondFactor
      recoveryCodesLeft
    }
  }
`);

const FEW_CODES = 3;

/** Whether signing in asks for a code, too; and what stands in for the app. */
export function SecondFactorCard() {
  const { t } = useTranslation("settings");
  const { secondFactorRequired } = useViewer();
  const [{ data, error }, execute] = useQuery({ query: SECOND_FACTOR });
  const [open, setOpen] = useState<"enroll" | "codes" | "disable" | null>(null);
  const close = () => {
    setOpen(null);
    execute({ requestPolicy: "network-only" });
  };
  const isOn = data?.viewer.secondFactor === true;
  const left = data?.viewer.recoveryCodesLeft ?? 0;
  return (
    <Card
      title={t("factor.title")}
      description={t("factor.lead")}
      actions={
        data &&
        (isOn ? (
          <Badge tone="success" icon={<ShieldCheck size={13} aria-hidden />}>
            {t("factor.on")}
          </Badge>
        ) : (
          <Badge icon={<ShieldOff size={13} aria-hidden />}>{t("factor.off")}</Badge>
        ))
      }
    >
      {error && !data && <ProblemBanner problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />}
      {!error && !data && <Skeleton lines={2} />}
      {secondFactorRequired && <Banner tone="warning">{t("factor.required")}</Banner>}
      {data && !isOn && (
        <div>
          <Button kind={secondFactorRequired ? "primary" : "secondary"} onPress={() => setOpen("enroll")}>
            {t("factor.setUp")}
          </Button>
        </div>
      )}
      {data && isOn && (
        <>
          {left <= FEW_CODES ? (
            <Banner tone="warning">{t("factor.left", { count: left })}</Banner>
          ) : (
            <p>{t("factor.left", { count: left })}</p>
          )}
          <div>
            <Button onPress={() => setOpen("codes")}>{t("factor.newCodes")}</Button>{" "}
            <Button kind="quiet" onPress={() => setOpen("disable")}>
              {t("factor.turnOff")}
            </Button>
          </div>
        </>
      )}
      {open === "enroll" && <EnrollDialog onClose={close} />}
      {open === "codes" && <RecoveryCodesDialog onClose={close} />}
      {open === "disable" && <DisableDialog onClose={close} />}
    </Card>
  );
}
