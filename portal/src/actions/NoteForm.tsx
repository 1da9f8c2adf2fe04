import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { MutationForm } from "@/api";
import { Button, Form, FormActions, FormBanner, TextArea, textOf } from "@/ui";

interface NoteFormProps {
  form: Pick<MutationForm<unknown, unknown>, "isBusy" | "fieldErrors" | "otherErrors" | "problem">;
  /** Name of the note in the mutation's input. */
  name: string;
  label: string;
  description?: string;
  isRequired?: boolean;
  lengthMax: number;
  /** What the button does. */
  action: string;
  isDanger?: boolean;
  /** Something is still to be chosen. */
  isDisabled?: boolean;
  onSubmit: (note: string) => void;
  onClose: () => void;
  /** What will happen, and what is asked besides. */
  children?: ReactNode;
}

/** A decision with a few words about it. */
export function NoteForm({ form, name, label, description, isRequired = false, lengthMax, action, isDanger = false, isDisabled = false, onSubmit, onClose, children }: NoteFormProps) {
  const { t } = useTranslation("common");
  return (
    <Form errors={form.fieldErrors} onSubmit={(data) => onSubmit(textOf(data, name).trim())}>
      {children}
      <TextArea name={name} label={label} description={description} isRequired={isRequired} isOptional={!isRequired} maxLength={lengthMax} rows={3} />
      <FormBanner form={form} />
      <FormActions>
        <Button onPress={onClose}>{t("cancel")}</Button>
        <Button type="submit" kind={isDanger ? "danger" : "primary"} isPending={form.isBusy} isDisabled={isDisabled}>
          {action}
        </Button>
      </FormActions>
    </Form>
  );
}
