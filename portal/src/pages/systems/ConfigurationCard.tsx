import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { answered, SchemaForm } from "@/forms";
import { Banner, Card, Dialog, FormBanner, toast } from "@/ui";
import { credentialsOf } from "./credentials";
import { CredentialsForm } from "./CredentialsForm";
import { UPDATE_SYSTEM } from "./systemMutations";
import type { SystemOfPage } from "./systemQuery";
import { systemLook, type EnteredSystem } from "./systemSchema";
import { useSystemSchema } from "./useSystemSchema";

/** Name, configuration and rate. Where a change sends stored credentials elsewhere, they are asked for again. */
export function ConfigurationCard({ system }: { system: SystemOfPage }) {
  const { t } = useTranslation("systems");
  const schema = useSystemSchema(system.connector, true);
  const [waiting, setWaiting] = useState<EnteredSystem | null>(null);
  const form = useMutationForm(UPDATE_SYSTEM, {
    payload: (data) => data.updateSystem,
    onDone: () => {
      setWaiting(null);
      toast(t("configuration.saved"), "success");
    },
    onRefused: (errors, input) => {
      const isAboutCredentials = errors.some(({ field }) => field?.[0] === "credentials");
      setWaiting(isAboutCredentials ? { name: input.name ?? system.name, config: input.config, ...(input.rateLimit && { rateLimit: rateOf(input.rateLimit) }) } : null);
    },
  });
  const { problems, others } = answered(form.otherErrors, ["name", "config", "rateLimit"]);
  const ofCredentials = answered(others, ["credentials"]);
  const save = (entered: EnteredSystem, credentials?: unknown) =>
    void form.submit({
      systemId: system.id,
      name: entered.name,
      config: entered.config ?? {},
      rateLimit: entered.rateLimit ?? null,
      ...(credentials !== undefined && { credentials }),
    });
  const credentials = waiting && credentialsOf(system.connector, waiting.config);
  return (
    <Card title={t("configuration.title")} description={t("configuration.lead")}>
      {!credentials && <FormBanner form={{ otherErrors: others, problem: form.problem }} />}
      <SchemaForm
        schema={schema}
        uiSchema={systemLook}
        value={{ name: system.name, config: system.config, ...(system.rateLimit && { rateLimit: rateOf(system.rateLimit) }) }}
        errors={problems}
        isBusy={form.isBusy}
        onSubmit={(value) => save(value as EnteredSystem)}
      />
      {credentials && (
        <Dialog
          title={t("credentials.againTitle")}
          isOpen
          onClose={() => {
            setWaiting(null);
            form.reset();
          }}
        >
          <Banner tone="info">{t("credentials.againHelp")}</Banner>
          <FormBanner form={{ otherErrors: ofCredentials.others, problem: form.problem }} />
          <CredentialsForm
            schema={credentials}
            errors={ofCredentials.problems.filter(({ path }) => path.length > 1)}
            isBusy={form.isBusy}
            submitLabel={t("credentials.saveBoth")}
            onSubmit={(value) => save(waiting, value)}
          />
        </Dialog>
      )}
    </Card>
  );
}

function rateOf({ requestsPerMinute, burst }: { requestsPerMinute: number; burst?: number }) {
  return { requestsPerMinute, ...(burst !== undefined && { burst }) };
}
