//! For how long history is kept: what the operator says for all, and for one tenant. Nothing goes that nobody asked to lose, but
//! for lines of the log. What is deleted, and what is kept all the same, stands in `background/retention.rs`. Deliberately
//! absent: receipts of writes, by which a record is known again, and the audit log, whose entries hang together.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::retention::{self, Column, Model};
use entity::tenant;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, EntityTrait, Iterable, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::failure::Failure;
use crate::id::Kind;
use crate::permission::Permission;
use crate::scope::{TxScope, all_set};
use crate::tenant::Tenant;
use crate::validation::Problems;

pub use entity::retention::RetentionKind;

/// Longest retention that can be set, in days.
pub const DAYS_MAX: u32 = 3_650;
/// How long lines of the log are kept when nobody says: until somebody has looked into a failure.
pub const LOG_LINE_DAYS: u32 = 14;

/// For how many days things are kept where a tenant has no number of its own; `None`: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionOptions {
    /// Runs that have ended.
    pub run_days: Option<u32>,
    /// Failures that are dealt with.
    pub failure_days: Option<u32>,
    /// Records of these.
    pub record_days: Option<u32>,
    /// Lines of the log.
    pub log_line_days: Option<u32>,
}

impl Default for RetentionOptions {
    fn default() -> Self {
        Self { run_days: None, failure_days: None, record_days: None, log_line_days: Some(LOG_LINE_DAYS) }
    }
}

impl RetentionOptions {
    /// For how many days one kind is kept; `None`: for ever.
    pub fn days(&self, kind: RetentionKind) -> Option<u32> {
        match kind {
            RetentionKind::Runs => self.run_days,
            RetentionKind::Failures => self.failure_days,
            RetentionKind::Records => self.record_days,
            RetentionKind::LogLines => self.log_line_days,
        }
    }
}

/// How long one kind is kept of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What.
    pub kind: RetentionKind,
    /// For how many days; `None`: for ever.
    pub days: Option<u32>,
    /// Whether it is what the operator says for all.
    pub is_default: bool,
}

/// How long each kind is kept of each tenant.
///
/// # Errors
/// Denied for nobody.
pub async fn by_tenants(actor: &Actor, tenants: &[Uuid]) -> Result<HashMap<Uuid, Vec<Retention>>> {
    let scope = actor.authorize(Permission::TenantRead)?;
    let ids = || tenants.iter().copied();
    let seen: Vec<Uuid> = scope
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.is_in(ids()))
        .tuples::<Uuid>([tenant::Column::Id])
        .await?;
    let own = scope
        .find::<retention::Entity>()
        .filter(Column::TenantId.is_in(ids()))
        .filter(Column::Days.is_not_null())
        .all()
        .await?;
    let own: HashMap<(Uuid, RetentionKind), u32> =
        own.iter().filter_map(|row| Some(((row.tenant_id, row.kind), own_days(row)?))).collect();
    let options = scope.app().retention();
    let of = |tenant_id| {
        let kinds = RetentionKind::iter().map(|kind| match own.get(&(tenant_id, kind)) {
            Some(days) => Retention { kind, days: Some(*days), is_default: false },
            None => Retention { kind, days: options.days(kind), is_default: true },
        });
        (tenant_id, kinds.collect::<Vec<_>>())
    };
    Ok(seen.into_iter().map(of).collect())
}

/// When the record of a failure will have been kept long enough, by how long its tenant keeps things: it goes within a day
/// then. `None` while the failure is not dealt with, where it has no record, and where that is kept for ever.
pub fn record_expires_at(failure: &Failure, kept: &[Retention]) -> Option<DateTime<Utc>> {
    if !failure.has_record {
        return None;
    }
    let ends = |kept: &&Retention| matches!(kept.kind, RetentionKind::Records | RetentionKind::Failures);
    let days = kept.iter().filter(ends).filter_map(|kept| kept.days).min()?;
    failure.resolved_at.map(|at| at + Duration::days(days.into()))
}

/// Says how long one kind is kept of a tenant, 1 to [`DAYS_MAX`] days; `None` for what the operator says for all. What has been
/// kept longer already goes from now on.
///
/// # Errors
/// Denied without `tenants:manage`. Rejected: `NOT_FOUND` tenantId; `INVALID` days.
pub async fn set(actor: &Actor, tenant_id: Uuid, kind: RetentionKind, days: Option<i32>) -> Result<Tenant> {
    let scope = actor.authorize(Permission::TenantManage)?;
    let not_found = || Error::not_found("tenantId", "tenant");
    let row = scope
        .find::<tenant::Entity>()
        .of_id(tenant::Column::Id, tenant_id)
        .one()
        .await?
        .ok_or_else(not_found)?;
    let mut problems = Problems::default();
    if let Some(days) = days
        && !(1..=DAYS_MAX.cast_signed()).contains(&days)
    {
        let message =
            format!("is {days}; it must be from 1 to {DAYS_MAX} days, or null for what the operator says");
        problems.add(ProblemCode::Invalid, "days", message);
    }
    problems.check()?;
    let now = scope.app().clock().now();
    let tx = scope.begin(tenant_id).await?.ok_or_else(not_found)?;
    let own = tx
        .find::<retention::Entity>()
        .filter(Column::Kind.eq(kind))
        .one(tx.connection())
        .await
        .doing("reading how long something is kept")?;
    let fresh = Model {
        tenant_id,
        kind,
        days,
        next_at: now,
        round_at: now,
        position_at: None,
        position_id: None,
        // Of another time what goes is announced anew.
        told_until: own.filter(|own| own.days == days).and_then(|own| own.told_until),
    };
    store(&tx, fresh).await?;
    let name = sea_orm::ActiveEnum::to_value(&kind);
    let detail = match days {
        Some(days) => format!("{name}: {days} days"),
        None => format!("{name}: what holds for all"),
    };
    tx.about(Kind::Tenant, tenant_id).detail(detail).commit().await?;
    Ok(row)
}

#[expect(clippy::disallowed_methods, reason = "an upsert of a row of the tenant")]
async fn store(tx: &TxScope, row: Model) -> Result<()> {
    retention::Entity::insert(all_set::<retention::Entity>(row))
        .on_conflict(
            OnConflict::columns([Column::TenantId, Column::Kind])
                .update_columns([Column::Days, Column::NextAt, Column::ToldUntil])
                .to_owned(),
        )
        .exec_without_returning(tx.connection())
        .await
        .doing("storing how long something is kept")?;
    Ok(())
}

/// For how many days any tenant keeps one kind, the longest; `None` when somebody keeps it for ever. What is older may still be
/// there for good reasons, such as the events of runs that a failure is open of: see `background/retention.rs`.
///
/// # Errors
/// [`Error::Internal`] when the database can't be read.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(crate) async fn kept_longest(app: &App, kind: RetentionKind) -> Result<Option<u32>> {
    let connection = app.across_tenants().reader();
    let default = app.retention().days(kind);
    let own = Query::select()
        .expr(Expr::val(1))
        .from(retention::Entity)
        .and_where(
            Expr::col((retention::Entity, Column::TenantId)).equals((tenant::Entity, tenant::Column::Id)),
        )
        .and_where(Column::Kind.eq(kind))
        .and_where(Column::Days.is_not_null())
        .to_owned();
    if default.is_none() {
        let for_ever = tenant::Entity::find()
            .filter(Expr::exists(own).not())
            .limit(1)
            .one(connection)
            .await
            .doing("looking for a tenant that keeps everything")?;
        if for_ever.is_some() {
            return Ok(None);
        }
    }
    let longest: Option<Option<i32>> = retention::Entity::find()
        .select_only()
        .column_as(Column::Days.max(), "days")
        .filter(Column::Kind.eq(kind))
        .filter(Column::Days.is_not_null())
        .into_tuple()
        .one(connection)
        .await
        .doing("reading how long things are kept")?;
    let longest = longest.flatten().and_then(|days| u32::try_from(days).ok());
    Ok(Ord::max(longest, default))
}

fn own_days(row: &Model) -> Option<u32> {
    row.days.and_then(|days| u32::try_from(days).ok())
}

/// For how many days the kind of a row is kept, by its own number or what the setting says; `None`: for ever.
pub(crate) fn days_of(app: &App, row: &Model) -> Option<u32> {
    own_days(row).or_else(|| app.retention().days(row.kind))
}
