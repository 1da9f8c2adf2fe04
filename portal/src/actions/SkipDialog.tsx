import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Dialog, toast } from "@/ui";
import { NoteForm } from "./NoteForm";
import { namedBy, type FailureChoice } from "./subject";

const SKIP = graphql(`
  mutation SkipFailures($input: SkipFailuresInput!) {
    skipFailures(input: $input) {
      skipped
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface SkipDialogProps {
  choice: FailureChoice;
  /** Staff say why. */
  isReasonRequired: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** Leaves records out, for good. */
export default function SkipDialog({ choice, isReasonRequired, onClose, onDone }: SkipDialogProps) {
  const { t } = useTranslation("actions");
  const form = useMutationForm(SKIP, {
    payload: (data) => data.skipFailures,
    fields: ["reason"],
    onDone: ({ skipped }) => {
      toast(t("skip.done", { count: skipped ?? 0 }));
      onDone();
    },
  });
  const title = choice.ids ? t("skip.title", { count: choice.ids.length }) : t("skip.titleAll");
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      <NoteForm
        form={form}
        name="reason"
        label={t("skip.reason")}
        description={t("skip.reasonHelp")}
        isRequired={isReasonRequired}
        lengthMax={1_000}
        action={choice.ids ? t("skip.action", { count: choice.ids.length }) : t("skip.actionAll")}
        isDanger
        onSubmit={(reason) => void form.submit({ ...namedBy(choice), reason: reason === "" ? null : reason })}
        onClose={onClose}
      >
        <p>{t("skip.what")}</p>
      </NoteForm>
    </Dialog>
  );
}
