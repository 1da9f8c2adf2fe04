//! What of runs is asked for. Columns that are not are not read.

use entity::run::{self, Column, RunScope, RunStatus, RunTrigger};

use crate::scope::{Columns, sparse};

sparse!(run {
    id: Id,
    tenant_id: TenantId,
    integration_id: IntegrationId,
    status: Status or RunStatus::Queued,
    trigger: Trigger or RunTrigger::Manual,
    triggered_by: TriggeredBy,
    scope: Scope or RunScope::AllRecords,
    retry_of_id: RetryOfId,
    retry_id: RetryId,
    backfill_id: BackfillId,
    reconciliation_id: ReconciliationId,
    queued_at: QueuedAt,
    started_at: StartedAt,
    finished_at: FinishedAt,
    read_count: ReadCount,
    created_count: CreatedCount,
    updated_count: UpdatedCount,
    unchanged_count: UnchangedCount,
    skipped_count: SkippedCount,
    failed_count: FailedCount,
    deleted_count: DeletedCount,
    failure_id: FailureId,
    trace_id: TraceId,
});

/// What each row has.
const OWN: Columns = Columns::at(Column::Id as usize).and(Columns::at(Column::TenantId as usize));

/// What of each run somebody looks at: by default everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunParts {
    columns: Columns,
}

impl RunParts {
    /// Nothing but which it is, and whose.
    pub const NONE: Self = Self { columns: OWN };

    /// Everything.
    pub const ALL: Self = Self { columns: Columns::ALL };

    /// With what a field of this name is made of, as the API names it: of one that is not known here, every column.
    #[must_use]
    pub fn and(self, field: &str) -> Self {
        let Some(columns) = columns_of(field) else { return Self::ALL };
        let add = |all: Columns, column: &Column| all.and(Columns::at(*column as usize));
        Self { columns: columns.iter().fold(self.columns, add) }
    }

    /// Columns that are read.
    pub(super) fn columns(self) -> Columns {
        self.columns
    }
}

impl Default for RunParts {
    fn default() -> Self {
        Self::ALL
    }
}

/// What a field is made of, beside the id and the tenant.
fn columns_of(field: &str) -> Option<&'static [Column]> {
    use Column::{
        BackfillId, CreatedCount, DeletedCount, FailedCount, FailureId, FinishedAt, IntegrationId, QueuedAt,
        ReadCount, ReconciliationId, RetryOfId, SkippedCount, StartedAt, Status, TraceId, Trigger,
        TriggeredBy, UnchangedCount, UpdatedCount,
    };
    Some(match field {
        // What stands under it.
        "id" | "tenant" | "failures" | "quarantines" | "events" | "logs" | "slices" => &[],
        "integration" => &[IntegrationId],
        "status" | "wait" | "nextAttemptAt" => &[Status],
        "trigger" => &[Trigger],
        "triggeredBy" => &[TriggeredBy],
        "retryOf" => &[RetryOfId],
        "backfill" => &[BackfillId],
        "reconciliation" => &[ReconciliationId],
        "queuedAt" => &[QueuedAt],
        "startedAt" => &[StartedAt],
        "finishedAt" => &[FinishedAt],
        "durationMs" => &[StartedAt, FinishedAt],
        "counts" => {
            &[ReadCount, CreatedCount, UpdatedCount, UnchangedCount, SkippedCount, FailedCount, DeletedCount]
        }
        "failure" => &[FailureId],
        "traceId" => &[TraceId],
        _ => return None,
    })
}
