import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import "./incidentDetail";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, MarkdownField, TextArea, toast } from "@/ui";
import { FollowUpFields, type FollowUpDraft } from "./FollowUpFields";
import type { IncidentDetail } from "./incidentDetail";
import styles from "./Postmortem.module.css";

const WRITE = graphql(`
  mutation WritePostmortem($input: WritePostmortemInput!) {
    writePostmortem(input: $input) {
      incident {
        ...IncidentDetail
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const BODY_CHARS_MAX = 50_000;
const FOLLOW_UPS_MAX = 50;

/** Writes what came of looking back. */
export function PostmortemDialog({ incident, onClose }: { incident: IncidentDetail; onClose: () => void }) {
  const { t } = useTranslation("incidents");
  const before = incident.postmortem;
  const [body, setBody] = useState(before?.body ?? t("postmortem.template"));
  const [causes, setCauses] = useState(before?.causes.join("\n") ?? "");
  const [followUps, setFollowUps] = useState<FollowUpDraft[]>(
    () => before?.followUps.map((each, key) => ({ key, ...each, owner: each.owner ?? "", dueAt: each.dueAt?.slice(0, 10) ?? "" })) ?? [],
  );
  const form = useMutationForm(WRITE, {
    payload: (data) => data.writePostmortem,
    fields: ["body", "causes", ...followUps.flatMap((_, at) => ["text", "owner", "dueAt"].map((name) => `followUps.${at}.${name}`))],
    onDone: () => {
      toast(t("postmortem.saved"));
      onClose();
    },
  });
  const send = () =>
    void form.submit({
      incidentId: incident.id,
      body,
      causes: linesOf(causes),
      followUps: followUps.map(({ text, owner, dueAt, isDone }) => ({
        text,
        owner: owner.trim() || null,
        dueAt: dueAt ? `${dueAt}T00:00:00Z` : null,
        isDone,
      })),
    });
  return (
    <Dialog title={t("postmortem.title")} isOpen onClose={onClose} kind="sheet" width="wide">
      <Form errors={form.fieldErrors} onSubmit={send}>
        <MarkdownField
          name="body"
          label={t("postmortem.body")}
          description={t("postmortem.bodyHelp")}
          value={body}
          onChange={setBody}
          isRequired
          maxLength={BODY_CHARS_MAX}
        />
        <TextArea
          name="causes"
          label={t("postmortem.causes")}
          description={t("postmortem.causesHelp")}
          isOptional
          value={causes}
          onChange={setCauses}
          rows={3}
        />
        <fieldset className={styles.fieldset}>
          <legend>{t("postmortem.followUps")}</legend>
          {followUps.map((followUp, at) => (
            <FollowUpFields
              key={followUp.key}
              at={at}
              value={followUp}
              onChange={(changed) => setFollowUps((all) => all.map((each) => (each.key === changed.key ? changed : each)))}
              onRemove={() => setFollowUps((all) => all.filter((each) => each.key !== followUp.key))}
            />
          ))}
          {followUps.length < FOLLOW_UPS_MAX && (
            <div>
              <Button
                size="small"
                icon={<Plus size={14} aria-hidden />}
                onPress={() => setFollowUps((all) => [...all, { key: nextKey(all), text: "", owner: "", dueAt: "", isDone: false }])}
              >
                {t("postmortem.addFollowUp")}
              </Button>
            </div>
          )}
        </fieldset>
        <FormBanner form={form} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}

function nextKey(all: readonly FollowUpDraft[]): number {
  return Math.max(-1, ...all.map(({ key }) => key)) + 1;
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
