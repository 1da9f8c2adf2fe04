//! Policies of escalation: what happens to groups of failures that nobody takes up, and by when somebody is to.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::escalation_policy::{
    self, EscalationPolicyChanges, EscalationSelectors, EscalationStep, NewEscalationPolicy, WARN_PERCENT,
};
use domain::id::Kind;

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::failure::{FailureCategory, ResponsibleParty};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{BigInt, DateTime, id, uuid, uuids};

/// What happens to groups of failures that nobody takes up, and by when somebody is to. A group that begins gets the first that
/// is switched on and fits, and keeps it as it was then.
#[derive(Clone)]
pub struct EscalationPolicy(pub(super) escalation_policy::EscalationPolicy);

/// What happens to groups of failures that nobody takes up, and by when somebody is to. A group that begins gets the first that
/// is switched on and fits, and keeps it as it was then.
#[Object]
impl EscalationPolicy {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::EscalationPolicy, self.0.id)
    }

    /// The smallest is asked first; of two alike the older one.
    fn position(&self) -> i32 {
        i32::try_from(self.0.position).unwrap_or(i32::MAX)
    }

    /// Name for people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether groups that begin may get it.
    fn is_enabled(&self) -> bool {
        self.0.is_enabled
    }

    /// Whether it is there by itself; it can be changed and switched off, and not be deleted.
    fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// Which groups it is for.
    fn selectors(&self) -> EscalationSelection {
        let EscalationSelectors { tenant_ids, codes, categories } = self.0.selectors.clone();
        EscalationSelection {
            tenant_ids: tenant_ids.into_iter().map(|tenant| id(Kind::Tenant, tenant)).collect(),
            codes,
            categories: categories.into_iter().map(Into::into).collect(),
        }
    }

    /// What happens, one after the other.
    fn steps(&self) -> Vec<EscalationPolicyStep> {
        let step = |step: &EscalationStep| EscalationPolicyStep {
            after_seconds: BigInt(step.after_seconds),
            party: step.party.into(),
            repeat_count: step.repeat_count,
        };
        self.0.steps.0.iter().map(step).collect()
    }

    /// Somebody does something within so long; null: that is not promised.
    fn respond_within_seconds(&self) -> Option<BigInt> {
        self.0.respond_within_seconds.map(Into::into)
    }

    /// It is over within so long; null: that is not promised.
    fn resolve_within_seconds(&self) -> Option<BigInt> {
        self.0.resolve_within_seconds.map(Into::into)
    }

    /// After how much of either time staff are warned, in percent.
    fn warn_percent(&self) -> i32 {
        self.0.warn_percent
    }

    /// Grows by one with each change; a change names the one that it is of.
    fn version(&self) -> i32 {
        self.0.version
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was last changed.
    fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

/// Which groups a policy is for: what is empty is left open, and all that is not must agree.
#[derive(SimpleObject)]
pub struct EscalationSelection {
    /// Of these tenants.
    tenant_ids: Vec<ID>,
    /// With one of these codes of the error catalogue, or with one that begins like `destination.*`.
    codes: Vec<String>,
    /// With a code of these categories.
    categories: Vec<FailureCategory>,
}

/// What happens when nobody has taken a group up.
#[derive(SimpleObject)]
pub struct EscalationPolicyStep {
    /// So long after the step before, or after the group began.
    after_seconds: BigInt,
    /// Who acts then. Nothing is handed down again from engineering to support or to the customer: such a step is left out.
    /// Whoever has it already is reminded.
    party: ResponsibleParty,
    /// How often that party is reminded, each time after as long, before the next step.
    repeat_count: i32,
}

/// Which policies a list has.
#[derive(Debug, Default, InputObject)]
pub struct EscalationPolicyFilter {
    /// Those that are switched on (true), or off (false).
    is_enabled: Option<bool>,
}

/// By what policies are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum EscalationPolicyOrderField {
    /// As they are asked.
    #[default]
    Position,
}

/// Order of a list of policies; the one that is asked first by default.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct EscalationPolicyOrder {
    /// By what.
    #[graphql(default)]
    field: EscalationPolicyOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

/// Queries of policies of escalation.
#[derive(Default)]
pub struct EscalationPolicyQuery;

#[Object]
impl EscalationPolicyQuery {
    /// Policies of escalation. Staff only.
    async fn escalation_policies(
        &self,
        ctx: &Context<'_>,
        filter: Option<EscalationPolicyFilter>,
        #[graphql(desc = "In which order; the one that is asked first by default.")] order_by: Option<
            EscalationPolicyOrder,
        >,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<EscalationPolicy>> {
        let direction = match order_by {
            Some(EscalationPolicyOrder { field: EscalationPolicyOrderField::Position, direction }) => {
                direction
            }
            None => OrderDirection::Asc,
        };
        let EscalationPolicyFilter { is_enabled } = filter.unwrap_or_default();
        let filter = escalation_policy::EscalationPolicyFilter { is_enabled };
        let page = arguments(first, after, last, before);
        let rows = escalation_policy::list(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, EscalationPolicy))
    }
}

/// Which groups a policy is for: what is left out or empty is open, and all that is not must agree.
#[derive(InputObject)]
pub struct EscalationSelectorsInput {
    /// Of these tenants, up to 100.
    #[graphql(default)]
    tenant_ids: Vec<ID>,
    /// With one of these codes of the error catalogue, or with one that begins like `destination.*`; up to 100.
    #[graphql(default)]
    codes: Vec<String>,
    /// With a code of these categories.
    #[graphql(default)]
    categories: Vec<FailureCategory>,
}

impl EscalationSelectorsInput {
    fn decode(self) -> EscalationSelectors {
        EscalationSelectors {
            tenant_ids: uuids(Kind::Tenant, &self.tenant_ids),
            codes: self.codes,
            categories: self.categories.into_iter().map(Into::into).collect(),
        }
    }
}

/// What happens when nobody has taken a group up.
#[derive(InputObject)]
pub struct EscalationStepInput {
    /// So long after the step before, or after the group began: 1 to 7,948,800 seconds.
    after_seconds: BigInt,
    /// Who acts then. Nothing is handed down again from engineering to support or to the customer: such a step is left out.
    /// Whoever has it already is reminded.
    party: ResponsibleParty,
    /// How often that party is reminded, each time after as long, before the next step: 0 to 10.
    #[graphql(default)]
    repeat_count: i32,
}

fn decode(steps: Vec<EscalationStepInput>) -> Vec<EscalationStep> {
    let step = |step: EscalationStepInput| EscalationStep {
        after_seconds: step.after_seconds.0,
        party: step.party.into(),
        repeat_count: step.repeat_count,
    };
    steps.into_iter().map(step).collect()
}

/// A policy to make: with a step or a promise at least.
#[derive(InputObject)]
pub struct CreateEscalationPolicyInput {
    /// Name for people: 1 to 200 characters.
    name: String,
    /// The smallest is asked first, 0 to 999,999; left out: behind all that are there but the standard one. There are up to
    /// 100.
    position: Option<i32>,
    /// Whether groups that begin may get it.
    #[graphql(default = true)]
    is_enabled: bool,
    /// Which groups it is for; left out: all.
    selectors: Option<EscalationSelectorsInput>,
    /// What happens, one after the other; up to 10.
    #[graphql(default)]
    steps: Vec<EscalationStepInput>,
    /// Somebody does something within so long: 1 to 7,948,800 seconds; left out: that is not promised.
    respond_within_seconds: Option<BigInt>,
    /// It is over within so long: 1 to 7,948,800 seconds; left out: that is not promised.
    resolve_within_seconds: Option<BigInt>,
    /// After how much of either time staff are warned, 1 to 100 percent.
    #[graphql(default_with = "WARN_PERCENT")]
    warn_percent: i32,
}

/// What changes of a policy; what is left out stays, null clears.
#[derive(InputObject)]
pub struct UpdateEscalationPolicyInput {
    /// Which policy.
    policy_id: ID,
    /// The version that the change is of: another one is refused.
    version: i32,
    /// Name for people: 1 to 200 characters.
    name: Option<String>,
    /// The smallest is asked first, 0 to 999,999; the standard one stands at 1,000,000.
    position: Option<i32>,
    /// Whether groups that begin may get it.
    is_enabled: Option<bool>,
    /// Which groups it is for, all of it.
    selectors: Option<EscalationSelectorsInput>,
    /// What happens, all of it; up to 10.
    steps: Option<Vec<EscalationStepInput>>,
    /// Somebody does something within so long: 1 to 7,948,800 seconds.
    respond_within_seconds: MaybeUndefined<BigInt>,
    /// It is over within so long: 1 to 7,948,800 seconds.
    resolve_within_seconds: MaybeUndefined<BigInt>,
    /// After how much of either time staff are warned, 1 to 100 percent.
    warn_percent: Option<i32>,
}

/// Which policy to delete.
#[derive(InputObject)]
pub struct DeleteEscalationPolicyInput {
    /// Which policy.
    policy_id: ID,
}

/// A policy of escalation, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct EscalationPolicyPayload {
    /// The policy; null when `userErrors` is not empty.
    escalation_policy: Option<EscalationPolicy>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl EscalationPolicyPayload {
    fn of(result: domain::Result<escalation_policy::EscalationPolicy>) -> Result<Self> {
        let (policy, user_errors) = outcome(result)?;
        Ok(Self { escalation_policy: policy.map(EscalationPolicy), user_errors })
    }
}

/// The id of what was deleted, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct DeleteEscalationPolicyPayload {
    /// What was deleted; null when `userErrors` is not empty.
    deleted_policy_id: Option<ID>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of policies of escalation.
#[derive(Default)]
pub struct EscalationPolicyMutation;

#[Object]
impl EscalationPolicyMutation {
    /// Makes a policy. It counts for groups that begin from then on.
    async fn create_escalation_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: CreateEscalationPolicyInput,
    ) -> Result<EscalationPolicyPayload> {
        let new = NewEscalationPolicy {
            name: input.name,
            position: input.position.map(Into::into),
            is_enabled: input.is_enabled,
            selectors: input.selectors.map(EscalationSelectorsInput::decode).unwrap_or_default(),
            steps: decode(input.steps),
            respond_within_seconds: input.respond_within_seconds.map(|seconds| seconds.0),
            resolve_within_seconds: input.resolve_within_seconds.map(|seconds| seconds.0),
            warn_percent: input.warn_percent,
        };
        EscalationPolicyPayload::of(escalation_policy::create(&actor(ctx)?, new).await)
    }

    /// Changes a policy. Groups that have it keep it as it was.
    async fn update_escalation_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateEscalationPolicyInput,
    ) -> Result<EscalationPolicyPayload> {
        let changes = EscalationPolicyChanges {
            version: input.version,
            name: input.name,
            position: input.position.map(Into::into),
            is_enabled: input.is_enabled,
            selectors: input.selectors.map(EscalationSelectorsInput::decode),
            steps: input.steps.map(decode),
            respond_within_seconds: input.respond_within_seconds.map_value(|seconds| seconds.0).into(),
            resolve_within_seconds: input.resolve_within_seconds.map_value(|seconds| seconds.0).into(),
            warn_percent: input.warn_percent,
        };
        let id = uuid(Kind::EscalationPolicy, &input.policy_id);
        EscalationPolicyPayload::of(escalation_policy::update(&actor(ctx)?, id, changes).await)
    }

    /// Deletes a policy. Groups that have it keep it.
    async fn delete_escalation_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: DeleteEscalationPolicyInput,
    ) -> Result<DeleteEscalationPolicyPayload> {
        let id = uuid(Kind::EscalationPolicy, &input.policy_id);
        let (deleted, user_errors) = outcome(escalation_policy::delete(&actor(ctx)?, id).await)?;
        Ok(DeleteEscalationPolicyPayload {
            deleted_policy_id: deleted.map(|()| input.policy_id),
            user_errors,
        })
    }
}
