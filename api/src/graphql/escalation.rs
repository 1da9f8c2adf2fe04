//! How far groups of failures are escalated, the clocks of what was promised, and how promises were kept.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::escalation;
use domain::id::Kind;

use super::caller::actor;
use super::error::Result;
use super::failure::ResponsibleParty;
use super::scalar::{BigInt, DateTime, id, optional_uuid};

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "escalation::SlaKind")]
pub enum SlaKind {
    /// That somebody does something.
    Response,
    /// That it is over.
    Resolution,
}

/// What came of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "escalation::SlaOutcome")]
pub enum SlaOutcome {
    /// It was kept.
    Met,
    /// The time was up.
    Breached,
}

/// Why a clock does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "escalation::SlaPause")]
pub enum SlaPause {
    /// The customer acts next.
    WaitingOnCustomer,
    /// The maker of another system does.
    WaitingOnThirdParty,
    /// Somebody wants to hear of it later.
    Snoozed,
}

/// What ended a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "escalation::SlaEnd")]
pub enum SlaEnd {
    /// Somebody said that they are at it.
    Acknowledged,
    /// Somebody handed it over.
    HandedOver,
    /// Somebody said something.
    Commented,
    /// Somebody retried failures of it.
    Retried,
    /// Somebody wants to hear of it later.
    Snoozed,
    /// It was over.
    Resolved,
    /// Nobody wants to hear of it.
    Ignored,
    /// It became a part of another group, whose clocks go on.
    Merged,
}

/// How far a group of failures is escalated. Staff only.
#[derive(Clone, Debug, SimpleObject)]
pub struct Escalation {
    /// Id of the policy that the group began with, which may have been deleted since; null: no policy was for it.
    policy_id: Option<ID>,
    /// Its name then.
    policy_name: Option<String>,
    /// When the group began, the last time.
    started_at: DateTime,
    /// How often it was told since then that nobody has taken it up.
    step: i32,
    /// When it is told next; null: it is not, as things stand.
    next_at: Option<DateTime>,
    /// Who is to have it then; one that has it already, or stands further up, is reminded.
    next_party: Option<ResponsibleParty>,
    /// Since when somebody is at it; null: nobody is.
    acknowledged_at: Option<DateTime>,
    /// When it was over; null: it is not.
    stopped_at: Option<DateTime>,
}

impl Escalation {
    pub(super) fn of(escalation: escalation::Escalation) -> Self {
        Self {
            policy_id: escalation.policy_id.map(|policy| id(Kind::EscalationPolicy, policy)),
            policy_name: escalation.policy_name,
            started_at: escalation.started_at.into(),
            step: escalation.told_count,
            next_at: escalation.next_at.map(Into::into),
            next_party: escalation.next_party.map(Into::into),
            acknowledged_at: escalation.acknowledged_at.map(Into::into),
            stopped_at: escalation.stopped_at.map(Into::into),
        }
    }
}

/// A promise of the operator about a group of failures. Its clock runs while the operator acts next, and not while it waits for
/// the customer, for the maker of another system, or until a snooze ends.
#[derive(Clone, Debug, SimpleObject)]
pub struct SlaClock {
    /// What is promised.
    kind: SlaKind,
    /// When the group began, the last time.
    started_at: DateTime,
    /// By when, as things stand; null while the clock does not run, and when it has ended.
    due_at: Option<DateTime>,
    /// Why it does not run; null: it runs, or has ended.
    paused_because: Option<SlaPause>,
    /// How much of the time is used. Staff only.
    spent_seconds: Option<BigInt>,
    /// How much time was promised. Staff only.
    target_seconds: Option<BigInt>,
    /// When staff were told that most of it is used. Staff only.
    warned_at: Option<DateTime>,
    /// What came of it; null while that is open.
    outcome: Option<SlaOutcome>,
    /// When it ended; null: it has not.
    ended_at: Option<DateTime>,
    /// By what. Staff only.
    ended_by: Option<SlaEnd>,
}

impl SlaClock {
    pub(super) fn of(clock: escalation::SlaClock) -> Self {
        Self {
            kind: clock.kind.into(),
            started_at: clock.started_at.into(),
            due_at: clock.due_at.map(Into::into),
            paused_because: clock.paused_because.map(Into::into),
            spent_seconds: clock.spent_seconds.map(Into::into),
            target_seconds: clock.target_seconds.map(Into::into),
            warned_at: clock.warned_at.map(Into::into),
            outcome: clock.outcome.map(Into::into),
            ended_at: clock.ended_at.map(Into::into),
            ended_by: clock.ended_by.map(Into::into),
        }
    }
}

/// How often one promise to a tenant was kept.
#[derive(Clone, Debug, SimpleObject)]
pub struct SlaReportLine {
    /// Whom it was promised to.
    tenant_id: ID,
    /// What was promised.
    kind: SlaKind,
    /// How often it was kept.
    met: BigInt,
    /// How often the time was up.
    breached: BigInt,
    /// How often that is open.
    open: BigInt,
    /// How long the one in the middle ran of the clocks that have ended; null: none has.
    median_seconds: Option<BigInt>,
}

/// Queries of escalation.
#[derive(Default)]
pub struct EscalationQuery;

#[Object]
impl EscalationQuery {
    /// How promises were kept about groups of failures that began in a time, for each tenant and kind of promise: up to 2,000
    /// lines.
    async fn sla_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this tenant; left out: of all.")] tenant_id: Option<ID>,
        #[graphql(desc = "From when on; left out: 30 days before `to`.")] from: Option<DateTime>,
        #[graphql(desc = "Until before when, at most 92 days later; left out: now.")] to: Option<DateTime>,
    ) -> Result<Vec<SlaReportLine>> {
        let tenant_id = optional_uuid(Kind::Tenant, tenant_id.as_ref());
        let lines =
            escalation::report(&actor(ctx)?, tenant_id, from.map(|at| at.0), to.map(|at| at.0)).await?;
        Ok(lines
            .into_iter()
            .map(|line| SlaReportLine {
                tenant_id: id(Kind::Tenant, line.tenant_id),
                kind: line.kind.into(),
                met: line.met.into(),
                breached: line.breached.into(),
                open: line.open.into(),
                median_seconds: line.median_ms.map(|ms| BigInt(ms / 1_000)),
            })
            .collect())
    }
}
