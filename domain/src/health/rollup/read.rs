//! What was rolled up, summed up again: of all, of tenants or of integrations, together or by the hour or day.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use entity::health_rollup;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{Span, Sums};
use crate::app::App;
use crate::database::one_of;
use crate::error::{Doing, Result};
use crate::scope::{Scope, ScopedSelect};

/// Whose rows are summed up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owners<'a> {
    /// All that the scope shows.
    All,
    /// Of these tenants.
    Tenants(&'a [Uuid]),
    /// Of these integrations.
    Integrations(&'a [Uuid]),
}

impl Owners<'_> {
    fn group(self) -> Group {
        match self {
            Self::All => Group::All,
            Self::Tenants(_) => Group::Tenant,
            Self::Integrations(_) => Group::Integration,
        }
    }

    fn narrow(
        self,
        select: ScopedSelect<health_rollup::Entity>,
        span: Span,
    ) -> ScopedSelect<health_rollup::Entity> {
        let select = select.filter(within(span));
        match self {
            Self::All => select,
            Self::Tenants(ids) => select.filter(health_rollup::Column::TenantId.is_in(ids.iter().copied())),
            Self::Integrations(ids) => {
                select.filter(health_rollup::Column::IntegrationId.is_in(ids.iter().copied()))
            }
        }
    }
}

/// What is summed up apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// Nothing: there is one sum, under nil.
    All,
    /// Each tenant.
    Tenant,
    /// Each integration.
    Integration,
}

/// Sums of one class.
#[derive(FromQueryResult)]
struct Line {
    owner: Option<Uuid>,
    begins_at: Option<DateTime<Utc>>,
    duration_class: i16,
    succeeded: i64,
    partial: i64,
    failed: i64,
    canceled: i64,
    duration_ms: i64,
    read: i64,
    created: i64,
    updated: i64,
    unchanged: i64,
    skipped: i64,
    failed_records: i64,
}

impl Sums {
    fn add_line(&mut self, line: &Line) {
        self.succeeded += line.succeeded;
        self.partial += line.partial;
        self.failed += line.failed;
        self.canceled += line.canceled;
        self.read += line.read;
        self.created += line.created;
        self.updated += line.updated;
        self.unchanged += line.unchanged;
        self.skipped += line.skipped;
        self.failed_records += line.failed_records;
        if line.duration_class >= 0 {
            self.read_through += line.read;
        }
        self.durations.add(line.duration_class, line.succeeded + line.partial, line.duration_ms);
    }
}

/// Sums of the rows that a scope shows, by owner.
pub(crate) async fn totals(scope: &Scope, owners: Owners<'_>, span: Span) -> Result<HashMap<Uuid, Sums>> {
    let lines =
        owners.narrow(scope.find(), span).shaped::<Line>(|select| grouped(select, owners.group(), false));
    let mut totals: HashMap<Uuid, Sums> = HashMap::new();
    for line in lines.await? {
        totals.entry(line.owner.unwrap_or_default()).or_default().add_line(&line);
    }
    Ok(totals)
}

/// The same for each period in which runs ended, in their order.
pub(crate) async fn points(
    scope: &Scope,
    owners: Owners<'_>,
    span: Span,
) -> Result<HashMap<Uuid, BTreeMap<DateTime<Utc>, Sums>>> {
    let lines =
        owners.narrow(scope.find(), span).shaped::<Line>(|select| grouped(select, owners.group(), true));
    Ok(by_owner_and_begin(lines.await?))
}

/// The same for background work, of integrations of any tenant.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(crate) async fn points_of_integrations(
    app: &App,
    ids: &[Uuid],
    span: Span,
) -> Result<HashMap<Uuid, BTreeMap<DateTime<Utc>, Sums>>> {
    let reader = app.across_tenants().reader();
    let ids =
        one_of(reader.get_database_backend(), health_rollup::Column::IntegrationId, ids.iter().copied());
    let select = health_rollup::Entity::find().filter(ids).filter(within(span));
    let lines = grouped(select, Group::Integration, true)
        .into_model::<Line>()
        .all(reader)
        .await
        .doing("summing up runs")?;
    Ok(by_owner_and_begin(lines))
}

fn by_owner_and_begin(lines: Vec<Line>) -> HashMap<Uuid, BTreeMap<DateTime<Utc>, Sums>> {
    let mut points: HashMap<Uuid, BTreeMap<DateTime<Utc>, Sums>> = HashMap::new();
    for line in lines {
        let Some(begins_at) = line.begins_at else { continue };
        points
            .entry(line.owner.unwrap_or_default())
            .or_default()
            .entry(begins_at)
            .or_default()
            .add_line(&line);
    }
    points
}

fn within(span: Span) -> sea_orm::Condition {
    use health_rollup::Column;
    sea_orm::Condition::all()
        .add(Column::Period.eq(span.period))
        .add(Column::BeginsAt.gte(span.from))
        .add(Column::BeginsAt.lt(span.before))
}

fn grouped(
    select: sea_orm::Select<health_rollup::Entity>,
    group: Group,
    by_begin: bool,
) -> sea_orm::Select<health_rollup::Entity> {
    use health_rollup::Column;
    use sea_orm::sea_query::ExprTrait;
    let owner = match group {
        Group::All => None,
        Group::Tenant => Some(Column::TenantId),
        Group::Integration => Some(Column::IntegrationId),
    };
    let mut select = select.select_only().column(Column::DurationClass).group_by(Column::DurationClass);
    select = match owner {
        Some(owner) => select.column_as(owner, "owner").group_by(owner),
        None => select.column_as(Expr::cust("CAST(NULL AS uuid)"), "owner"),
    };
    select = match by_begin {
        true => select.column(Column::BeginsAt).group_by(Column::BeginsAt),
        false => select.column_as(Expr::cust("CAST(NULL AS timestamptz)"), "begins_at"),
    };
    for (column, name) in [
        (Column::SucceededCount, "succeeded"),
        (Column::PartialCount, "partial"),
        (Column::FailedCount, "failed"),
        (Column::CanceledCount, "canceled"),
    ] {
        select = select.column_as(Expr::col(column).sum().cast_as("bigint"), name);
    }
    // PostgreSQL sums `bigint` up by 128 bits, which would be half of the work; doubles are exact up to 2^53.
    for (column, name) in [
        (Column::DurationMs, "duration_ms"),
        (Column::ReadCount, "read"),
        (Column::CreatedCount, "created"),
        (Column::UpdatedCount, "updated"),
        (Column::UnchangedCount, "unchanged"),
        (Column::SkippedCount, "skipped"),
        (Column::FailedRecordCount, "failed_records"),
    ] {
        select = select.column_as(Expr::col(column).cast_as("float8").sum().cast_as("bigint"), name);
    }
    select
}
