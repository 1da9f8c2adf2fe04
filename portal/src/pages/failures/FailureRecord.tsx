import { Braces, Eye, FilePen, TableProperties } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useIsStaff, usePermission } from "@/app/session";
import { Banner, Button, Card, Code, EmptyState, Skeleton, Time } from "@/ui";
import type { FailureOfPage } from "./failureOfPage";
import { FieldErrors } from "./FieldErrors";
import { RecordTable } from "./RecordTable";
import { errorsElsewhere, recordRows } from "./recordRows";
import { Reveals } from "./Reveals";

const RecordForm = lazy(() => import("./RecordForm").then((module) => ({ default: module.RecordForm })));
const RevealDialog = lazy(() => import("./RevealDialog"));

interface FailureRecordProps {
  failure: FailureOfPage;
  isEdited: boolean;
  onEdit: (isEdited: boolean) => void;
  onRetryStarted: (retryId: string) => void;
}

/** The record that did not arrive: read, explained where it can't be, and edited. */
export function FailureRecord({ failure, isEdited, onEdit, onRetryStarted }: FailureRecordProps) {
  const { t } = useTranslation("failures");
  const isStaff = useIsStaff();
  const mayReveal = usePermission("records:reveal");
  const [isJson, setIsJson] = useState(false);
  const [isRevealing, setIsRevealing] = useState(false);
  const { record, fieldErrors } = failure;
  const redaction = failure.redactions.find(({ field }) => field === "record");
  const { rows, isCut } = recordRows(record, fieldErrors);
  const isTable = rows.length > 0 && !isJson;
  const elsewhere = record === null || !isTable ? fieldErrors : errorsElsewhere(rows, fieldErrors);
  const actions = record !== null && !isEdited && (
    <>
      {rows.length > 0 && (
        <Button
          size="small"
          kind="quiet"
          icon={isJson ? <TableProperties size={14} aria-hidden /> : <Braces size={14} aria-hidden />}
          onPress={() => setIsJson(!isJson)}
        >
          {t(isJson ? "record.asTable" : "record.asJson")}
        </Button>
      )}
      {failure.viewerCanEdit && (
        <Button size="small" kind="primary" icon={<FilePen size={14} aria-hidden />} onPress={() => onEdit(true)}>
          {t("record.edit")}
        </Button>
      )}
    </>
  );
  return (
    <>
      {elsewhere.length > 0 && !isEdited && <FieldErrors errors={elsewhere} />}
      <Card title={t(isEdited ? "edit.title" : "record.title")} description={isEdited ? t("edit.lead") : undefined} actions={actions}>
        {isEdited ? (
          <Suspense fallback={<Skeleton lines={6} height={32} />}>
            <RecordForm failure={failure} onCancel={() => onEdit(false)} onRetryStarted={onRetryStarted} />
          </Suspense>
        ) : record !== null ? (
          isTable ? (
            <RecordTable rows={rows} isCut={isCut} />
          ) : (
            <Code isBlock label={t("record.title")}>
              {JSON.stringify(record, null, 2)}
            </Code>
          )
        ) : (
          <EmptyState
            title={t(failure.recordRemovedAt !== null ? "record.removed" : redaction ? "record.hidden" : "record.none")}
            actions={
              redaction &&
              isStaff &&
              mayReveal && (
                <Button icon={<Eye size={16} aria-hidden />} isDisabled={!failure.tenant.supportAccess} onPress={() => setIsRevealing(true)}>
                  {t("reveal.action")}
                </Button>
              )
            }
          >
            {failure.recordRemovedAt !== null ? (
              <>
                {t("record.removedWhy")} <Time at={failure.recordRemovedAt} as="absolute" />
              </>
            ) : redaction ? (
              <>
                {redaction.reason}
                {isStaff && mayReveal && !failure.tenant.supportAccess && <p>{t("reveal.noAccess", { tenant: failure.tenant.name })}</p>}
              </>
            ) : (
              t("record.noneWhy")
            )}
          </EmptyState>
        )}
        {failure.recordExpiresAt !== null && record !== null && (
          <Banner>
            {t("record.expires")} <Time at={failure.recordExpiresAt} as="absolute" />
          </Banner>
        )}
      </Card>
      {failure.reveals.length > 0 && <Reveals reveals={failure.reveals} />}
      {isRevealing && (
        <Suspense>
          <RevealDialog failureId={failure.id} tenant={failure.tenant.name} onClose={() => setIsRevealing(false)} />
        </Suspense>
      )}
    </>
  );
}
