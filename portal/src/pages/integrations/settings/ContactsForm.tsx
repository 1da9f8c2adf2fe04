import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, useMutationForm } from "@/api";
import { Button, Card, Form, FormActions, FormBanner, Select, Skeleton, toast } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { CONTACTS_OF_INTEGRATION, type ContactOf } from "./contactsQuery";
import styles from "./Settings.module.css";

const CONTACT_CHOICE = graphql(`
  query ContactChoiceOfIntegration($tenantId: ID!) {
    contacts(filter: { tenantId: $tenantId }, orderBy: { field: NAME, direction: ASC }, first: 100) {
      edges {
        node {
          ...ContactOfIntegration
        }
      }
    }
  }
`);

const SET_CONTACTS = graphql(`
  mutation SetIntegrationContacts($input: SetIntegrationContactsInput!) {
    setIntegrationContacts(input: $input) {
      integration {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const parts = ["integrationOwner", "dataSteward", "businessSponsor"] as const;
const NOBODY = "nobody";
const contactTypes = { additionalTypenames: ["Contact"] };

interface ContactsFormProps {
  integration: IntegrationOfPage;
  mayWrite: boolean;
}

/** Who is what for an integration. */
export function ContactsForm({ integration, mayWrite }: ContactsFormProps) {
  const { t } = useTranslation("integrations");
  const [{ data }] = useQuery({ query: CONTACTS_OF_INTEGRATION, variables: { id: integration.id }, context: contactTypes });
  const [{ data: choice }] = useQuery({ query: CONTACT_CHOICE, variables: { tenantId: integration.tenant.id }, context: contactTypes });
  const contacts = data?.integration?.contacts;
  return (
    <Card title={t("contacts.title")} description={t("contacts.lead")}>
      {!contacts || !choice ? (
        <Skeleton lines={4} />
      ) : (
        <Chosen
          integrationId={integration.id}
          chosen={Object.fromEntries(parts.map((part) => [part, contacts[part]?.id ?? NOBODY]))}
          contacts={known([...choice.contacts.edges.map(({ node }) => node), ...parts.flatMap((part) => contacts[part] ?? [])])}
          mayWrite={mayWrite}
        />
      )}
    </Card>
  );
}

/** Each once: whoever is chosen may be the operator's, and then is in no list of the tenant. */
function known(contacts: readonly ContactOf[]): ContactOf[] {
  return [...new Map(contacts.map((contact) => [contact.id, contact])).values()];
}

interface ChosenProps {
  integrationId: string;
  chosen: Readonly<Record<string, string>>;
  contacts: readonly ContactOf[];
  mayWrite: boolean;
}

function Chosen({ integrationId, chosen, contacts, mayWrite }: ChosenProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const [ids, setIds] = useState(chosen);
  const form = useMutationForm(SET_CONTACTS, {
    payload: (data) => data.setIntegrationContacts,
    fields: parts.map((part) => `${part}Id`),
    onDone: () => toast(t("saved")),
  });
  const idOf = (part: string) => (ids[part] === NOBODY ? null : ids[part]);
  return (
    <Form
      errors={form.fieldErrors}
      onSubmit={() =>
        void form.submit({
          integrationId,
          integrationOwnerId: idOf("integrationOwner"),
          dataStewardId: idOf("dataSteward"),
          businessSponsorId: idOf("businessSponsor"),
        })
      }
    >
      <FormBanner form={form} />
      {contacts.length === 0 && <p className={styles.muted}>{t("contacts.noneToChoose")}</p>}
      <div className={styles.fields}>
        {parts.map((part) => (
          <Select
            key={part}
            name={`${part}Id`}
            label={t(`contacts.${part}`)}
            description={t(`contacts.${part}Help`)}
            isDisabled={!mayWrite}
            options={[
              { id: NOBODY, label: t("contacts.nobody") },
              ...contacts.map(({ id, name, email }) => ({ id, label: name, ...(email == null ? {} : { description: email }) })),
            ]}
            value={ids[part] ?? NOBODY}
            onChange={(key) => setIds((now) => ({ ...now, [part]: String(key) }))}
          />
        ))}
      </div>
      {mayWrite && (
        <FormActions>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      )}
    </Form>
  );
}
