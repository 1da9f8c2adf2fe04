import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { useTenantScope } from "@/app/session";
import { answered, SchemaForm } from "@/forms";
import { useConnectors } from "@/pages/connectors/useConnectors";
import { TenantField } from "@/pages/tenants/TenantField";
import { Button, ButtonLink, Card, EmptyState, ErrorState, FormBanner, Skeleton, useAddress } from "@/ui";
import { credentialsOf } from "../credentials";
import { CredentialsForm } from "../CredentialsForm";
import { CREATE_SYSTEM } from "../systemMutations";
import { systemLook, type EnteredSystem } from "../systemSchema";
import { useSystemSchema } from "../useSystemSchema";
import { ConnectorHead } from "./ConnectorHead";
import styles from "../Systems.module.css";

/** The chosen connector's configuration, and then the credentials that this configuration needs. */
export function SetUp({ name }: { name: string }) {
  const { t } = useTranslation("systems");
  const { connectors, isLoading, problem, refresh } = useConnectors();
  const connector = connectors?.find((each) => each.name === name);
  if (problem) return <ErrorState problem={problem} onRetry={refresh} />;
  if (isLoading) return <Skeleton lines={8} />;
  if (!connector) {
    return (
      <EmptyState title={t("setup.unknown")} actions={<ButtonLink to="/systems/new">{t("setup.otherKind")}</ButtonLink>}>
        {t("setup.unknownHelp")}
      </EmptyState>
    );
  }
  return <SetUpOf connector={connector} />;
}

type Connector = NonNullable<ReturnType<typeof useConnectors>["connectors"]>[number];

function SetUpOf({ connector }: { connector: Connector }) {
  const { t } = useTranslation(["systems", "common"]);
  const [, setAddress] = useAddress();
  const { tenant } = useTenantScope();
  const [tenantId, setTenantId] = useState(tenant?.id ?? null);
  const [entered, setEntered] = useState<EnteredSystem | null>(null);
  const [part, setPart] = useState<"config" | "credentials">("config");
  const schema = useSystemSchema(connector);
  const form = useMutationForm(CREATE_SYSTEM, {
    payload: (data) => data.createSystem,
    onDone: ({ system }) => system && setAddress({ system: system.id, connector: null, end: null }),
    onRefused: (errors) => {
      if (errors.some(({ field }) => field?.[0] !== "credentials")) setPart("config");
    },
  });
  const { problems, others } = answered(form.otherErrors, ["name", "config"]);
  const ofCredentials = answered(others, ["credentials"]);

  const create = (system: EnteredSystem, credentials: unknown) => {
    if (tenantId !== null) void form.submit({ tenantId, name: system.name, connector: connector.name, config: system.config, ...(credentials !== undefined && { credentials }) });
  };
  const goOn = (value: unknown) => {
    const system = value as EnteredSystem;
    setEntered(system);
    if (credentialsOf(connector, system.config)) setPart("credentials");
    else create(system, undefined);
  };

  const credentials = entered && credentialsOf(connector, entered.config);
  return (
    <Card>
      <ConnectorHead connector={connector} action={<ButtonLink kind="quiet" to="/systems/new">{t("setup.otherKind")}</ButtonLink>} />
      <FormBanner form={{ otherErrors: ofCredentials.others, problem: form.problem }} />
      {part === "config" || !entered ? (
        <>
          {tenant === null && <TenantField name="tenantId" isRequired onChoose={(chosen) => setTenantId(chosen?.id ?? null)} />}
          <SchemaForm
            schema={schema}
            uiSchema={systemLook}
            value={entered ?? {}}
            errors={problems}
            isBusy={form.isBusy}
            isDisabled={tenantId === null}
            submitLabel={t("setup.next")}
            onSubmit={goOn}
          />
        </>
      ) : (
        credentials && (
          <div className={styles.stack}>
            <h2 className={styles.subtitle}>{t("credentials.title")}</h2>
            <p className={styles.note}>{t("credentials.lead")}</p>
            <CredentialsForm
              schema={credentials}
              errors={ofCredentials.problems}
              isBusy={form.isBusy}
              submitLabel={t("setup.create")}
              actions={<Button onPress={() => setPart("config")}>{t("setup.back")}</Button>}
              onSubmit={(value) => create(entered, value)}
            />
          </div>
        )
      )}
    </Card>
  );
}
