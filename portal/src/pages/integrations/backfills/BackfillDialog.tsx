import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, RadioGroup, Select, TextField, textOf, toast } from "@/ui";

const START_BACKFILL = graphql(`
  mutation StartBackfill($input: StartBackfillInput!) {
    startBackfill(input: $input) {
      backfill {
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

interface BackfillDialogProps {
  integrationId: string;
  streams: readonly { name: string; cursorField?: string | null }[];
  isOpen: boolean;
  onClose: () => void;
}

/** Asks for a range of a stream to be read once more. */
export function BackfillDialog({ integrationId, streams, isOpen, onClose }: BackfillDialogProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const [stream, setStream] = useState(streams[0]?.name ?? "");
  const [kind, setKind] = useState<"text" | "number">("text");
  const form = useMutationForm(START_BACKFILL, {
    payload: (data) => data.startBackfill,
    fields: ["stream", "from", "to"],
    onDone: () => {
      toast(t("backfills.started"));
      onClose();
    },
  });
  const field = streams.find(({ name }) => name === stream)?.cursorField ?? "";
  const valueOf = (text: string) => (kind === "number" && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
  return (
    <Dialog title={t("backfills.start")} isOpen={isOpen} onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) => {
          const to = textOf(data, "to");
          void form.submit({
            integrationId,
            stream,
            from: valueOf(textOf(data, "from")),
            to: to === "" ? null : valueOf(to),
            idempotencyKey: form.idempotencyKey(),
          });
        }}
      >
        <p>{t("backfills.help")}</p>
        <FormBanner form={form} />
        <Select
          name="stream"
          label={t("backfills.stream")}
          options={streams.map(({ name }) => ({ id: name, label: name }))}
          value={stream}
          onChange={(key) => setStream(String(key))}
        />
        <RadioGroup
          label={t("backfills.kind", { field })}
          orientation="horizontal"
          value={kind}
          onChange={(value) => setKind(value === "number" ? "number" : "text")}
          options={[
            { id: "text", label: t("backfills.text") },
            { id: "number", label: t("backfills.number") },
          ]}
        />
        <TextField
          name="from"
          label={t("backfills.from", { field })}
          description={t("backfills.fromHelp")}
          inputMode={kind === "number" ? "decimal" : "text"}
          isRequired
          isCode
        />
        <TextField
          name="to"
          label={t("backfills.to", { field })}
          description={t("backfills.toHelp")}
          inputMode={kind === "number" ? "decimal" : "text"}
          isOptional
          isCode
        />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("backfills.start")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
