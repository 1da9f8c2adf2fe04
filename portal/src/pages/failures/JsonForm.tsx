import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button, Form, FormActions, TextArea } from "@/ui";

interface JsonFormProps {
  value: unknown;
  problems: readonly { path: string[]; message: string }[];
  isBusy: boolean;
  submitLabel: string;
  actions: ReactNode;
  /** While it can be read. */
  onChange: (value: unknown) => void;
  onSubmit: (value: unknown) => void;
}

/** A record as text, for who would rather write it, and for what no form can show. */
export function JsonForm({ value, problems, isBusy, submitLabel, actions, onChange, onSubmit }: JsonFormProps) {
  const { t } = useTranslation("failures");
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const read = parsed(text);
  return (
    <Form onSubmit={() => read && onSubmit(read.value)}>
      <TextArea
        label={t("edit.json")}
        isCode
        rows={18}
        value={text}
        onChange={(next) => {
          setText(next);
          const now = parsed(next);
          if (now) onChange(now.value);
        }}
        isInvalid={!read}
        validate={() => (read ? null : t("edit.noJson"))}
        validationBehavior="aria"
        spellCheck="false"
        description={
          problems.length > 0 && (
            <>
              {problems.map(({ path, message }) => (
                <span key={path.join("/") + message}>
                  <code>/{path.join("/")}</code> {message}
                  <br />
                </span>
              ))}
            </>
          )
        }
      />
      <FormActions>
        {actions}
        <Button type="submit" kind="primary" isPending={isBusy} isDisabled={!read}>
          {submitLabel}
        </Button>
      </FormActions>
    </Form>
  );
}

function parsed(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}
