import { KeyRound } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { answered } from "@/forms";
import { Button, Card, ConfirmDialog, FormBanner, toast } from "@/ui";
import { credentialsOf } from "./credentials";
import { CredentialsForm } from "./CredentialsForm";
import { UPDATE_SYSTEM } from "./systemMutations";
import type { SystemOfPage } from "./systemQuery";
import styles from "./Systems.module.css";

/** Credentials are never shown: one sees whether they are stored, and replaces them as a whole. */
export function CredentialsCard({ system }: { system: SystemOfPage }) {
  const { t } = useTranslation(["systems", "common"]);
  const [isReplacing, setIsReplacing] = useState(false);
  const [isRemoving, setIsRemoving] = useState(false);
  const form = useMutationForm(UPDATE_SYSTEM, {
    payload: (data) => data.updateSystem,
    onDone: () => {
      toast(t(isRemoving ? "credentials.removed" : "credentials.saved"), "success");
      setIsReplacing(false);
      setIsRemoving(false);
    },
  });
  const schema = credentialsOf(system.connector, system.config);
  if (!schema && !system.hasCredentials) return null;
  const { problems, others } = answered(form.otherErrors, ["credentials"]);
  return (
    <Card title={t("credentials.title")} description={t("credentials.lead")}>
      {isReplacing && schema ? (
        <>
          <FormBanner form={{ otherErrors: others, problem: form.problem }} />
          <CredentialsForm
            schema={schema}
            errors={problems}
            isBusy={form.isBusy}
            submitLabel={t("credentials.save")}
            actions={
              <Button
                onPress={() => {
                  setIsReplacing(false);
                  form.reset();
                }}
              >
                {t("common:cancel")}
              </Button>
            }
            onSubmit={(credentials) => void form.submit({ systemId: system.id, credentials })}
          />
        </>
      ) : (
        <div className={styles.stack}>
          <p className={styles.name}>
            <KeyRound size={16} aria-hidden />
            {t(system.hasCredentials ? "credentials.storedLong" : "credentials.noneLong")}
          </p>
          <div className={styles.row}>
            {schema && <Button onPress={() => setIsReplacing(true)}>{t(system.hasCredentials ? "credentials.replace" : "credentials.enter")}</Button>}
            {system.hasCredentials && (
              <Button kind="quiet" onPress={() => setIsRemoving(true)}>
                {t("credentials.remove")}
              </Button>
            )}
          </div>
        </div>
      )}
      <ConfirmDialog
        title={t("credentials.removeTitle")}
        isOpen={isRemoving}
        onClose={() => setIsRemoving(false)}
        action={t("credentials.remove")}
        isDanger
        form={form}
        onConfirm={() => void form.submit({ systemId: system.id, credentials: null })}
      >
        {t("credentials.removeHelp")}
      </ConfirmDialog>
    </Card>
  );
}
