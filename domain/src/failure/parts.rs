//! What of failures is asked for. What is not is not read: columns, where their groups stand, what else is open to the viewer,
//! and the records, each of which may be as large as a page.

use entity::failure::{
    self, Column, FailureCategory, FailureStage, FailureStatus, ResponsibleParty, Retryable,
};

use crate::scope::{Columns, sparse};

sparse!(failure {
    id: Id,
    tenant_id: TenantId,
    integration_id: IntegrationId,
    run_id: RunId,
    stream: Stream,
    business_reference: BusinessReference,
    record_key: RecordKey,
    position: Position,
    status: Status or FailureStatus::Open,
    category: Category or FailureCategory::Infrastructure,
    stage: Stage or FailureStage::Platform,
    code: Code,
    responsible_party: ResponsibleParty or ResponsibleParty::Support,
    retryable: Retryable or Retryable::Unknown,
    hint: Hint,
    field_errors: FieldErrors,
    attempts: Attempts,
    failed_at: FailedAt,
    last_attempt_at: LastAttemptAt,
    next_attempt_at: NextAttemptAt,
    resolved_at: ResolvedAt,
    resolved_by_run_id: ResolvedByRunId,
    http_status: HttpStatus,
    technical_detail: TechnicalDetail,
    record: Record,
    edited_record: EditedRecord,
    retry_id: RetryId,
    retry_run_id: RetryRunId,
    skip_reason: SkipReason,
    skipped_by: SkippedBy,
    quarantine_id: QuarantineId,
    group_id: GroupId,
    exchange_id: ExchangeId,
    impact: Impact,
    impact_reason: ImpactReason,
    value_at_stake: ValueAtStake,
    record_removed_at: RecordRemovedAt,
});

/// What each row has.
const OWN: Columns = Columns::at(Column::Id as usize).and(Columns::at(Column::TenantId as usize));

/// What of each failure somebody looks at: by default everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FailureParts {
    columns: Columns,
    /// `record`, and all that is said of its being hidden.
    pub(super) record: bool,
    /// `technical_detail`; without, it is empty where there is one.
    technical_detail: bool,
    /// `responsible_party` and `suggested_action`; without, the one is what the code says, whoever was given the group since, and
    /// the other empty.
    pub(super) standing: bool,
    /// `summary`; without, it is empty.
    pub(super) summary: bool,
    /// `redactions`; without, there are none.
    pub(super) redactions: bool,
}

impl FailureParts {
    /// Nothing but which it is, and whose.
    pub const NONE: Self = Self {
        columns: OWN,
        record: false,
        technical_detail: false,
        standing: false,
        summary: false,
        redactions: false,
    };

    /// Everything.
    pub const ALL: Self = Self {
        columns: Columns::ALL,
        record: true,
        technical_detail: true,
        standing: true,
        summary: true,
        redactions: true,
    };

    /// With what a field of this name is made of, as the API names it. Of one that is not known here that is every column, but
    /// records and error chains, of which it is then known whether there is one.
    #[must_use]
    pub fn and(mut self, field: &str) -> Self {
        match field {
            "record" => self.record = true,
            "technicalDetail" => self.technical_detail = true,
            "redactions" => {
                (self.record, self.technical_detail, self.redactions) = (true, true, true);
            }
            "responsibleParty" | "suggestedAction" => self.standing = true,
            "summary" => self.summary = true,
            _ => {}
        }
        match columns_of(field) {
            Some(columns) => {
                self.columns =
                    columns.iter().fold(self.columns, |all, column| all.and(Columns::at(*column as usize)));
                self
            }
            None => Self { summary: true, redactions: true, ..self }.and_all_columns(),
        }
    }

    /// With every column, for who looks at the rows themselves.
    #[must_use]
    pub fn and_all_columns(self) -> Self {
        Self { columns: Columns::ALL, ..self }
    }

    /// Columns that are read.
    pub(super) fn columns(self) -> Columns {
        self.columns
    }

    /// Columns of which it is enough to know whether there is something in them.
    pub(super) fn marks(self) -> Vec<Column> {
        let mut marks = Vec::new();
        if !self.record {
            marks.extend([Column::Record, Column::EditedRecord]);
        }
        if !self.technical_detail {
            marks.push(Column::TechnicalDetail);
        }
        marks
    }
}

impl Default for FailureParts {
    fn default() -> Self {
        Self::ALL
    }
}

/// What `view.rs` makes a field of, beside the id and the tenant.
fn columns_of(field: &str) -> Option<&'static [Column]> {
    use Column::{
        Attempts, BusinessReference, Category, Code, EditedRecord, ExchangeId, FailedAt, FieldErrors,
        GroupId, Hint, HttpStatus, Impact, ImpactReason, IntegrationId, LastAttemptAt, NextAttemptAt,
        Position, QuarantineId, Record, RecordKey, RecordRemovedAt, ResolvedAt, ResponsibleParty, Retryable,
        RunId, Stage, Status, Stream, TechnicalDetail, ValueAtStake,
    };
    Some(match field {
        "id" | "tenant" => &[],
        "integration" => &[IntegrationId],
        "run" => &[RunId],
        "stream" => &[Stream],
        "businessReference" => &[BusinessReference],
        "quarantine" => &[QuarantineId],
        "group" => &[GroupId],
        "status" => &[Status],
        "category" => &[Category],
        "stage" => &[Stage],
        "code" => &[Code],
        "responsibleParty" => &[ResponsibleParty, GroupId, Code],
        "retryable" => &[Retryable],
        "impact" => &[Impact],
        "impactReason" => &[ImpactReason],
        "valueAtStake" => &[ValueAtStake],
        "summary" => {
            &[BusinessReference, Position, RecordKey, Record, RecordRemovedAt, Code, FieldErrors, Hint]
        }
        "suggestedAction" => &[
            Status,
            Code,
            ResponsibleParty,
            GroupId,
            RecordKey,
            Position,
            Record,
            EditedRecord,
            RecordRemovedAt,
        ],
        "fieldErrors" => &[FieldErrors],
        "attempts" => &[Attempts],
        "failedAt" => &[FailedAt],
        "lastAttemptAt" => &[LastAttemptAt],
        "nextAttemptAt" => &[NextAttemptAt],
        "resolvedAt" => &[ResolvedAt],
        "httpStatus" => &[HttpStatus],
        "technicalDetail" => &[TechnicalDetail],
        "exchange" => &[ExchangeId],
        "record" => &[Record, EditedRecord],
        "recordRemovedAt" => &[RecordRemovedAt],
        "redactions" => &[HttpStatus, TechnicalDetail, ExchangeId, Record, EditedRecord],
        "viewerCanRetry" | "viewerCanEdit" | "viewerCanSkip" => {
            &[Status, Code, RecordKey, Position, Record, EditedRecord, RecordRemovedAt]
        }
        _ => return None,
    })
}
