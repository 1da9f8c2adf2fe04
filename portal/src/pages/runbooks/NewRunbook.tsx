import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useQuery } from "urql";
import "./runbookDetail";
import { graphql, problemOf, useMutationForm } from "@/api";
import { usePermission } from "@/app/session";
import {
  Button,
  ButtonLink,
  Card,
  ComboBox,
  ErrorState,
  Form,
  FormActions,
  FormBanner,
  MarkdownField,
  NotFound,
  Page,
  Skeleton,
  TextField,
  textOf,
  toast,
  useAddress,
} from "@/ui";
import { ReviewIntervalField } from "./ReviewIntervalField";
import { TITLE_CHARS_MAX, type RunbookDetail } from "./runbookDetail";
import styles from "./Runbooks.module.css";
import { useSubjects } from "./useSubjects";

const CREATE = graphql(`
  mutation CreateRunbook($input: CreateRunbookInput!) {
    createRunbook(input: $input) {
      runbook {
        ...RunbookDetail
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const TEMPLATE = graphql(`
  query RunbookTemplate($id: ID!) {
    runbook(id: $id) {
      ...RunbookDetail
    }
  }
`);

/** A new runbook; `?from=` begins with what another one says, `?code=`, `?connector=` and `?integration=` with what it is about. */
export default function NewRunbook() {
  const { t } = useTranslation("runbooks");
  const [address] = useAddress();
  const from = address.get("from");
  const mayWrite = usePermission("runbooks:manage");
  const [{ data, error }, execute] = useQuery({ query: TEMPLATE, variables: { id: from ?? "" }, pause: from === null });
  if (!mayWrite) return <NotFound />;
  if (error) return <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  if (from !== null && !data) return <Skeleton lines={10} />;
  return (
    <Page title={t("new")} breadcrumbs={[{ label: t("title"), to: "/runbooks" }]} description={t("newLead")}>
      <NewRunbookForm
        template={data?.runbook}
        about={{
          code: data?.runbook?.code ?? address.get("code"),
          connector: data?.runbook?.connector ?? address.get("connector"),
          integrationId: data?.runbook?.integration?.id ?? address.get("integration"),
        }}
      />
    </Page>
  );
}

interface NewRunbookFormProps {
  template: RunbookDetail | null | undefined;
  about: { code: string | null; connector: string | null; integrationId: string | null };
}

function NewRunbookForm({ template, about }: NewRunbookFormProps) {
  const { t } = useTranslation("runbooks");
  const navigate = useNavigate();
  const [body, setBody] = useState(template?.body ?? t("template"));
  const [days, setDays] = useState(template?.reviewIntervalDays ?? 180);
  const [code, setCode] = useState(about.code);
  const [connector, setConnector] = useState(about.connector);
  const [integrationId, setIntegrationId] = useState(about.integrationId);
  const [search, setSearch] = useState("");
  const subjects = useSubjects(search);
  const form = useMutationForm(CREATE, {
    payload: (data) => data.createRunbook,
    fields: ["title", "body", "code", "connector", "integrationId", "reviewIntervalDays"],
    onDone: ({ runbook }) => {
      toast(t("created"));
      if (runbook) void navigate(`/runbooks/${runbook.id}`, { replace: true });
    },
    context: { additionalTypenames: ["Runbook"] },
  });
  return (
    <Card>
      <Form
        errors={form.fieldErrors}
        onSubmit={(input) =>
          void form.submit({
            title: textOf(input, "title"),
            body,
            code,
            connector,
            integrationId,
            reviewIntervalDays: Number.isNaN(days) ? null : days,
          })
        }
      >
        <TextField name="title" label={t("field.title")} defaultValue={template?.title ?? ""} isRequired maxLength={TITLE_CHARS_MAX} />
        <div className={styles.selectorFields}>
          <ComboBox
            name="code"
            label={t("code")}
            description={t("field.codeHelp")}
            isOptional
            options={subjects.codes}
            value={code}
            onChange={(key) => setCode(key === null ? null : String(key))}
          />
          <ComboBox
            name="connector"
            label={t("connector")}
            isOptional
            options={subjects.connectors}
            value={connector}
            onChange={(key) => setConnector(key === null ? null : String(key))}
          />
          <ComboBox
            name="integrationId"
            label={t("integration")}
            isOptional
            isSearched
            options={subjects.integrations}
            inputValue={search}
            onInputChange={setSearch}
            value={integrationId}
            onChange={(key) => {
              setIntegrationId(key === null ? null : String(key));
              setSearch(subjects.integrations.find(({ id }) => id === key)?.label ?? "");
            }}
          />
        </div>
        <MarkdownField name="body" label={t("field.body")} description={t("field.bodyHelp")} value={body} onChange={setBody} rows={22} level={2} isRequired />
        <ReviewIntervalField value={days} onChange={setDays} />
        <FormBanner form={form} />
        <FormActions>
          <ButtonLink to="/runbooks">{t("common:cancel")}</ButtonLink>
          <Button kind="primary" type="submit" isPending={form.isBusy}>
            {t("create")}
          </Button>
        </FormActions>
      </Form>
    </Card>
  );
}
