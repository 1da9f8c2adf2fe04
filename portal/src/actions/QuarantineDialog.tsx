import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, useMutationForm } from "@/api";
import { useLanguage } from "@/i18n";
import { Count, Dialog, ErrorState, format, KeyValue, Skeleton, toast } from "@/ui";
import { NoteForm } from "./NoteForm";

const QUARANTINE = graphql(`
  query ActionQuarantine($id: ID!) {
    quarantine(id: $id) {
      id
      stream
      rule
      field
      measured
      allowed
      reason
      recordCount
      judgedCount
    }
  }
`);

const RELEASE = graphql(`
  mutation ReleaseQuarantine($input: ReleaseQuarantineInput!) {
    releaseQuarantine(input: $input) {
      quarantine {
        id
        status
        retry {
          id
        }
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const DISCARD = graphql(`
  mutation DiscardQuarantine($input: DiscardQuarantineInput!) {
    discardQuarantine(input: $input) {
      quarantine {
        id
        status
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface QuarantineDialogProps {
  quarantineId: string;
  decision: "release" | "discard";
  title: string;
  onClose: () => void;
  /** With the retry that brings its records home, where there is one. */
  onDone: (retryId: string | null) => void;
}

/** What the quality gate held back, and the decision about it. */
export default function QuarantineDialog({ quarantineId, decision, title, onClose, onDone }: QuarantineDialogProps) {
  const { t } = useTranslation("actions");
  const language = useLanguage();
  const [{ data, error, fetching }] = useQuery({ query: QUARANTINE, variables: { id: quarantineId } });
  const release = useMutationForm(RELEASE, {
    payload: (answer) => answer.releaseQuarantine,
    fields: ["note"],
    onDone: ({ quarantine }) => {
      toast(t("quarantine.released"));
      onDone(quarantine?.retry?.id ?? null);
    },
  });
  const discard = useMutationForm(DISCARD, {
    payload: (answer) => answer.discardQuarantine,
    fields: ["note"],
    onDone: () => {
      toast(t("quarantine.discarded"));
      onDone(null);
    },
  });
  const form = decision === "release" ? release : discard;
  const held = data?.quarantine;
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      {fetching && !held ? (
        <Skeleton lines={4} />
      ) : error ? (
        <ErrorState problem={problemOf(error)} />
      ) : (
        held && (
          <NoteForm
            form={form}
            name="note"
            label={t("quarantine.note")}
            description={decision === "discard" ? t("quarantine.noteHelp") : undefined}
            isRequired={decision === "discard"}
            lengthMax={1_000}
            action={title}
            isDanger={decision === "discard"}
            onSubmit={(note) =>
              decision === "release"
                ? void release.submit({ quarantineId, note: note === "" ? null : note })
                : void discard.submit({ quarantineId, note })
            }
            onClose={onClose}
          >
            <p>{held.reason}</p>
            <KeyValue
              entries={[
                [t("quarantine.records"), <Count key="records" value={held.recordCount} />],
                [t("quarantine.judged"), <Count key="judged" value={held.judgedCount} />],
                [t("quarantine.measured"), format.percent(held.measured / 100, language)],
                [t("quarantine.allowed"), format.percent(held.allowed / 100, language)],
              ]}
            />
            <p>{t(decision === "release" ? "quarantine.releaseWhat" : "quarantine.discardWhat")}</p>
          </NoteForm>
        )
      )}
    </Dialog>
  );
}
