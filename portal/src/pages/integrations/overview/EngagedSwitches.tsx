import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Banner, Button, ConfirmDialog, Time, toast } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { useEngagedSwitches, type Switch } from "./useEngagedSwitches";

const RELEASE_SWITCH = graphql(`
  mutation ReleaseSwitchOfIntegration($input: ReleaseKillSwitchInput!) {
    releaseKillSwitch(input: $input) {
      killSwitch {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** What stops an integration now, why, and until when. */
export function EngagedSwitches({ integration }: { integration: IntegrationOfPage }) {
  const engaged = useEngagedSwitches(integration) ?? [];
  return engaged.map((each) => <Engaged key={each.id} engaged={each} />);
}

function Engaged({ engaged }: { engaged: Switch }) {
  const { t } = useTranslation("integrations");
  const [isAsking, setIsAsking] = useState(false);
  const form = useMutationForm(RELEASE_SWITCH, {
    payload: (data) => data.releaseKillSwitch,
    onDone: () => {
      toast(t("switches.released"));
      setIsAsking(false);
    },
  });
  return (
    <Banner
      tone="danger"
      title={t(`switchScope.${engaged.scope}`)}
      actions={engaged.scope === "INTEGRATION" && <Button onPress={() => setIsAsking(true)}>{t("switches.release")}</Button>}
    >
      <p>{engaged.messageForCustomers}</p>
      {engaged.reason != null && <p>{engaged.reason}</p>}
      <p>
        {t("switches.by", { name: engaged.createdBy })} <Time at={engaged.createdAt} />
        {engaged.expiresAt != null && (
          <>
            {" · "}
            {t("switches.until")} <Time at={engaged.expiresAt} />
          </>
        )}
      </p>
      <ConfirmDialog
        title={t("switches.releaseTitle")}
        isOpen={isAsking}
        onClose={() => setIsAsking(false)}
        action={t("switches.release")}
        form={form}
        onConfirm={() => void form.submit({ killSwitchId: engaged.id })}
      >
        {t(`onRelease.${engaged.onRelease}`)}
      </ConfirmDialog>
    </Banner>
  );
}
