//! How far groups are escalated, and how the clocks of what was promised stand. Staff read all of it; a tenant by when it has an
//! answer, whether that waits for somebody, and what came of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::failure::ResponsibleParty;
use entity::failure_group::{self, FailureGroupStatus};
use entity::sla_clock::{SlaEnd, SlaKind, SlaOutcome};
use entity::{escalation, sla_clock};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use uuid::Uuid;

use super::clock::spent_ms;
use super::{GroupState, SlaPause};
use crate::actor::Actor;
use crate::error::Result;
use crate::permission::Permission;
use crate::scope::Scope;

/// How far the escalation of a group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// The policy that it began with; it may have been deleted since.
    pub policy_id: Option<Uuid>,
    /// Its name then; `None` where no policy was for the group.
    pub policy_name: Option<String>,
    /// When the group began, the last time.
    pub started_at: DateTime<Utc>,
    /// How often it was told that nobody has taken it up.
    pub told_count: i32,
    /// When it is told next; `None`: it is not, as things stand.
    pub next_at: Option<DateTime<Utc>>,
    /// Who has it then.
    pub next_party: Option<ResponsibleParty>,
    /// Since when somebody is at it.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub stopped_at: Option<DateTime<Utc>>,
}

impl Escalation {
    fn of(row: escalation::Model) -> Self {
        let index = usize::try_from(row.step_index).unwrap_or(usize::MAX);
        let next = row.steps.0.get(index).filter(|_| row.step_at.is_some());
        Self {
            next_party: next.map(|step| step.party),
            policy_id: row.policy_id,
            policy_name: row.policy_name,
            started_at: row.started_at,
            told_count: row.told_count,
            next_at: row.step_at,
            acknowledged_at: row.acknowledged_at,
            stopped_at: row.stopped_at,
        }
    }
}

/// A clock of the operator, as a viewer reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlaClock {
    /// What is measured.
    pub kind: SlaKind,
    /// When the group began.
    pub started_at: DateTime<Utc>,
    /// By when, if it goes on running.
    pub due_at: Option<DateTime<Utc>>,
    /// Why it does not run; `None`: it runs, or has ended.
    pub paused_because: Option<SlaPause>,
    /// How much is used; staff only.
    pub spent_seconds: Option<i64>,
    /// Of how much; staff only.
    pub target_seconds: Option<i64>,
    /// When staff were warned; staff only.
    pub warned_at: Option<DateTime<Utc>>,
    /// What came of it.
    pub outcome: Option<SlaOutcome>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// By what; staff only.
    pub ended_by: Option<SlaEnd>,
}

/// How far the escalation of each group is.
///
/// # Errors
/// Denied without `escalations:read`.
pub async fn by_groups(actor: &Actor, groups: &[Uuid]) -> Result<HashMap<Uuid, Escalation>> {
    let scope = actor.authorize(Permission::EscalationRead)?;
    let these = escalation::Column::GroupId.is_in(groups.iter().copied());
    let rows = scope.find::<escalation::Entity>().filter(these).all().await?;
    Ok(rows.into_iter().map(|row| (row.group_id, Escalation::of(row))).collect())
}

/// The clocks of each group since it began the last time: the answer first.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn clocks_by_groups(actor: &Actor, groups: &[Uuid]) -> Result<HashMap<Uuid, Vec<SlaClock>>> {
    use sla_clock::Column;
    let scope = actor.authorize(Permission::FailureRead)?;
    let latest = Query::select()
        .expr(Expr::val(1))
        .from(escalation::Entity)
        .and_where(
            Expr::col((escalation::Entity, escalation::Column::GroupId))
                .equals((sla_clock::Entity, Column::GroupId)),
        )
        .and_where(
            Expr::col((escalation::Entity, escalation::Column::Episode))
                .equals((sla_clock::Entity, Column::Episode)),
        )
        .to_owned();
    let clocks = scope
        .find::<sla_clock::Entity>()
        .filter(Column::GroupId.is_in(groups.iter().copied()))
        .filter(Expr::exists(latest))
        .order_by(Column::Id, Order::Asc)
        .all()
        .await?;
    if clocks.is_empty() {
        return Ok(HashMap::new());
    }
    let states = states(&scope, clocks.iter().map(|clock| clock.group_id).collect()).await?;
    let (is_told_all, now) = (actor.may(Permission::EscalationRead), scope.app().clock().now());
    let mut by_group: HashMap<Uuid, Vec<SlaClock>> = HashMap::new();
    for clock in clocks {
        let pause = states.get(&clock.group_id).and_then(|state| state.pause());
        let shown = SlaClock {
            kind: clock.kind,
            started_at: clock.started_at,
            due_at: clock.due_at.filter(|_| clock.ended_at.is_none()),
            paused_because: pause.filter(|_| clock.ended_at.is_none()),
            spent_seconds: is_told_all.then(|| spent_ms(&clock, now) / 1_000),
            target_seconds: is_told_all.then_some(clock.target_ms / 1_000),
            warned_at: clock.warned_at.filter(|_| is_told_all),
            outcome: clock.outcome,
            ended_at: clock.ended_at,
            ended_by: clock.ended_by.filter(|_| is_told_all),
        };
        by_group.entry(clock.group_id).or_default().push(shown);
    }
    Ok(by_group)
}

async fn states(scope: &Scope, groups: Vec<Uuid>) -> Result<HashMap<Uuid, GroupState>> {
    use failure_group::Column;
    let rows: Vec<(Uuid, FailureGroupStatus, ResponsibleParty)> = scope
        .find::<failure_group::Entity>()
        .filter(Column::Id.is_in(groups))
        .tuples([Column::Id, Column::Status, Column::ResponsibleParty])
        .await?;
    Ok(rows.into_iter().map(|(id, status, party)| (id, GroupState { status, party })).collect())
}
