import { CircleCheck, Copy, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import { useQuery } from "urql";
import { graphql, problemOf, useMutationForm } from "@/api";
import { usePermission } from "@/app/session";
import {
  Banner,
  Button,
  ButtonLink,
  Card,
  ConfirmDialog,
  ErrorState,
  FormBanner,
  KeyValue,
  Link,
  Markdown,
  NotFound,
  Page,
  Skeleton,
  Time,
  toast,
} from "@/ui";
import "./runbookDetail";
import { RunbookEditor } from "./RunbookEditor";
import styles from "./Runbooks.module.css";
import { RunbookVersions } from "./RunbookVersions";

const RUNBOOK = graphql(`
  query Runbook($id: ID!) {
    runbook(id: $id) {
      ...RunbookDetail
    }
  }
`);

const REVIEW = graphql(`
  mutation ReviewRunbook($input: ReviewRunbookInput!) {
    reviewRunbook(input: $input) {
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

const DELETE = graphql(`
  mutation DeleteRunbook($input: DeleteRunbookInput!) {
    deleteRunbook(input: $input) {
      deletedRunbookId
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** One runbook: to be read, changed, reviewed. */
export default function Runbook() {
  const { t } = useTranslation("runbooks");
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const mayWrite = usePermission("runbooks:manage");
  const [{ data, error }, execute] = useQuery({ query: RUNBOOK, variables: { id }, context });
  const [isEditing, setIsEditing] = useState(false);
  const [isDeleting, setIsDeleting] = useState(false);
  const review = useMutationForm(REVIEW, {
    payload: (answer) => answer.reviewRunbook,
    onDone: () => toast(t("review.done")),
    // Somebody has changed it meanwhile: what stands there is to be read first.
    onRefused: () => execute({ requestPolicy: "network-only" }),
  });
  const remove = useMutationForm(DELETE, {
    payload: (answer) => answer.deleteRunbook,
    onDone: () => {
      toast(t("delete.done"));
      void navigate("/runbooks", { replace: true });
    },
    context,
  });
  const runbook = data?.runbook;
  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  if (runbook === null) return <NotFound />;
  if (!runbook) return <Skeleton lines={10} />;
  const isOwn = mayWrite && !runbook.isBuiltIn;
  const crumbs = [{ label: t("title"), to: "/runbooks" }];
  if (isEditing) {
    return (
      <Page title={t("edit.title", { title: runbook.title })} breadcrumbs={crumbs}>
        <RunbookEditor runbook={runbook} onDone={() => setIsEditing(false)} onCancel={() => setIsEditing(false)} />
      </Page>
    );
  }
  return (
    <Page
      title={runbook.title}
      breadcrumbs={crumbs}
      actions={
        isOwn ? (
          <>
            <Button kind="quiet" icon={<Trash2 size={16} aria-hidden />} onPress={() => setIsDeleting(true)}>
              {t("delete.action")}
            </Button>
            <Button
              icon={<CircleCheck size={16} aria-hidden />}
              isPending={review.isBusy}
              onPress={() => void review.submit({ runbookId: runbook.id, version: runbook.version })}
            >
              {t("review.action")}
            </Button>
            <Button kind="primary" icon={<Pencil size={16} aria-hidden />} onPress={() => setIsEditing(true)}>
              {t("edit.action")}
            </Button>
          </>
        ) : (
          mayWrite && (
            <ButtonLink to={`/runbooks/new?from=${runbook.id}`} icon={<Copy size={16} aria-hidden />}>
              {t("copyOwn")}
            </ButtonLink>
          )
        )
      }
    >
      <FormBanner form={review} />
      {runbook.isReviewOverdue && <Banner tone="warning" title={t("overdueTitle")}>{t("overdueHelp")}</Banner>}
      <div className={styles.columns}>
        <Card>
          <Markdown level={2}>{runbook.body}</Markdown>
        </Card>
        <div className={styles.side}>
          <Card title={t("facts")}>
            <KeyValue
              entries={[
                [t("code"), runbook.code && <code key="code">{runbook.code}</code>],
                [t("connector"), runbook.connector],
                [
                  t("integration"),
                  runbook.integration && (
                    <Link key="integration" to={`/integrations/${runbook.integration.id}`}>
                      {runbook.integration.name}
                    </Link>
                  ),
                ],
                [t("origin"), runbook.isBuiltIn ? t("shipped") : t("own")],
                [t("version"), !runbook.isBuiltIn && String(runbook.version)],
                [t("updated"), runbook.updatedAt && <Time key="updated" at={runbook.updatedAt} />],
                [t("updatedBy"), runbook.updatedBy],
                [
                  t("lastReviewed"),
                  !runbook.isBuiltIn && (runbook.lastReviewedAt ? <Time key="reviewed" at={runbook.lastReviewedAt} /> : t("review.never")),
                ],
                [t("lastReviewedBy"), runbook.lastReviewedBy],
                [
                  t("interval"),
                  !runbook.isBuiltIn &&
                    (runbook.reviewIntervalDays ? t("intervalDays", { count: runbook.reviewIntervalDays }) : t("intervalNever")),
                ],
              ]}
            />
          </Card>
          {!runbook.isBuiltIn && runbook.version > 1 && <RunbookVersions runbookId={runbook.id} />}
        </div>
      </div>
      <ConfirmDialog
        title={t("delete.title")}
        isOpen={isDeleting}
        onClose={() => setIsDeleting(false)}
        action={t("delete.action")}
        isDanger
        form={remove}
        onConfirm={() => void remove.submit({ runbookId: runbook.id })}
      >
        {t("delete.help")}
      </ConfirmDialog>
    </Page>
  );
}

const context = { additionalTypenames: ["Runbook"] };
