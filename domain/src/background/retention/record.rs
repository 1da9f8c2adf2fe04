//! Records of failures that were dealt with long enough ago, as read and as edited, and the requests with their replies that
//! these came of. The failure stays, and says when its record was deleted. Of what a quality gate kept the records are those of
//! failures, too. An open failure keeps its record, which a retry writes.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::exchange;
use entity::failure::{self, Column, FailureStatus};
use sea_orm::sea_query::{Condition, Expr, LockBehavior, LockType, Order};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Position, Step};
use crate::error::{Doing, Result};
use crate::scope::TxScope;

/// Failures that one step looks at.
const ROWS_MAX: u64 = 500;
/// How a failure that is dealt with may stand.
pub(super) const OVER: [FailureStatus; 3] =
    [FailureStatus::Resolved, FailureStatus::Skipped, FailureStatus::Superseded];

/// A failure that was dealt with long enough ago.
#[derive(FromQueryResult)]
pub(super) struct Over {
    pub(super) id: Uuid,
    pub(super) run_id: Uuid,
    pub(super) resolved_at: Option<DateTime<Utc>>,
}

impl Over {
    pub(super) fn position(&self) -> Option<Position> {
        self.resolved_at.map(|at| Position { at, id: self.id })
    }
}

pub(super) async fn step(tx: &TxScope, before: DateTime<Utc>, after: Option<Position>) -> Result<Step> {
    let page = over(tx, before, after, ROWS_MAX).await?;
    let is_over = (page.len() as u64) < ROWS_MAX;
    let until = page.last().and_then(Over::position).or(after);
    if page.is_empty() {
        return Ok(Step { removed: 0, until, is_over });
    }
    let has_some = Condition::any().add(Column::Record.is_not_null()).add(Column::EditedRecord.is_not_null());
    let with_record = |condition: Condition| {
        let ids = page.iter().map(|row| row.id);
        tx.find::<failure::Entity>()
            .select_only()
            .column(Column::Id)
            .column(Column::ExchangeId)
            .filter(Column::Id.is_in(ids))
            .filter(Column::Status.is_in(OVER))
            .filter(condition)
    };
    let rows: Vec<(Uuid, Option<Uuid>)> = with_record(has_some.clone().add(Column::ExchangeId.is_not_null()))
        .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("taking failures whose records have been kept long enough")?;
    let (ids, exchanges): (Vec<Uuid>, Vec<Option<Uuid>>) = rows.into_iter().unzip();
    let removed = tx
        .update::<failure::Entity>()
        .col_expr(Column::Record, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::EditedRecord, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::RecordRemovedAt, Expr::value(Some(tx.app().clock().now())))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(has_some.clone())
        .exec(tx.connection())
        .await
        .doing("deleting records of failures")?
        .rows_affected;
    delete_exchanges(tx, exchanges.into_iter().flatten().collect()).await?;
    // What somebody else has locked at this moment is looked at again, and not passed over for good.
    let left: Vec<(Uuid, Option<Uuid>)> = with_record(has_some)
        .limit(1)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for records that are left")?;
    if left.is_empty() {
        Ok(Step { removed, until, is_over })
    } else {
        Ok(Step { removed, until: after, is_over: true })
    }
}

/// The next failures that were dealt with before a time, the longest first.
pub(super) async fn over(
    tx: &TxScope,
    before: DateTime<Utc>,
    after: Option<Position>,
    rows_max: u64,
) -> Result<Vec<Over>> {
    let mut select = tx.find::<failure::Entity>().filter(Column::ResolvedAt.lt(before));
    if let Some(after) = after {
        select = select.filter(after.before(Column::ResolvedAt, Column::Id));
    }
    select
        .select_only()
        .columns([Column::Id, Column::RunId, Column::ResolvedAt])
        .order_by(Column::ResolvedAt, Order::Asc)
        .order_by(Column::Id, Order::Asc)
        .limit(rows_max)
        .into_model()
        .all(tx.connection())
        .await
        .doing("looking for failures that were dealt with long ago")
}

/// Deletes those of these exchanges that no failure came of that is not dealt with.
pub(super) async fn delete_exchanges(tx: &TxScope, ids: HashSet<Uuid>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let needed: Vec<Option<Uuid>> = tx
        .find::<failure::Entity>()
        .select_only()
        .column(Column::ExchangeId)
        .filter(Column::ExchangeId.is_in(ids.iter().copied()))
        .filter(Column::Status.is_not_in(OVER))
        .distinct()
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for failures that share an exchange")?;
    let ids = ids.into_iter().filter(|id| !needed.contains(&Some(*id)));
    tx.delete::<exchange::Entity>()
        .filter(exchange::Column::Id.is_in(ids))
        .exec(tx.connection())
        .await
        .doing("deleting exchanges of failures")?;
    Ok(())
}
