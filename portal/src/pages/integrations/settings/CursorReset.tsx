import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, useMutationForm } from "@/api";
import { Button, Code, Dialog, Form, FormActions, FormBanner, KeyValue, Link, RadioGroup, TextField, textOf, Time, toast } from "@/ui";
import styles from "./Settings.module.css";

const CURSORS = graphql(`
  query CursorsOfIntegration($id: ID!) {
    integration(id: $id) {
      id
      streams {
        name
        cursor {
          value
          at
          run {
            id
          }
        }
      }
    }
  }
`);

const RESET_CURSOR = graphql(`
  mutation ResetCursor($input: ResetCursorInput!) {
    resetCursor(input: $input) {
      integration {
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

interface CursorResetProps {
  integrationId: string;
  stream: string;
  mayWrite: boolean;
}

/** Where the next run of an incremental stream begins, and a way to set it. */
export function CursorReset({ integrationId, stream, mayWrite }: CursorResetProps) {
  const { t } = useTranslation("integrations");
  const [isOpen, setIsOpen] = useState(false);
  const [{ data }] = useQuery({ query: CURSORS, variables: { id: integrationId } });
  const cursor = data?.integration?.streams.find(({ name }) => name === stream)?.cursor;
  if (!data) return null;
  return (
    <div className={styles.result}>
      <KeyValue
        entries={[
          [
            t("cursor.title"),
            cursor ? (
              <span className={styles.result}>
                <Code>{typeof cursor.value === "string" ? cursor.value : JSON.stringify(cursor.value)}</Code>
                <span className={styles.muted}>
                  {cursor.run ? <Link to={`/runs/${cursor.run.id}`}>{t("cursor.byRun")}</Link> : t("cursor.byPerson")} <Time at={cursor.at} />
                </span>
              </span>
            ) : (
              t("cursor.beginning")
            ),
          ],
        ]}
      />
      {mayWrite && <Button onPress={() => setIsOpen(true)}>{t("cursor.set")}</Button>}
      <CursorDialog integrationId={integrationId} stream={stream} isOpen={isOpen} onClose={() => setIsOpen(false)} />
    </div>
  );
}

interface CursorDialogProps {
  integrationId: string;
  stream: string;
  isOpen: boolean;
  onClose: () => void;
}

function CursorDialog({ integrationId, stream, isOpen, onClose }: CursorDialogProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const [kind, setKind] = useState("beginning");
  const form = useMutationForm(RESET_CURSOR, {
    payload: (data) => data.resetCursor,
    fields: ["to", "reason"],
    onDone: () => {
      toast(t("saved"));
      onClose();
    },
  });
  return (
    <Dialog title={t("cursor.set")} isOpen={isOpen} onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) => {
          const text = textOf(data, "to");
          const to = kind === "beginning" ? null : kind === "number" ? Number(text) : text;
          void form.submit({ integrationId, stream, to, reason: textOf(data, "reason") });
        }}
      >
        <p>{t("cursor.help")}</p>
        <FormBanner form={form} />
        <RadioGroup
          label={t("cursor.where")}
          value={kind}
          onChange={setKind}
          options={[
            { id: "beginning", label: t("cursor.beginning") },
            { id: "text", label: t("cursor.text") },
            { id: "number", label: t("cursor.number") },
          ]}
        />
        {kind !== "beginning" && <TextField name="to" label={t("cursor.value")} type={kind === "number" ? "number" : "text"} isRequired isCode />}
        <TextField name="reason" label={t("pause.reason")} description={t("pause.reasonHelp")} maxLength={500} isRequired />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
