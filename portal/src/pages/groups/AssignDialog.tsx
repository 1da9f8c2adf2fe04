import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { NoteForm } from "@/actions/NoteForm";
import { graphql, useMutationForm } from "@/api";
import { useIsStaff } from "@/app/session";
import { ComboBox, Dialog, toast } from "@/ui";

const CONTACTS = graphql(`
  query ContactsToAssign($tenantId: ID!, $isStaff: Boolean!) {
    own: contacts(filter: { tenantId: $tenantId }, orderBy: { field: NAME, direction: ASC }, first: 100) {
      edges {
        node {
          id
          name
          email
        }
      }
    }
    operator: contacts(filter: { isOperators: true }, orderBy: { field: NAME, direction: ASC }, first: 100) @include(if: $isStaff) {
      edges {
        node {
          id
          name
          email
        }
      }
    }
  }
`);

const ASSIGN = graphql(`
  mutation AssignFailureGroup($input: AssignFailureGroupInput!) {
    assignFailureGroup(input: $input) {
      failureGroup {
        id
        assignee {
          id
          name
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

interface AssignDialogProps {
  groupId: string;
  tenantId: string;
  assigneeId: string | null;
  onClose: () => void;
  onDone: () => void;
}

const NOBODY = "nobody";

/** Who is to have a group. */
export default function AssignDialog({ groupId, tenantId, assigneeId, onClose, onDone }: AssignDialogProps) {
  const { t } = useTranslation("groups");
  const [contactId, setContactId] = useState(assigneeId ?? NOBODY);
  const isStaff = useIsStaff();
  const [{ data, fetching }] = useQuery({ query: CONTACTS, variables: { tenantId, isStaff } });
  const contacts = [
    ...(data?.own.edges ?? []).map(({ node }) => ({ ...node, of: null })),
    ...(data?.operator?.edges ?? []).map(({ node }) => ({ ...node, of: t("decision.assign.operator") })),
  ];
  const form = useMutationForm(ASSIGN, {
    payload: (answer) => answer.assignFailureGroup,
    fields: ["note", "contactId"],
    onDone: () => {
      toast(t("decision.assign.done"));
      onDone();
    },
  });
  return (
    <Dialog title={t("decision.assign.title")} isOpen onClose={onClose}>
      <NoteForm
        form={form}
        name="note"
        label={t("decision.note")}
        lengthMax={4_000}
        action={t("decision.assign.action")}
        onSubmit={(note) => void form.submit({ groupId, contactId: contactId === NOBODY ? null : contactId, note: note === "" ? null : note })}
        onClose={onClose}
      >
        {!fetching && (
          <ComboBox
            name="contactId"
            label={t("decision.assign.who")}
            options={[
              { id: NOBODY, label: t("fact.nobody") },
              ...contacts.map((each) => ({
                id: each.id,
                label: each.name,
                description: [each.of, each.email].filter((part) => part !== null).join(" · "),
              })),
            ]}
            defaultValue={contactId}
            onChange={(key) => key !== null && setContactId(String(key))}
          />
        )}
      </NoteForm>
    </Dialog>
  );
}
