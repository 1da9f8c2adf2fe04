import { useState } from "react";
import { useTranslation } from "react-i18next";
import { NoteForm } from "@/actions/NoteForm";
import { graphql, useMutationForm } from "@/api";
import { useLanguage } from "@/i18n";
import { Dialog, format, NumberField, RadioGroup, toast } from "@/ui";
import { snoozeEnds, type SnoozeEnd } from "./snooze";

const SNOOZE = graphql(`
  mutation SnoozeFailureGroup($input: SnoozeFailureGroupInput!) {
    snoozeFailureGroup(input: $input) {
      failureGroup {
        id
        status
        snoozedUntil
        snoozedUntilCount
        snoozedUntilHourCount
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface SnoozeDialogProps {
  groupId: string;
  onClose: () => void;
  onDone: () => void;
}

type Kind = SnoozeEnd | "failures" | "failuresAnHour";

/** Lets a group wait: until a time, until there are more, or until they come faster. */
export default function SnoozeDialog({ groupId, onClose, onDone }: SnoozeDialogProps) {
  const { t } = useTranslation("groups");
  const language = useLanguage();
  const [now] = useState(() => new Date());
  const [kind, setKind] = useState<Kind>("tomorrow");
  const [amount, setAmount] = useState(10);
  const ends = snoozeEnds(now);
  const isTime = kind !== "failures" && kind !== "failuresAnHour";
  const form = useMutationForm(SNOOZE, {
    payload: (data) => data.snoozeFailureGroup,
    fields: ["note", "failures", "failuresAnHour"],
    onDone: () => {
      toast(t("decision.snooze.done"));
      onDone();
    },
  });
  return (
    <Dialog title={t("decision.snooze.title")} isOpen onClose={onClose}>
      <NoteForm
        form={form}
        name="note"
        label={t("decision.note")}
        description={t("decision.noteHelp")}
        lengthMax={4_000}
        action={t("decision.snooze.action")}
        onSubmit={(note) =>
          void form.submit({
            groupId,
            note: note === "" ? null : note,
            ...(isTime ? { until: ends[kind].toISOString() } : { [kind]: amount }),
          })
        }
        onClose={onClose}
      >
        <p>{t("decision.snooze.what")}</p>
        <RadioGroup
          label={t("decision.snooze.until")}
          value={kind}
          onChange={(value) => setKind(value as Kind)}
          options={[
            ...Object.entries(ends).map(([id, at]) => ({ id, label: t(`decision.snooze.${id}`), description: format.dateTime(at, language) })),
            { id: "failures", label: t("decision.snooze.failures") },
            { id: "failuresAnHour", label: t("decision.snooze.failuresAnHour") },
          ]}
        />
        {!isTime && (
          <NumberField
            name={kind}
            label={t(kind === "failures" ? "decision.snooze.howMany" : "decision.snooze.howManyAnHour")}
            minValue={1}
            value={amount}
            onChange={setAmount}
            isRequired
          />
        )}
      </NoteForm>
    </Dialog>
  );
}
