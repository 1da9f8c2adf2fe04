//! Deletes events that every integration has read, and that are kept long enough: in small batches, since each is a row of
//! its own.

use std::sync::Arc;

use chrono::TimeDelta;
use entity::{webhook_endpoint, webhook_event};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::take::{end_bytes, settled_in};
use super::{KEPT_BYTES_MAX, KEPT_DAYS, KEPT_EVENTS_MAX};
use crate::app::App;
use crate::error::{Doing, Result};
use crate::identity;
use crate::scope::TxScope;

/// Events that one transaction deletes: writers wait for it on SQLite.
const EVENTS_MAX: i64 = 500;
/// Transactions for one system in a row; the next purge goes on. As many events as an endpoint takes in ten minutes.
const BATCHES_MAX: usize = 240;

/// Deletes them of every system, in background work. Returns how many went.
pub(crate) async fn purge(app: &Arc<App>) -> Result<u64> {
    let endpoints = identity::find::<webhook_endpoint::Entity>()
        .filter(ExprTrait::gt(
            Expr::col(webhook_endpoint::Column::LastSequence),
            Expr::col(webhook_endpoint::Column::PurgedSequence),
        ))
        .all(app.across_tenants().reader())
        .await
        .doing("reading webhook endpoints")?;
    let mut purged = 0;
    for endpoint in endpoints {
        for _ in 0..BATCHES_MAX {
            let count = purge_some(app, &endpoint).await?;
            purged += count;
            if count < EVENTS_MAX.unsigned_abs() {
                break;
            }
        }
    }
    Ok(purged)
}

async fn purge_some(app: &Arc<App>, endpoint: &webhook_endpoint::Model) -> Result<u64> {
    let tx = TxScope::begin(app, endpoint.tenant_id).await?;
    // Read again, and locked: cursors may be set back meanwhile, and events come.
    let endpoint = tx
        .find::<webhook_endpoint::Entity>()
        .filter(webhook_endpoint::Column::Id.eq(endpoint.id))
        .lock_exclusive()
        .one(tx.connection())
        .await
        .doing("locking a webhook endpoint")?;
    let Some(endpoint) = endpoint else { return Ok(0) };
    let of_system = webhook_event::Column::SystemId.eq(endpoint.system_id);
    // Of a system that sends a lot, what is read does not fill the disk for days.
    let may_go = Condition::any()
        .add(webhook_event::Column::ReceivedAt.lt(app.clock().now() - TimeDelta::days(KEPT_DAYS)))
        .add(webhook_event::Column::Sequence.lte(endpoint.last_sequence - KEPT_EVENTS_MAX))
        .add(webhook_event::Column::EndBytes.lte(endpoint.received_bytes - KEPT_BYTES_MAX));
    let until: Option<i64> = tx
        .find::<webhook_event::Entity>()
        .select_only()
        .column(webhook_event::Column::Sequence)
        .filter(of_system.clone())
        .filter(webhook_event::Column::Sequence.lte(endpoint.purged_sequence + EVENTS_MAX))
        .filter(may_go)
        .order_by_desc(webhook_event::Column::Sequence)
        .limit(1)
        .into_tuple()
        .one(tx.connection())
        .await
        .doing("looking for events that may go")?;
    let Some(until) = until else { return Ok(0) };
    let until = Ord::min(until, settled_in(&tx, endpoint.system_id).await?);
    if until <= endpoint.purged_sequence {
        return Ok(0);
    }
    let bytes = end_bytes(&tx, endpoint.system_id, until).await?;
    let deleted = tx
        .delete::<webhook_event::Entity>()
        .filter(of_system)
        .filter(webhook_event::Column::Sequence.lte(until))
        .exec(tx.connection())
        .await
        .doing("deleting events")?;
    tx.update::<webhook_endpoint::Entity>()
        .col_expr(webhook_endpoint::Column::PurgedSequence, Expr::value(until))
        .col_expr(webhook_endpoint::Column::PurgedBytes, Expr::value(bytes))
        .filter(webhook_endpoint::Column::Id.eq(endpoint.id))
        .exec(tx.connection())
        .await
        .doing("storing which events are gone")?;
    tx.commit().await?;
    Ok(deleted.rows_affected)
}
