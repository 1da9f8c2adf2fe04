import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import "./wordParts";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, KeyValue, TextArea, Time, toast } from "@/ui";
import type { Word } from "./wordParts";

const SET = graphql(`
  mutation SetWordOverride($input: SetWordOverrideInput!) {
    setWordOverride(input: $input) {
      word {
        ...WordParts
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const REMOVE = graphql(`
  mutation RemoveWordOverride($input: RemoveWordOverrideInput!) {
    removeWordOverride(input: $input) {
      word {
        ...WordParts
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const TEXT_CHARS_MAX = 500;

/** Says a word in the operator's own, or as it is shipped again. */
export function WordDialog({ word, name, onClose }: { word: Word; name: string; onClose: () => void }) {
  const { t } = useTranslation("words");
  const [text, setText] = useState(word.text);
  const which = { code: word.code, part: word.part, audience: word.audience, locale: word.locale };
  const done = () => {
    toast(t("saved"));
    onClose();
  };
  const set = useMutationForm(SET, { payload: (data) => data.setWordOverride, fields: ["text"], onDone: done });
  const remove = useMutationForm(REMOVE, { payload: (data) => data.removeWordOverride, onDone: done });
  return (
    <Dialog title={t("changeTitle")} isOpen onClose={onClose}>
      <KeyValue
        entries={[
          [t("column.code"), <code key="code">{word.code}</code>],
          [t("word"), name],
          [
            t("shipped"),
            <span key="shipped" lang={word.locale}>
              {word.shipped}
            </span>,
          ],
        ]}
      />
      <Form errors={set.fieldErrors} onSubmit={() => void set.submit({ ...which, text: text.trim() })}>
        <TextArea
          name="text"
          label={t("field")}
          description={t("fieldHelp")}
          value={text}
          onChange={setText}
          isRequired
          maxLength={TEXT_CHARS_MAX}
        />
        {word.setAt && (
          <p>
            {t("setBy", { name: word.setBy })} <Time at={word.setAt} />
          </p>
        )}
        <FormBanner form={set} />
        <FormBanner form={remove} />
        <FormActions>
          {word.isOverridden && (
            <Button
              kind="quiet"
              icon={<RotateCcw size={16} aria-hidden />}
              isPending={remove.isBusy}
              onPress={() => void remove.submit(which)}
            >
              {t("reset")}
            </Button>
          )}
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={set.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
