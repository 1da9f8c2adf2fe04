import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { ConfirmDialog, toast } from "@/ui";
import type { Person } from "./UserList";

const DISABLE = graphql(`
  mutation DisableUser($input: DisableUserInput!) {
    disableUser(input: $input) {
      user {
        id
        disabledAt
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const ENABLE = graphql(`
  mutation EnableUser($input: EnableUserInput!) {
    enableUser(input: $input) {
      user {
        id
        disabledAt
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const RESET = graphql(`
  mutation ResetSecondFactor($input: ResetSecondFactorInput!) {
    resetSecondFactor(input: $input) {
      user {
        id
        secondFactor
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export type Confirmed = "disable" | "enable" | "factor";

/** Asks before somebody can't sign in any more, can again, or loses their second factor. */
export function ConfirmPerson({ kind, person, onClose }: { kind: Confirmed; person: Person; onClose: () => void }) {
  const { t } = useTranslation("people");
  const { name } = person;
  const onDone = () => {
    toast(t(`act.${kind}.done`, { name }));
    onClose();
  };
  const disable = useMutationForm(DISABLE, { payload: (data) => data.disableUser, onDone });
  const enable = useMutationForm(ENABLE, { payload: (data) => data.enableUser, onDone });
  const reset = useMutationForm(RESET, { payload: (data) => data.resetSecondFactor, onDone });
  const form = { disable, enable, factor: reset }[kind];
  return (
    <ConfirmDialog
      title={t(`act.${kind}.title`, { name })}
      isOpen
      onClose={onClose}
      action={t(`act.${kind}.action`)}
      onConfirm={() => void form.submit({ userId: person.id })}
      isDanger={kind !== "enable"}
      form={form}
    >
      {t(`act.${kind}.lead`)}
    </ConfirmDialog>
  );
}
