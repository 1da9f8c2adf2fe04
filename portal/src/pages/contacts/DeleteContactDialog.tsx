import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, useMutationForm } from "@/api";
import { Button, ComboBox, Dialog, Form, FormActions, FormBanner, toast } from "@/ui";
import type { Contact } from "./contactParts";

const DELETE = graphql(`
  mutation DeleteContact($input: DeleteContactInput!) {
    deleteContact(input: $input) {
      deletedContactId
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const REPLACEMENTS = graphql(`
  query ReplacementsOfContact($filter: ContactFilter) {
    contacts(filter: $filter, orderBy: { field: NAME, direction: ASC }, first: 100) {
      edges {
        node {
          id
          name
        }
      }
    }
  }
`);

interface DeleteContactDialogProps {
  contact: Contact;
  filter: { tenantId: string } | { isOperators: true };
  onClose: () => void;
}

/** Deletes a contact; what names it names another one from then on. */
export function DeleteContactDialog({ contact, filter, onClose }: DeleteContactDialogProps) {
  const { t } = useTranslation("contacts");
  const [replacementId, setReplacementId] = useState<string | null>(null);
  const [{ data }] = useQuery({ query: REPLACEMENTS, variables: { filter } });
  const form = useMutationForm(DELETE, {
    payload: (answer) => answer.deleteContact,
    fields: ["replacementId"],
    onDone: () => {
      toast(t("delete.done"));
      onClose();
    },
    context: { additionalTypenames: ["Contact", "OwnershipRule", "IntegrationContacts"] },
  });
  const options =
    data?.contacts.edges.flatMap(({ node }) => (node.id === contact.id ? [] : [{ id: node.id, label: node.name }])) ?? [];
  return (
    <Dialog title={t("delete.title", { name: contact.name })} isOpen onClose={onClose} isAlert>
      <Form errors={form.fieldErrors} onSubmit={() => void form.submit({ contactId: contact.id, replacementId })}>
        <p>{t("delete.help")}</p>
        <ComboBox
          name="replacementId"
          label={t("delete.replacement")}
          isOptional
          options={options}
          value={replacementId}
          onChange={(key) => setReplacementId(key === null ? null : String(key))}
        />
        <FormBanner form={form} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button kind="danger" type="submit" isPending={form.isBusy}>
            {t("delete.action")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}
