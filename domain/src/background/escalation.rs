//! What only time brings to groups that nobody takes up: the next step, a warning, the end of a promised time. Every worker
//! looks, without a leader: of two that see the same group the second one finds that it is due no more. What was due while no
//! program ran is caught up one step at a time.

use chrono::{DateTime, Duration, Utc};
use entity::failure::ResponsibleParty;
use entity::failure_group::{self, FailureGroupStatus};
use entity::integration::{self, IntegrationStatus};
use entity::sla_clock::SlaEnd;
use entity::tenant::{self, TenantStatus};
use entity::{escalation, escalation_policy};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Background;
use super::failure_group::lock;
use super::transaction::BatchTx;
use crate::error::{Doing, Result};
use crate::escalation::course::Course;
use crate::escalation::follow::{locked, store};
use crate::escalation::{GroupState, is_over, telling};
use crate::escalation_policy::{POLICIES_MAX, chosen, standard};
use crate::failure_group::{activity, assigned, changed, is_ours};
use crate::health::status::refresh_in;
use crate::insert::upsert_rows;
use crate::ownership_rule::{Subject, decide};
use crate::scope::TxScope;

/// Groups that one tick looks at, each in a transaction of its own.
const DUE_MAX: u64 = 100;
/// When a group is looked at again that could not be, in seconds.
const AGAIN_SECONDS: i64 = 120;
/// When a group of a suspended tenant is looked at again, in seconds: nobody can do anything about it meanwhile.
const SUSPENDED_AGAIN_SECONDS: i64 = 600;
/// Groups that one call adopts.
const ADOPTED_MAX: u64 = 500;

/// A group without a course: its id and tenant, how far it is, and who acts next.
type Found = (Uuid, Uuid, FailureGroupStatus, ResponsibleParty);

impl Background {
    /// Looks at some groups that are due. Answers with how many, and whether there may be more. One that can't be looked at
    /// keeps none of the others from it.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; what was done stands.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub async fn tick_escalations(&self) -> Result<(u64, bool)> {
        use escalation::Column;
        let now = self.app().clock().now();
        let due: Vec<(Uuid, Uuid, Option<DateTime<Utc>>)> = escalation::Entity::find()
            .select_only()
            .columns([Column::GroupId, Column::TenantId, Column::ChosenAt])
            .filter(Column::NextAt.lte(now))
            .order_by_asc(Column::NextAt)
            .limit(DUE_MAX)
            .into_tuple()
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading groups that nobody takes up")?;
        let policies = match due.iter().any(|(_, _, chosen_at)| chosen_at.is_none()) {
            true => self.escalation_policies().await?,
            false => Vec::new(),
        };
        for (group_id, tenant_id, chosen_at) in &due {
            // Policies were read where it had none.
            let policies = chosen_at.is_none().then_some(policies.as_slice());
            match self.escalate(*group_id, *tenant_id, policies).await {
                Ok(()) => {}
                Err(error) if error.outage().is_some() => return Err(error),
                Err(error) => {
                    tracing::error!(
                        tenant.id = %tenant_id, group.id = %group_id, error = &error as &dyn std::error::Error,
                        "a group was not escalated; it is tried again in two minutes"
                    );
                    self.put_escalation_off(*group_id, now).await?;
                }
            }
        }
        Ok((due.len() as u64, due.len() as u64 == DUE_MAX))
    }

    /// Gives those groups a course that an earlier program made without one, from now on, and makes the standard policy where
    /// it is missing. Answers with how many groups.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub async fn adopt_into_escalation(&self) -> Result<u64> {
        use failure_group::Column;
        let tx = BatchTx::begin(self.app()).await?;
        let now = tx.now();
        standard::ensure(tx.connection(), now).await?;
        let known = Query::select()
            .expr(Expr::val(1))
            .from(escalation::Entity)
            .and_where(
                Expr::col((escalation::Entity, escalation::Column::GroupId))
                    .equals((failure_group::Entity, Column::Id)),
            )
            .to_owned();
        // Nobody takes those up any more.
        let archived = Query::select()
            .expr(Expr::val(1))
            .from(integration::Entity)
            .and_where(
                Expr::col((integration::Entity, integration::Column::Id))
                    .equals((failure_group::Entity, Column::IntegrationId)),
            )
            .and_where(integration::Column::Status.eq(IntegrationStatus::Archived))
            .to_owned();
        let groups: Vec<Found> = failure_group::Entity::find()
            .select_only()
            .columns([Column::Id, Column::TenantId, Column::Status, Column::ResponsibleParty])
            .filter(Column::Status.is_not_in([FailureGroupStatus::Resolved, FailureGroupStatus::Ignored]))
            .filter(Column::FailureCount.gt(0))
            .filter(Column::MergedIntoId.is_null())
            .filter(Expr::exists(known).not())
            .filter(Expr::exists(archived).not())
            .limit(ADOPTED_MAX)
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading groups without a course")?;
        let adopted = groups.len() as u64;
        let begun = |(id, tenant_id, status, party): Found| {
            let row = Course::begin(tenant_id, id, 1, now);
            // Somebody of the operator is at it, and can't say so again.
            if status == FailureGroupStatus::Acknowledged && is_ours(party) {
                let (answered_at, answered_by) = (Some(now), Some(SlaEnd::Acknowledged));
                return escalation::Model { answered_at, answered_by, ..row };
            }
            row
        };
        let rows = groups.into_iter().map(begun).collect();
        let doing = "storing the escalation of groups";
        let unless_there = "ON CONFLICT (group_id) DO NOTHING";
        upsert_rows::<escalation::Entity>(tx.connection(), rows, unless_there, doing).await?;
        tx.commit().await?;
        Ok(adopted)
    }

    /// In the order in which they are looked at.
    #[expect(clippy::disallowed_methods, reason = "a named function of the operator's rows")]
    async fn escalation_policies(&self) -> Result<Vec<escalation_policy::Model>> {
        use escalation_policy::Column;
        escalation_policy::Entity::find()
            .filter(Column::IsEnabled.eq(true))
            .filter(Column::TenantId.is_null())
            .order_by_asc(Column::Position)
            .order_by_asc(Column::Id)
            .limit(POLICIES_MAX)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading policies of escalation")
    }

    /// Does what is due of one group; `policies` are those it may get, where it may have none yet.
    async fn escalate(
        &self,
        group_id: Uuid,
        tenant_id: Uuid,
        policies: Option<&[escalation_policy::Model]>,
    ) -> Result<()> {
        use failure_group::Column;
        let tx = TxScope::begin(self.app(), tenant_id).await?;
        // What was merged into it goes with it.
        let which = Condition::any().add(Column::Id.eq(group_id)).add(Column::MergedIntoId.eq(group_id));
        let groups = lock(&tx, which.clone()).await?;
        let Some(group) = groups.get(&group_id) else { return Ok(()) };
        let now = tx.app().clock().now();
        let mut courses = locked(&tx, [group_id]).await?;
        // Another worker was here first, or somebody has done something.
        let Some(course) = courses.get_mut(&group_id).filter(|course| is_due(course, now)) else {
            return Ok(());
        };
        if is_over(group.status) || group.merged_into_id.is_some() {
            // Its end went by an earlier program.
            course.stop(SlaEnd::Resolved, now);
            store(&tx, courses.into_values()).await?;
            return tx.commit().await;
        }
        match hindrance(&tx, group).await? {
            None => {}
            Some(Hindrance::IsArchived) => {
                course.stop(SlaEnd::Ignored, now);
                store(&tx, courses.into_values()).await?;
                return tx.commit().await;
            }
            Some(Hindrance::IsSuspended) => {
                course.row.next_at = Some(now + Duration::seconds(SUSPENDED_AGAIN_SECONDS));
                store(&tx, courses.into_values()).await?;
                return tx.commit().await;
            }
        }
        let state = GroupState::of(group);
        if course.row.chosen_at.is_none() {
            // It began anew since it was seen to be due.
            let Some(policies) = policies else { return Ok(()) };
            course.choose(chosen(policies, group), state, now);
        }
        for (clock, alarm) in course.judge(now) {
            telling::alarm(&tx, group, &clock, alarm).await?;
            tx.tell_after_commit(changed(group));
        }
        let due = course.due(now);
        let leads_on = due.as_ref().is_some_and(|step| Course::leads_on(step, group.responsible_party));
        match due {
            None => course.stand(state, now),
            Some(step) => {
                let to = if leads_on { step.party } else { group.responsible_party };
                let since = course.row.waits_since.unwrap_or(course.row.started_at);
                let count = course.row.told_count.saturating_add(1);
                let mut assignee = None;
                if leads_on {
                    let subject = Subject {
                        integration_id: group.integration_id,
                        stream: &group.stream,
                        code: &group.code,
                    };
                    assignee = decide(&tx, &subject, Some(to)).await?.assignee;
                    let assignee_id = assignee.as_ref().map(|assignee| assignee.id);
                    tx.update::<failure_group::Entity>()
                        .col_expr(Column::ResponsibleParty, Expr::value(to))
                        .col_expr(Column::AssigneeId, Expr::value(assignee_id))
                        .filter(which)
                        .exec(tx.connection())
                        .await
                        .doing("handing a group over")?;
                }
                telling::escalated(&tx, group, to, since, count).await?;
                if let Some(assignee) = assignee.filter(|assignee| Some(assignee.id) != group.assignee_id) {
                    activity::store(&tx, group, assigned(assignee)).await?;
                }
                course.advance(GroupState { party: to, ..state }, now);
                tx.tell_after_commit(changed(group));
            }
        }
        store(&tx, courses.into_values()).await?;
        if leads_on {
            // Whether it waits for the customer.
            refresh_in(&tx, [group.integration_id]).await?;
        }
        tx.commit().await
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn put_escalation_off(&self, group_id: Uuid, now: DateTime<Utc>) -> Result<()> {
        use escalation::Column;
        let again = now + Duration::seconds(AGAIN_SECONDS);
        escalation::Entity::update_many()
            .col_expr(Column::NextAt, Expr::value(Some(again)))
            .filter(Column::GroupId.eq(group_id))
            .filter(Column::NextAt.lte(now))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("putting the escalation of a group off")?;
        Ok(())
    }
}

/// Why nobody is told of a group that nobody takes up.
enum Hindrance {
    /// The integration has left the lists for good, and its groups with it.
    IsArchived,
    /// The tenant is suspended, and may be resumed.
    IsSuspended,
}

async fn hindrance(tx: &TxScope, group: &failure_group::Model) -> Result<Option<Hindrance>> {
    let doing = "looking whether a group is still to be taken up";
    let integration = tx
        .find::<integration::Entity>()
        .filter(integration::Column::Id.eq(group.integration_id))
        .one(tx.connection())
        .await
        .doing(doing)?;
    if integration.is_some_and(|integration| integration.status == IntegrationStatus::Archived) {
        return Ok(Some(Hindrance::IsArchived));
    }
    let tenant = tx
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(group.tenant_id))
        .one(tx.connection())
        .await
        .doing(doing)?;
    let is_suspended = tenant.is_some_and(|tenant| tenant.status == TenantStatus::Suspended);
    Ok(is_suspended.then_some(Hindrance::IsSuspended))
}

fn is_due(course: &Course, now: DateTime<Utc>) -> bool {
    course.row.next_at.is_some_and(|at| at <= now)
}
