//! Which checks are due, and who carries them out: one conditional update with a token and a lease. Deliberately absent: the
//! way of a record.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Instant;

use chrono::{DateTime, Utc};
use entity::integration::{self, IntegrationStatus};
use entity::tenant::{self, TenantStatus};
use entity::{kill_switch, synthetic_check, system};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::Background;
use super::super::candidate::engaged;
use super::super::claim::lease_duration;
use super::super::kill_switch::is_reached;
use super::ClaimedCheck;
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::scope::TxScope;

/// When a check is looked at again that something keeps from being carried out, in seconds.
const KEPT_SECONDS: i64 = 60;
/// Checks of one tenant at once, of a worker: its slow destination keeps no other tenant's waiting.
const OF_TENANT_MAX: usize = 2;
/// Due checks that are looked at for each that there is room for.
const LOOKED_AT: u64 = 8;

impl Background {
    /// Checks that are due, claimed for this worker: up to `room`, and few of one tenant, of which so many are under way.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used.
    pub async fn next_synthetic_checks(
        &self,
        room: usize,
        under_way: &HashMap<Uuid, usize>,
    ) -> Result<Vec<ClaimedCheck>> {
        let now = self.app().clock().now();
        let mut busy = under_way.clone();
        let due = self.due_checks(room, &busy, now).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let tenants: HashSet<Uuid> = due.iter().map(|row| row.tenant_id).collect();
        let switches = engaged(self.app().across_tenants().writer(), now, Some(tenants)).await?;
        let mut claimed = Vec::new();
        for row in due {
            let (id, tenant_id) = (row.id, row.tenant_id);
            if claimed.len() >= room {
                break;
            }
            if busy.get(&tenant_id).is_some_and(|count| *count >= OF_TENANT_MAX) {
                continue;
            }
            match self.claim_check(row, &switches, now).await {
                Ok(Some(check)) => {
                    *busy.entry(tenant_id).or_default() += 1;
                    claimed.push(check);
                }
                Ok(None) => {}
                Err(error) if error.outage().is_some() => return Err(error),
                // One that can't be read keeps no other one waiting.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(tenant.id = %tenant_id, check.id = %id, error, "a synthetic check can't be claimed");
                }
            }
        }
        Ok(claimed)
    }

    /// What is paused or held sends nothing, and waits as it is. What may be at a destination is removed all the same.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn due_checks(
        &self,
        room: usize,
        busy: &HashMap<Uuid, usize>,
        now: DateTime<Utc>,
    ) -> Result<Vec<synthetic_check::Model>> {
        use synthetic_check::Column;
        let full = busy.iter().filter(|(_tenant, count)| **count >= OF_TENANT_MAX).map(|(tenant, _)| *tenant);
        let active = Query::select()
            .column(integration::Column::Id)
            .from(integration::Entity)
            .and_where(integration::Column::Status.eq(IntegrationStatus::Active))
            .to_owned();
        let sends = Column::NextAt
            .lte(now)
            .and(Column::RemovedAt.is_null())
            .and(Column::IntegrationId.in_subquery(active));
        let oldest = Func::coalesce([Expr::col(Column::ClearAt), Expr::col(Column::NextAt)]);
        synthetic_check::Entity::find()
            .filter(sends.or(Column::ClearAt.lte(now)))
            .filter(Column::LeaseUntil.is_null().or(Column::LeaseUntil.lt(now)))
            .filter(Column::TenantId.is_not_in(full))
            .order_by_asc(Expr::from(oldest))
            .limit(room as u64 * LOOKED_AT)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading synthetic checks that are due")
    }

    async fn claim_check(
        &self,
        row: synthetic_check::Model,
        switches: &[kill_switch::Model],
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedCheck>> {
        use synthetic_check::Column;
        let doing = "reading what a synthetic check needs";
        let gone = || Error::internal(doing, "a row is not there");
        let tx = TxScope::begin(self.app(), row.tenant_id).await?;
        let tenant = tx.find::<tenant::Entity>().one(tx.connection()).await.doing(doing)?.ok_or_else(gone)?;
        let integration = tx
            .find::<integration::Entity>()
            .filter(integration::Column::Id.eq(row.integration_id))
            .one(tx.connection())
            .await
            .doing(doing)?
            .ok_or_else(gone)?;
        let systems = tx
            .find::<system::Entity>()
            .filter(system::Column::Id.is_in([integration.source_id, integration.destination_id]))
            .all(tx.connection())
            .await
            .doing(doing)?;
        let system = |id: Uuid| systems.iter().find(|system| system.id == id).ok_or_else(gone);
        let (source, destination) = (system(integration.source_id)?, system(integration.destination_id)?);
        let is_active = integration.status == IntegrationStatus::Active;
        if !is_active && row.clear_at.is_none_or(|at| at > now) {
            return Ok(None);
        }
        let is_stopped =
            switches.iter().any(|switch| is_reached(switch, &integration, [source, destination]));
        if tenant.status != TenantStatus::Active || is_stopped {
            put_off(&tx, row.id, now).await?;
            tx.commit().await?;
            return Ok(None);
        }
        let token = new_id();
        let until = now + lease_duration(self.app().lease());
        let claimed_at = Instant::now();
        let claimed = tx
            .update::<synthetic_check::Entity>()
            .col_expr(Column::LeaseToken, Expr::value(Some(token)))
            .col_expr(Column::LeaseUntil, Expr::value(Some(until)))
            .filter(Column::Id.eq(row.id))
            .filter(Column::NextAt.lte(now).or(Column::ClearAt.lte(now)))
            .filter(Column::LeaseUntil.is_null().or(Column::LeaseUntil.lt(now)))
            .exec(tx.connection())
            .await
            .doing("claiming a synthetic check")?;
        if claimed.rows_affected == 0 {
            return Ok(None);
        }
        // As it is now: another worker may have had it since it was read.
        let check = tx
            .find::<synthetic_check::Entity>()
            .filter(Column::Id.eq(row.id))
            .one(tx.connection())
            .await
            .doing(doing)?
            .ok_or_else(gone)?;
        tx.commit().await?;
        let is_due = check.next_at.is_some_and(|at| at <= now);
        Ok(Some(ClaimedCheck {
            app: self.app().clone(),
            sends: is_due && is_active && check.removed_at.is_none(),
            check,
            token,
            renewed_at: Mutex::new(claimed_at),
            destination: destination.clone(),
            integration,
            tenant_slug: tenant.slug,
            started_at: now,
        }))
    }
}

/// What is due of a check is due later.
async fn put_off(tx: &TxScope, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    use synthetic_check::Column;
    let later = now + chrono::Duration::seconds(KEPT_SECONDS);
    for due in [Column::NextAt, Column::ClearAt] {
        tx.update::<synthetic_check::Entity>()
            .col_expr(due, Expr::value(Some(later)))
            .filter(Column::Id.eq(id))
            .filter(due.lte(now))
            .filter(Column::LeaseUntil.is_null().or(Column::LeaseUntil.lt(now)))
            .exec(tx.connection())
            .await
            .doing("putting a synthetic check off")?;
    }
    Ok(())
}
