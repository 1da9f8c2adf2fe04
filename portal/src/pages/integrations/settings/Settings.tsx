import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, type ResultOf } from "@/api";
import { usePermission } from "@/app/session";
import { Banner, ErrorState, Skeleton, Tabs, type TabEntry } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import "../streams";
import { ContactsForm } from "./ContactsForm";
import { GeneralForm } from "./GeneralForm";
import { HealthTargetsForm } from "./HealthTargetsForm";
import { KpisForm } from "./KpisForm";
import { RetryPolicyForm } from "./RetryPolicyForm";
import { StreamsForm } from "./StreamsForm";
import { SystemsForm } from "./SystemsForm";
import { SyntheticCheckCard } from "./SyntheticCheckCard";

const SETTINGS = graphql(`
  query SettingsOfIntegration($id: ID!) {
    integration(id: $id) {
      id
      name
      description
      holdAfter
      retryPolicy {
        attempts
        firstWaitSeconds
        longestWaitSeconds
        progressTimeoutSeconds
      }
      healthTargets {
        freshnessSeconds
        runSuccessPercent
        latencyP95Ms
      }
      healthTargetChanges(first: 10) {
        edges {
          node {
            id
            setBy
            setAt
            targets {
              freshnessSeconds
              runSuccessPercent
              latencyP95Ms
            }
          }
        }
      }
      kpis {
        key
        name
        unit
        stream
        kind
        field
        rule
        fromField
        toField
        target {
          atLeast
          atMost
          per
        }
      }
      streams {
        ...StreamSettings
      }
    }
  }
`);

export type SettingsOf = NonNullable<ResultOf<typeof SETTINGS>["integration"]>;

export interface SettingsPartProps {
  settings: SettingsOf;
  /** They may be changed by this viewer. */
  mayWrite: boolean;
}

/** Everything that can be set of an integration, each part by itself. */
export default function Settings({ integration }: { integration: IntegrationOfPage }) {
  const { t } = useTranslation("integrations");
  const mayWrite = usePermission("integrations:write") && integration.status !== "ARCHIVED";
  const readsSystems = usePermission("systems:read");
  const readsContacts = usePermission("contacts:read");
  const [{ data, error }, readAnew] = useQuery({ query: SETTINGS, variables: { id: integration.id } });
  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => readAnew({ requestPolicy: "network-only" })} />;
  const settings = data?.integration;
  if (!settings) return <Skeleton lines={10} />;
  const parts: (TabEntry | false)[] = [
    {
      id: "general",
      label: t("settings.general"),
      content: () => (
        <>
          <GeneralForm settings={settings} mayWrite={mayWrite} />
          {readsSystems && <SystemsForm integration={integration} mayWrite={mayWrite} />}
          <RetryPolicyForm settings={settings} mayWrite={mayWrite} />
          <HealthTargetsForm settings={settings} mayWrite={mayWrite} />
        </>
      ),
    },
    {
      id: "streams",
      label: t("settings.streams"),
      content: () => <StreamsForm settings={settings} mayWrite={mayWrite} integration={integration} />,
    },
    { id: "kpis", label: t("kpiForm.title"), content: () => <KpisForm settings={settings} mayWrite={mayWrite} /> },
    { id: "test", label: t("synthetic.title"), content: () => <SyntheticCheckCard integration={integration} mayWrite={mayWrite} /> },
    readsContacts && {
      id: "contacts",
      label: t("contacts.title"),
      content: () => <ContactsForm integration={integration} mayWrite={mayWrite} />,
    },
  ];
  return (
    <>
      {!mayWrite && <Banner tone="info">{t(integration.status === "ARCHIVED" ? "settings.archived" : "settings.readOnly")}</Banner>}
      <Tabs label={t("tab.settings")} parameter="part" tabs={parts.filter((part) => part !== false)} />
    </>
  );
}
