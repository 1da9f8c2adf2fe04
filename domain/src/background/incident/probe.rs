//! Who tries a system while it is away: where no run waits that would, one that the outage ended is retried now and then, so
//! that its return is seen.

use chrono::Duration;
use entity::failure::{self, FailureStatus};
use entity::incident_entry::IncidentEntryKind;
use entity::integration::{self, IntegrationStatus};
use entity::job::{self, JobStatus};
use entity::{incident, incident_system};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::Background;
use super::super::circuit::OPEN_MAX;
use super::super::reconnection::TakenUp;
use super::ended::Ended;
use crate::error::{Doing, Result};
use crate::incident::timeline::{NewEntry, enter};
use crate::incident::update_rows;
use crate::scope::TxScope;

/// Systems among which one is chosen.
const SYSTEMS_MAX: u64 = 1_000;
/// Systems that are looked at for a run in one turn; the next one begins behind the first of them.
const LOOKED_AT_MAX: usize = 20;
/// Who retries a run to see whether the system answers.
const BY: &str = "Trestle, to see whether the other system answers again";

impl Background {
    /// Retries one run that the outage ended, where none is under way, or begins before the next turn, that would try the
    /// system.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub(super) async fn probe(&self, incident: &incident::Model) -> Result<()> {
        use incident::Column;
        let now = self.app().clock().now();
        if incident.probe_at.is_some_and(|at| at > now) {
            return Ok(());
        }
        let writer = self.app().across_tenants().writer();
        let mut failing = incident_system::Entity::find()
            .filter(incident_system::Column::IncidentId.eq(incident.id))
            .filter(incident_system::Column::LastFailedAt.is_not_null())
            .order_by_asc(incident_system::Column::Id)
            .limit(SYSTEMS_MAX)
            .all(writer)
            .await
            .doing("looking for systems that failed")?;
        if failing.is_empty() {
            return Ok(());
        }
        let next = now + self.probe_wait(incident.probe_count);
        let turn = update_rows()
            .col_expr(Column::ProbeAt, Expr::value(Some(next)))
            .filter(Column::Id.eq(incident.id));
        let turn = match incident.probe_at {
            Some(at) => turn
                .col_expr(Column::ProbeCount, Expr::value(incident.probe_count.saturating_add(1)))
                .filter(Column::ProbeAt.eq(at)),
            None => turn.filter(Column::ProbeAt.is_null()),
        };
        let taken = turn.exec(writer).await.doing("taking the turn to try a system")?;
        // The first time only says when.
        if taken.rows_affected == 0 || incident.probe_at.is_none() {
            return Ok(());
        }
        let of = |side: integration::Column| {
            let systems = Query::select()
                .column(incident_system::Column::SystemId)
                .from(incident_system::Entity)
                .and_where(incident_system::Column::IncidentId.eq(incident.id))
                .and_where(incident_system::Column::LastFailedAt.is_not_null())
                .to_owned();
            Query::select()
                .column(integration::Column::Id)
                .from(integration::Entity)
                .and_where(side.in_subquery(systems))
                .to_owned()
        };
        let (reading, writing) = (of(integration::Column::SourceId), of(integration::Column::DestinationId));
        let under_way = job::Entity::find()
            .filter(
                job::Column::Status
                    .eq(JobStatus::Running)
                    .or(job::Column::Status.eq(JobStatus::Queued).and(job::Column::AvailableAt.lte(next))),
            )
            .filter(
                job::Column::IntegrationId
                    .in_subquery(reading)
                    .or(job::Column::IntegrationId.in_subquery(writing)),
            )
            .limit(1)
            .one(writer)
            .await
            .doing("looking for a run that tries a system")?;
        if under_way.is_some() {
            return Ok(());
        }
        // Each turn begins with another system, so that one that goes on failing hides no other.
        let first = usize::try_from(incident.probe_count).unwrap_or(0) % failing.len();
        failing.rotate_left(first);
        for row in failing.iter().take(LOOKED_AT_MAX) {
            if self.probe_one(&Ended { incident, row }).await? {
                let text = "No run waited that would try the system: one that it ended does.";
                let entry = NewEntry::inside(IncidentEntryKind::Probe, text);
                return enter(writer, incident.id, entry, now).await;
            }
        }
        Ok(())
    }

    /// Retries the run of one system that was tried least lately, and lets its integration go where it is held for that.
    /// Whether there was one.
    async fn probe_one(&self, ended: &Ended<'_>) -> Result<bool> {
        let mut tx = TxScope::begin(self.app(), ended.row.tenant_id).await?;
        let held = ended.held(&tx).await?;
        let may_run = Condition::any()
            .add(failure::Column::IntegrationId.in_subquery(ended.active()))
            .add(failure::Column::IntegrationId.is_in(held));
        let failure: Option<(Uuid, Uuid)> = tx
            .find::<failure::Entity>()
            .select_only()
            .column(failure::Column::Id)
            .column(failure::Column::IntegrationId)
            .filter(failure::Column::Status.eq(FailureStatus::Open))
            .filter(ended.failures(self.app()))
            .filter(may_run)
            .order_by_asc(failure::Column::LastAttemptAt)
            .order_by_asc(failure::Column::Id)
            .limit(1)
            .into_tuple()
            .one(tx.connection())
            .await
            .doing("looking for a run that a system ended")?;
        let Some((failure_id, integration_id)) = failure else { return Ok(false) };
        let mut taken_up = TakenUp::default();
        // A retry of one that is held would wait for a person.
        if taken_up.let_go(&mut tx, integration_id).await? != IntegrationStatus::Active {
            return Ok(false);
        }
        let this = Condition::all().add(failure::Column::Id.eq(failure_id));
        if taken_up.retry(&mut tx, BY, this).await?.is_none() {
            return Ok(false);
        }
        taken_up.settle(&tx, ended.row.system_id).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Between two runs that try a system which is away: twice as long each time.
    fn probe_wait(&self, probes: i32) -> Duration {
        let first = Duration::from_std(self.app().retry_wait()).unwrap_or(OPEN_MAX) * 2;
        let doublings = Ord::min(u32::try_from(probes).unwrap_or(0), 16);
        let wait = first.checked_mul(2_i32.saturating_pow(doublings));
        wait.map_or(OPEN_MAX, |wait| Ord::min(wait, OPEN_MAX))
    }
}
