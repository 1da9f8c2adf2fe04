import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import "./contactParts";
import { graphql, useMutationForm } from "@/api";
import type { ContactKind } from "@/api/generated/schema";
import { usePermission } from "@/app/session";
import { Button, ComboBox, Dialog, Form, FormActions, FormBanner, RadioGroup, TextArea, TextField, textOf, toast } from "@/ui";
import type { Contact } from "./contactParts";
import styles from "./Contacts.module.css";

const CREATE = graphql(`
  mutation CreateContact($input: CreateContactInput!) {
    createContact(input: $input) {
      contact {
        ...ContactParts
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const UPDATE = graphql(`
  mutation UpdateContact($input: UpdateContactInput!) {
    updateContact(input: $input) {
      contact {
        ...ContactParts
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const USERS = graphql(`
  query UsersOfContacts($filter: UserFilter) {
    users(filter: $filter, first: 100) {
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

const fields = ["kind", "name", "email", "phone", "url", "userId", "note"];
const context = { additionalTypenames: ["Contact"] };

interface ContactDialogProps {
  contact: Contact | null;
  /** Whose it becomes: a tenant's id, null for the operator. */
  owner: string | null;
  onClose: () => void;
}

/** Makes a contact, or changes one. */
export function ContactDialog({ contact, owner, onClose }: ContactDialogProps) {
  const { t } = useTranslation("contacts");
  const mayReadUsers = usePermission("users:read");
  const [userId, setUserId] = useState(contact?.userId ?? null);
  const [{ data }] = useQuery({
    query: USERS,
    variables: { filter: owner ? { tenantId: owner } : { role: ["PLATFORM_ADMIN", "ENGINEER", "SUPPORT"] } },
    pause: !mayReadUsers,
  });
  const onDone = () => {
    toast(contact ? t("changed") : t("created"));
    onClose();
  };
  const create = useMutationForm(CREATE, { payload: (answer) => answer.createContact, fields, onDone, context });
  const update = useMutationForm(UPDATE, { payload: (answer) => answer.updateContact, fields, onDone });
  const form = contact ? update : create;
  const users = data?.users.edges.map(({ node }) => ({ id: node.id, label: node.name, description: node.email })) ?? [];
  return (
    <Dialog title={contact ? t("changeTitle") : t("new")} isOpen onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) => {
          const optional = (name: string) => textOf(data, name).trim() || null;
          const input = {
            kind: textOf(data, "kind") as ContactKind,
            name: textOf(data, "name"),
            email: optional("email"),
            phone: optional("phone"),
            url: optional("url"),
            note: optional("note"),
            ...(mayReadUsers && { userId }),
          };
          void (contact
            ? update.submit({ ...input, contactId: contact.id, version: contact.version })
            : create.submit({ ...input, tenantId: owner }));
        }}
      >
        <RadioGroup
          name="kind"
          label={t("field.kind")}
          orientation="horizontal"
          defaultValue={contact?.kind ?? "PERSON"}
          options={[
            { id: "PERSON", label: t("kind.PERSON") },
            { id: "TEAM", label: t("kind.TEAM") },
          ]}
        />
        <TextField name="name" label={t("column.name")} defaultValue={contact?.name ?? ""} isRequired maxLength={200} />
        <p>{t("field.reachHelp")}</p>
        <div className={styles.fields}>
          <TextField name="email" type="email" label={t("field.email")} isOptional defaultValue={contact?.email ?? ""} />
          <TextField name="phone" type="tel" label={t("field.phone")} isOptional defaultValue={contact?.phone ?? ""} maxLength={50} />
        </div>
        <TextField name="url" type="url" label={t("field.url")} isOptional defaultValue={contact?.url ?? ""} placeholder="https://" />
        {mayReadUsers && (
          <ComboBox
            name="userId"
            label={t("field.user")}
            description={t("field.userHelp")}
            isOptional
            options={users}
            value={userId}
            onChange={(key) => setUserId(key === null ? null : String(key))}
          />
        )}
        <TextArea name="note" label={t("field.note")} isOptional defaultValue={contact?.note ?? ""} rows={3} maxLength={2_000} />
        <FormBanner form={form} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
