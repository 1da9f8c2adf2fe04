import { RotateCw, Settings, Workflow } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { SuggestedActions } from "@/actions";
import { problemOf } from "@/api";
import { usePermission } from "@/app/session";
import { Button, ButtonLink, Card, ErrorState, FormActions, FormBanner, NotFound, Skeleton } from "@/ui";
import { ConnectButton } from "../ConnectButton";
import { ConnectOutcome } from "../ConnectOutcome";
import { SYSTEM, type SystemOfPage } from "../systemQuery";
import { TestResult } from "../TestResult";
import { useTest } from "../useTest";
import { WebhookUrl } from "../WebhookUrl";
import { ConnectorHead } from "./ConnectorHead";
import styles from "../Systems.module.css";

/** A new system: access is given where people give it, it is tried out, and then it can be used. */
export function TryOut({ systemId }: { systemId: string }) {
  const [{ data, error }, refresh] = useQuery({ query: SYSTEM, variables: { id: systemId } });
  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => refresh({ requestPolicy: "network-only" })} />;
  if (!data) return <Skeleton lines={6} />;
  if (!data.system) return <NotFound />;
  return <TryOutOf system={data.system} />;
}

function TryOutOf({ system }: { system: SystemOfPage }) {
  const { t } = useTranslation("systems");
  const mayMake = usePermission("integrations:write");
  const test = useTest(system.id);
  const needsPerson = system.authorization?.grant === "AUTHORIZATION_CODE" && system.authorization.status !== "CONNECTED";
  const isReady = system.status === "HEALTHY" && !test.isBusy;
  // Testing has a button of its own below.
  const steps = system.actions.filter(({ kind }) => kind !== "TEST_SYSTEM");
  const isBegun = useRef(false);
  const begin = test.test;
  useEffect(() => {
    if (isBegun.current || needsPerson || system.status !== "UNTESTED") return;
    isBegun.current = true;
    begin();
  });
  return (
    <>
      <ConnectOutcome />
      <Card>
        <ConnectorHead connector={{ ...system.connector, title: system.name }} />
        {needsPerson ? (
          <div className={styles.stack}>
            <h2 className={styles.subtitle}>{t("connect.title")}</h2>
            <p>{t("connect.lead")}</p>
            <ConnectButton system={system} path={`/systems/new?system=${system.id}`} isPrimary />
          </div>
        ) : (
          <div className={styles.stack}>
            <TestResult system={system} isBusy={test.isBusy} />
            <FormBanner form={test} />
            {!isReady && !test.isBusy && steps.length > 0 && <SuggestedActions actions={steps} />}
            {system.webhook && <WebhookUrl webhook={system.webhook} />}
          </div>
        )}
        <FormActions>
          {!needsPerson && (
            <Button icon={<RotateCw size={16} aria-hidden />} isPending={test.isBusy} onPress={test.test}>
              {t("test.again")}
            </Button>
          )}
          <ButtonLink to={`/systems/${system.id}${isReady ? "" : "?tab=settings"}`} icon={<Settings size={16} aria-hidden />}>
            {t(isReady ? "setup.toSystem" : "setup.toSettings")}
          </ButtonLink>
          {isReady && mayMake && (
            <ButtonLink kind="primary" to={`/integrations/new?${system.connector.isSource ? "source" : "destination"}=${system.id}`} icon={<Workflow size={16} aria-hidden />}>
              {t("setup.toIntegration")}
            </ButtonLink>
          )}
        </FormActions>
      </Card>
    </>
  );
}
