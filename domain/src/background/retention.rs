//! Deletes what has been kept long enough: of one tenant and kind at a time, the oldest first, in small steps. A step is one
//! transaction, which looks at a bounded number of rows behind the last that was looked at, and deletes of them what nothing
//! needs any more. Who has a step has the row of `retention` locked, and others go on elsewhere; rows that somebody else has
//! locked are left for the next round. How long things are kept stands in `domain/src/retention.rs`.
//!
//! Whole months of `run_event` and `log_line` are dropped by `background/partition.rs`.

mod expiring;
mod failure;
mod log_line;
mod record;
mod run;

use std::time::{Duration as StdDuration, Instant};

use chrono::{DateTime, Duration, Utc};
use entity::retention::{self, Column, RetentionKind};
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, Order, SimpleExpr};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, EntityTrait, Iterable, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use uuid::Uuid;

use super::Background;
use crate::error::{Doing, Result};
use crate::retention::{days_of, kept_longest};
use crate::scope::{TenantOwned, TxScope};

/// For how long one call goes on, because others wait for it.
const TURN: StdDuration = StdDuration::from_secs(2);
/// Tenants that it looks for at once, of each kind.
const DUE_MAX: u64 = 20;
/// Tenants that get their rows at once.
const TENANTS_MAX: i64 = 500;
/// How long a tenant is left alone once nothing more is to go.
const PAUSE_HOURS: i64 = 6;
/// After so many hours what was kept the last time is looked at again.
const ROUND_HOURS: i64 = 24;

/// Rows that one call deleted, or of which it deleted the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Runs.
    pub runs: u64,
    /// Failures.
    pub failures: u64,
    /// Failures without their record now.
    pub records: u64,
    /// Lines of the log.
    pub log_lines: u64,
    /// There is more, for which there was no time.
    pub is_more: bool,
}

impl Removed {
    /// How many of each kind, as metrics name it.
    pub fn by_kind(&self) -> [(&'static str, u64); 4] {
        [
            ("runs", self.runs),
            ("failures", self.failures),
            ("records", self.records),
            ("log_lines", self.log_lines),
        ]
    }

    fn add(&mut self, kind: RetentionKind, rows: u64) {
        *match kind {
            RetentionKind::Runs => &mut self.runs,
            RetentionKind::Failures => &mut self.failures,
            RetentionKind::Records => &mut self.records,
            RetentionKind::LogLines => &mut self.log_lines,
        } += rows;
    }
}

/// A row in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    at: DateTime<Utc>,
    id: Uuid,
}

impl Position {
    /// Rows behind it, by these columns.
    fn before(self, at: impl ColumnTrait, id: impl ColumnTrait) -> SimpleExpr {
        let row = |at: Expr, id: Expr| Expr::tuple([at, id]);
        row(Expr::col(at), Expr::col(id)).gt(row(Expr::value(self.at), Expr::value(self.id)))
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// Rows that are gone.
    removed: u64,
    /// The next step begins behind this row; `None`: at the oldest.
    until: Option<Position>,
    /// Nothing more is old enough.
    is_over: bool,
}

impl Background {
    /// Deletes what has been kept long enough, for some seconds at most.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; what was deleted stays so.
    pub async fn retain(&self) -> Result<Removed> {
        let begun = Instant::now();
        let mut removed = Removed::default();
        self.take_tenants_in().await?;
        loop {
            let due = self.due_retention().await?;
            let mut did_something = false;
            for (tenant_id, kind) in due {
                if begun.elapsed() >= TURN {
                    removed.is_more = true;
                    return Ok(removed);
                }
                match self.retention_step(tenant_id, kind).await {
                    Ok(Some(rows)) => {
                        removed.add(kind, rows);
                        did_something = true;
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(
                            tenant.id = %tenant_id,
                            kind = kind.to_value(),
                            error = &error as &dyn std::error::Error,
                            "what has been kept long enough could not be deleted; it is tried again in an hour"
                        );
                        self.put_retention_off(tenant_id, kind).await?;
                    }
                }
            }
            if !did_something {
                return Ok(removed);
            }
        }
    }

    /// For how many days any tenant keeps one kind, the longest; `None` when somebody keeps it for ever.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be read.
    pub async fn kept_longest(&self, kind: RetentionKind) -> Result<Option<u32>> {
        kept_longest(self.app(), kind).await
    }

    /// Makes the rows of tenants that have none, of kinds for which the operator says something.
    async fn take_tenants_in(&self) -> Result<()> {
        let now = self.app().clock().now();
        let connection = self.app().across_tenants().writer();
        for kind in RetentionKind::iter() {
            if self.app().retention().days(kind).is_none() {
                continue;
            }
            let values = [kind.to_value().into(), now.into(), TENANTS_MAX.into()];
            let statement =
                Statement::from_sql_and_values(connection.get_database_backend(), TAKEN_IN, values);
            connection.execute_raw(statement).await.doing("taking tenants into retention")?;
        }
        Ok(())
    }

    /// What is to be looked at, the longest due first.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn due_retention(&self) -> Result<Vec<(Uuid, RetentionKind)>> {
        let now = self.app().clock().now();
        let mut due: Vec<retention::Model> = Vec::new();
        for kind in RetentionKind::iter() {
            let mut select = retention::Entity::find().filter(Column::Kind.eq(kind));
            if self.app().retention().days(kind).is_none() {
                select = select.filter(Column::Days.is_not_null());
            }
            let of_kind = select
                .filter(Column::NextAt.lte(now))
                .order_by(Column::NextAt, Order::Asc)
                .limit(DUE_MAX)
                .all(self.app().across_tenants().writer())
                .await
                .doing("looking for what has been kept long enough")?;
            due.extend(of_kind);
        }
        due.sort_by_key(|row| row.next_at);
        Ok(due.into_iter().map(|row| (row.tenant_id, row.kind)).collect())
    }

    /// Lets others go on where one can't; an error where nobody can.
    async fn put_retention_off(&self, tenant_id: Uuid, kind: RetentionKind) -> Result<()> {
        let tx = TxScope::begin(self.app(), tenant_id).await?;
        let next_at = self.app().clock().now() + Duration::hours(1);
        tx.update::<retention::Entity>()
            .col_expr(Column::NextAt, Expr::value(next_at))
            .filter(Column::Kind.eq(kind))
            .exec(tx.connection())
            .await
            .doing("putting off what could not be deleted")?;
        tx.commit().await
    }

    /// One step; answers with how many rows are gone, or `None` when somebody else is at it.
    async fn retention_step(&self, tenant_id: Uuid, kind: RetentionKind) -> Result<Option<u64>> {
        let tx = TxScope::begin(self.app(), tenant_id).await?;
        let now = self.app().clock().now();
        let row = tx
            .find::<retention::Entity>()
            .filter(Column::Kind.eq(kind))
            .filter(Column::NextAt.lte(now))
            .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked)
            .one(tx.connection())
            .await
            .doing("taking a turn of retention")?;
        let Some(row) = row else { return Ok(None) };
        let Some(days) = days_of(self.app(), &row) else { return Ok(None) };
        let before = now - Duration::days(days.into());
        let after = row.position_at.zip(row.position_id).map(|(at, id)| Position { at, id });
        let step = match kind {
            RetentionKind::Runs => run::step(&tx, before, after).await?,
            RetentionKind::Failures => failure::step(&tx, before, after).await?,
            RetentionKind::Records => record::step(&tx, before, after).await?,
            RetentionKind::LogLines => log_line::step(&tx, before).await?,
        };
        let told_until =
            if step.is_over { expiring::tell(&tx, &row, days, now).await? } else { row.told_until };
        let begins_anew = step.is_over
            && matches!(kind, RetentionKind::Runs | RetentionKind::Failures)
            && now - row.round_at >= Duration::hours(ROUND_HOURS);
        let position = step.until.filter(|_| !begins_anew);
        let pause = if step.is_over { Duration::hours(PAUSE_HOURS) } else { Duration::zero() };
        tx.update::<retention::Entity>()
            .col_expr(Column::NextAt, Expr::value(now + pause))
            .col_expr(Column::RoundAt, Expr::value(if begins_anew { now } else { row.round_at }))
            .col_expr(Column::PositionAt, Expr::value(position.map(|position| position.at)))
            .col_expr(Column::PositionId, Expr::value(position.map(|position| position.id)))
            .col_expr(Column::ToldUntil, Expr::value(told_until))
            .filter(Column::Kind.eq(kind))
            .exec(tx.connection())
            .await
            .doing("storing how far retention has come")?;
        tx.commit().await?;
        if step.removed > 0 {
            tracing::debug!(
                tenant.id = %tenant_id,
                kind = kind.to_value(),
                removed = step.removed,
                "what had been kept long enough was deleted"
            );
        }
        Ok(Some(step.removed))
    }
}

/// Deletes at most so many rows of one table that belong to some others by `of`. Whether none is left.
async fn delete_some<E: TenantOwned>(
    tx: &TxScope,
    (of, owners): (E::Column, &[Uuid]),
    id: E::Column,
    rows_max: u64,
) -> Result<bool> {
    let ids: Vec<Uuid> = tx
        .find::<E>()
        .select_only()
        .column(id)
        .filter(of.is_in(owners.iter().copied()))
        .limit(rows_max)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for what belongs to something that is deleted")?;
    let is_last = (ids.len() as u64) < rows_max;
    if !ids.is_empty() {
        tx.delete::<E>()
            // Also by what it has an index for, whichever that is.
            .filter(of.is_in(owners.iter().copied()))
            .filter(id.is_in(ids))
            .exec(tx.connection())
            .await
            .doing("deleting what belongs to something that is deleted")?;
    }
    Ok(is_last)
}

/// Tenants without a row of a kind, found by the key of `retention`; several processes at once are one.
const TAKEN_IN: &str = "\
INSERT INTO retention (tenant_id, kind, next_at, round_at) \
SELECT t.id, $1, $2, $2 FROM tenant AS t \
WHERE NOT EXISTS (SELECT 1 FROM retention AS r WHERE r.tenant_id = t.id AND r.kind = $1) LIMIT $3 \
ON CONFLICT DO NOTHING";
