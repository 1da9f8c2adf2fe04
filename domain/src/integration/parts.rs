//! What of integrations is asked for. What is not is not read: of their streams, which have mappings and rules and are most of a
//! row, only whether there are any.

use entity::integration::{self, Column, IntegrationStatus, ReconcilePolicy, StreamList};

use crate::scope::{Columns, sparse};

sparse!(integration {
    id: Id,
    tenant_id: TenantId,
    name: Name,
    description: Description,
    status: Status or IntegrationStatus::Paused,
    status_reason: StatusReason,
    source_id: SourceId,
    destination_id: DestinationId,
    streams: Streams or StreamList(Vec::new()),
    schedule_cron: ScheduleCron,
    schedule_time_zone: ScheduleTimeZone,
    next_run_at: NextRunAt,
    retry_attempts: RetryAttempts,
    retry_wait_seconds: RetryWaitSeconds,
    retry_wait_seconds_max: RetryWaitSecondsMax,
    progress_timeout_seconds: ProgressTimeoutSeconds,
    hold_after: HoldAfter,
    reconcile: Reconcile or ReconcilePolicy::Never,
    kpis: Kpis,
    failed_run_count: FailedRunCount,
    held_at: HeldAt,
    hold_failure_id: HoldFailureId,
    created_at: CreatedAt,
    updated_at: UpdatedAt,
});

/// What each row has.
const OWN: Columns = Columns::at(Column::Id as usize).and(Columns::at(Column::TenantId as usize));

/// What of each integration somebody looks at: by default everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntegrationParts {
    columns: Columns,
    /// `streams`; without, there are none.
    streams: bool,
    /// `kpis`; without, there are none. With the streams, which say what of it is classified and told to nobody.
    kpis: bool,
}

impl IntegrationParts {
    /// Nothing but which it is, and whose.
    pub const NONE: Self = Self { columns: OWN, streams: false, kpis: false };

    /// Everything.
    pub const ALL: Self = Self { columns: Columns::ALL, streams: true, kpis: true };

    /// With what a field of this name is made of, as the API names it. Of one that is not known here that is every column, but
    /// streams and KPIs.
    #[must_use]
    pub fn and(mut self, field: &str) -> Self {
        match field {
            "streams" => self.streams = true,
            "kpis" => self.kpis = true,
            _ => {}
        }
        match columns_of(field) {
            Some(columns) => {
                self.columns =
                    columns.iter().fold(self.columns, |all, column| all.and(Columns::at(*column as usize)));
                self
            }
            None => self.and_all_columns(),
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
        if !self.streams && !self.kpis {
            marks.push(Column::Streams);
        }
        if !self.kpis {
            marks.push(Column::Kpis);
        }
        marks
    }
}

impl Default for IntegrationParts {
    fn default() -> Self {
        Self::ALL
    }
}

/// What a field is made of, beside the id and the tenant.
fn columns_of(field: &str) -> Option<&'static [Column]> {
    use Column::{
        CreatedAt, Description, DestinationId, FailedRunCount, HoldAfter, Name, NextRunAt, Reconcile,
        ScheduleCron, ScheduleTimeZone, SourceId, Status, StatusReason, UpdatedAt,
    };
    Some(match field {
        // What stands under or beside it.
        "id"
        | "tenant"
        | "actions"
        | "runs"
        | "failures"
        | "failureGroups"
        | "backfills"
        | "quarantines"
        | "reconciliations"
        | "latestReconciliation"
        | "health"
        | "contacts"
        | "healthTargets" => &[],
        "name" => &[Name],
        "description" => &[Description],
        "status" => &[Status],
        "statusReason" => &[StatusReason],
        "source" => &[SourceId],
        "destination" => &[DestinationId],
        "schedule" => &[ScheduleCron, ScheduleTimeZone, NextRunAt, Status],
        "holdAfter" => &[HoldAfter],
        "failedRunCount" => &[FailedRunCount],
        "reconcile" => &[Reconcile],
        "createdAt" => &[CreatedAt],
        "updatedAt" => &[UpdatedAt],
        _ => return None,
    })
}
