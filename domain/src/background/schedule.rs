//! Ticks of schedules: each due integration gets one queued run, however many workers tick and however long
//! nobody did.

use entity::integration::{self, IntegrationStatus};
use entity::run::{self, RunScope, RunStatus, RunTrigger};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::Background;
use crate::dispatch::Priority;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::run::NewRun;
use crate::schedule::Schedule;
use crate::scope::TxScope;

/// Integrations that one tick takes.
const ROWS_MAX: u64 = 200;

impl Background {
    /// Queues the runs whose time has come. Answers with how many.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; what was done stands.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub async fn tick_schedules(&self) -> Result<u64> {
        let now = self.app().clock().now();
        let due = integration::Entity::find()
            .filter(integration::Column::Status.eq(IntegrationStatus::Active))
            .filter(integration::Column::NextRunAt.lte(now))
            .order_by_asc(integration::Column::NextRunAt)
            .limit(ROWS_MAX)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading schedules that are due")?;
        let mut queued = 0;
        for integration in due {
            let next = match (&integration.schedule_cron, &integration.schedule_time_zone) {
                (Some(cron), Some(zone)) => {
                    Schedule::stored(integration.id, cron, zone).and_then(|schedule| schedule.next_after(now))
                }
                _ => None,
            };
            let mut tx = TxScope::begin(self.app(), integration.tenant_id).await?;
            // The tick is taken by whoever moves `next_run_at`; the others move nothing.
            let taken = tx
                .update::<integration::Entity>()
                .col_expr(integration::Column::NextRunAt, Expr::value(next))
                .filter(integration::Column::Id.eq(integration.id))
                .filter(integration::Column::NextRunAt.eq(integration.next_run_at))
                .filter(integration::Column::Status.eq(IntegrationStatus::Active))
                .exec(tx.connection())
                .await
                .doing("taking a tick")?;
            if taken.rows_affected == 0 {
                continue;
            }
            let waiting = tx
                .find::<run::Entity>()
                .filter(run::Column::IntegrationId.eq(integration.id))
                .filter(run::Column::Status.eq(RunStatus::Queued))
                .filter(run::Column::Trigger.eq(RunTrigger::Schedule))
                .limit(1)
                .one(tx.connection())
                .await
                .doing("looking for a queued run")?;
            if waiting.is_none() {
                crate::run::create(
                    &mut tx,
                    NewRun {
                        id: new_id(),
                        integration: &integration,
                        trigger: RunTrigger::Schedule,
                        triggered_by: "the schedule",
                        scope: RunScope::AllRecords,
                        retry_of_id: None,
                        retry_id: None,
                        backfill_id: None,
                        reconciliation_id: None,
                        priority: Priority::Normal,
                    },
                )
                .await?;
                queued += 1;
            }
            tx.commit().await?;
        }
        Ok(queued)
    }
}
