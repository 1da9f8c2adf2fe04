import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import type { Audience } from "@/api/generated/schema";
import { useIsStaff, useViewer } from "@/app/session";
import { Button, Form, FormActions, FormBanner, Select, TextArea } from "@/ui";

const COMMENT = graphql(`
  mutation CommentFailureGroup($input: CommentFailureGroupInput!) {
    commentFailureGroup(input: $input) {
      failureGroup {
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

const audiences: readonly Audience[] = ["CUSTOMER", "SUPPORT", "ENGINEER"];

/** Says something about a group; staff choose who may read it. */
export function CommentForm({ groupId, onDone }: { groupId: string; onDone: () => void }) {
  const { t } = useTranslation("groups");
  const isStaff = useIsStaff();
  const { audience: own } = useViewer();
  const [text, setText] = useState("");
  const [audience, setAudience] = useState<Audience>("SUPPORT");
  const form = useMutationForm(COMMENT, {
    payload: (data) => data.commentFailureGroup,
    fields: ["text", "audience"],
    onDone: () => {
      setText("");
      onDone();
    },
  });
  const readable = audiences.slice(0, audiences.indexOf(own) + 1);
  return (
    <Form errors={form.fieldErrors} aria-label={t("comment.label")} onSubmit={() => void form.submit({ groupId, text: text.trim(), ...(isStaff && { audience }) })}>
      <TextArea name="text" label={t("comment.label")} rows={2} maxLength={4_000} value={text} onChange={setText} description={isStaff ? undefined : t("comment.help")} />
      {isStaff && (
        <Select
          name="audience"
          label={t("comment.audience")}
          options={readable.map((id) => ({ id, label: t(`comment.for.${id}`) }))}
          value={audience}
          onChange={(key) => setAudience(readable.find((each) => each === key) ?? "SUPPORT")}
        />
      )}
      <FormBanner form={form} />
      <FormActions>
        <Button type="submit" kind="secondary" isPending={form.isBusy} isDisabled={text.trim() === ""}>
          {t("comment.submit")}
        </Button>
      </FormActions>
    </Form>
  );
}
