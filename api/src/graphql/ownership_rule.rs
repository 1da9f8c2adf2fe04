//! Rules of ownership: who gets groups of failures.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::id::Kind;
use domain::ownership_rule::{self, Matches, NewOwnershipRule, OwnershipRuleChanges, RuleSelectors};

use super::caller::{actor, loaders};
use super::contact::Contact;
use super::error::{Result, UserError, outcome};
use super::failure::ResponsibleParty;
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid, uuids};

/// Who gets a group of failures when it begins or is handed over. Of each owner's rules the first one that fits counts. The
/// operator's are asked first: they say which party acts, and who of the operator has the group. A tenant's say who of the
/// tenant has what is not with the operator, where the operator's say nothing.
#[derive(Clone)]
pub struct OwnershipRule(pub(super) ownership_rule::OwnershipRule);

/// Who gets a group of failures when it begins or is handed over. Of each owner's rules the first one that fits counts. The
/// operator's are asked first: they say which party acts, and who of the operator has the group. A tenant's say who of the
/// tenant has what is not with the operator, where the operator's say nothing.
#[Object]
impl OwnershipRule {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::OwnershipRule, self.0.id)
    }

    /// The tenant whose it is; null for the operator's.
    fn tenant_id(&self) -> Option<ID> {
        self.0.tenant_id.map(|tenant| id(Kind::Tenant, tenant))
    }

    /// The smallest is asked first; of two alike the older one.
    fn position(&self) -> i32 {
        i32::try_from(self.0.position).unwrap_or(i32::MAX)
    }

    /// Name for people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Which groups it is about.
    fn selectors(&self) -> OwnershipSelectors {
        let RuleSelectors { codes, connectors, streams, tenant_ids } = self.0.selectors.clone();
        let tenant_ids = tenant_ids.into_iter().map(|tenant| id(Kind::Tenant, tenant)).collect();
        OwnershipSelectors { codes, connectors, streams, tenant_ids }
    }

    /// The operator's: who acts next; null: as usual for the code.
    fn responsible_party(&self) -> Option<ResponsibleParty> {
        self.0.responsible_party.map(Into::into)
    }

    /// Who has it; null: as if there were no rule.
    async fn contact(&self, ctx: &Context<'_>) -> Option<Result<Contact>> {
        let id = self.0.contact_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Contact))
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

/// Which groups a rule is about: what is empty is left open, and all that is not must agree.
#[derive(SimpleObject)]
pub struct OwnershipSelectors {
    /// With one of these codes of the error catalogue, or with one that begins like `destination.*`.
    codes: Vec<String>,
    /// Where the system that failed is of one of these connectors; of failures of neither end, where one of both is.
    connectors: Vec<String>,
    /// Of one of these streams.
    streams: Vec<String>,
    /// The operator's: of these tenants.
    tenant_ids: Vec<ID>,
}

/// Which rules a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct OwnershipRuleFilter {
    /// Those of this tenant.
    tenant_id: Option<ID>,
    /// Whether they are the operator's, of which only staff see any.
    is_operators: Option<bool>,
}

/// By what rules are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum OwnershipRuleOrderField {
    /// As they are asked, each owner's among themselves.
    #[default]
    Position,
}

/// Order of a list of rules; the one that is asked first by default.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct OwnershipRuleOrder {
    /// By what.
    #[graphql(default)]
    field: OwnershipRuleOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

/// How many groups a rule would be about.
#[derive(SimpleObject)]
pub struct OwnershipRuleMatches {
    /// Of those that were looked at.
    count: i32,
    /// The latest that are open, up to as many as were asked for.
    looked_at: i32,
    /// Whether there are more that are open.
    has_more: bool,
}

/// Queries of rules of ownership.
#[derive(Default)]
pub struct OwnershipRuleQuery;

#[Object]
impl OwnershipRuleQuery {
    /// Rules of ownership: of staff everybody's, of others those of their tenants.
    async fn ownership_rules(
        &self,
        ctx: &Context<'_>,
        filter: Option<OwnershipRuleFilter>,
        #[graphql(desc = "In which order; the one that is asked first by default.")] order_by: Option<
            OwnershipRuleOrder,
        >,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<OwnershipRule>> {
        let filter = filter.unwrap_or_default();
        let filter = ownership_rule::OwnershipRuleFilter {
            tenant_id: optional_uuid(Kind::Tenant, filter.tenant_id.as_ref()),
            is_operators: filter.is_operators,
        };
        let direction = match order_by {
            Some(OwnershipRuleOrder { field: OwnershipRuleOrderField::Position, direction }) => direction,
            None => OrderDirection::Asc,
        };
        let page = arguments(first, after, last, before);
        let rows = ownership_rule::list(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, OwnershipRule))
    }

    /// How many of the latest open groups of failures a rule would be about, by its selectors alone. Nothing is changed.
    async fn ownership_rule_matches(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Whose rule it would be; left out: your own tenant's, and of staff the operator's."
        )]
        tenant_id: Option<ID>,
        #[graphql(desc = "Which groups it would be about.")] selectors: OwnershipSelectorsInput,
        #[graphql(default = 1000, desc = "How many groups are looked at, 1 to 1,000.")] first: i32,
    ) -> Result<OwnershipRuleMatches> {
        let tenant_id = optional_uuid(Kind::Tenant, tenant_id.as_ref());
        let found = ownership_rule::matches(&actor(ctx)?, tenant_id, &selectors.decode(), first).await?;
        let Matches { count, looked_at, has_more } = found;
        Ok(OwnershipRuleMatches { count, looked_at, has_more })
    }
}

/// Which groups a rule is about: what is left out or empty is open, and all that is not must agree.
#[derive(InputObject)]
pub struct OwnershipSelectorsInput {
    /// With one of these codes of the error catalogue, or with one that begins like `destination.*`; up to 100.
    #[graphql(default)]
    codes: Vec<String>,
    /// Where the system that failed is of one of these connectors, up to 100; of failures of neither end, where one of both is.
    #[graphql(default)]
    connectors: Vec<String>,
    /// Of one of these streams, up to 100.
    #[graphql(default)]
    streams: Vec<String>,
    /// The operator's: of these tenants, up to 100.
    #[graphql(default)]
    tenant_ids: Vec<ID>,
}

impl OwnershipSelectorsInput {
    fn decode(self) -> RuleSelectors {
        RuleSelectors {
            codes: self.codes,
            connectors: self.connectors,
            streams: self.streams,
            tenant_ids: uuids(Kind::Tenant, &self.tenant_ids),
        }
    }
}

/// A rule to make: with a party or a contact at least.
#[derive(InputObject)]
pub struct CreateOwnershipRuleInput {
    /// Whose it is; left out: your own tenant's, and of staff the operator's. An owner has up to 200.
    tenant_id: Option<ID>,
    /// Name for people: 1 to 200 characters. The history of a group names it.
    name: String,
    /// The smallest is asked first, 0 to 1,000,000; left out: behind all that are there.
    position: Option<i32>,
    /// Which groups it is about; left out: all.
    selectors: Option<OwnershipSelectorsInput>,
    /// The operator's: who acts next.
    responsible_party: Option<ResponsibleParty>,
    /// Who has it: a contact of the same owner.
    contact_id: Option<ID>,
}

/// What changes of a rule; what is left out stays, null clears.
#[derive(InputObject)]
pub struct UpdateOwnershipRuleInput {
    /// Which rule.
    rule_id: ID,
    /// The version that the change is of: another one is refused.
    version: i32,
    /// Name for people: 1 to 200 characters.
    name: Option<String>,
    /// The smallest is asked first, 0 to 1,000,000.
    position: Option<i32>,
    /// Which groups it is about, all of it.
    selectors: Option<OwnershipSelectorsInput>,
    /// The operator's: who acts next.
    responsible_party: MaybeUndefined<ResponsibleParty>,
    /// Who has it: a contact of the same owner.
    contact_id: MaybeUndefined<ID>,
}

/// Which rule to delete.
#[derive(InputObject)]
pub struct DeleteOwnershipRuleInput {
    /// Which rule.
    rule_id: ID,
}

/// A rule of ownership, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct OwnershipRulePayload {
    /// The rule; null when `userErrors` is not empty.
    ownership_rule: Option<OwnershipRule>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl OwnershipRulePayload {
    fn of(result: domain::Result<ownership_rule::OwnershipRule>) -> Result<Self> {
        let (rule, user_errors) = outcome(result)?;
        Ok(Self { ownership_rule: rule.map(OwnershipRule), user_errors })
    }
}

/// The id of what was deleted, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct DeleteOwnershipRulePayload {
    /// What was deleted; null when `userErrors` is not empty.
    deleted_rule_id: Option<ID>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of rules of ownership.
#[derive(Default)]
pub struct OwnershipRuleMutation;

#[Object]
impl OwnershipRuleMutation {
    /// Makes a rule. It counts for groups that begin or are handed over from then on.
    async fn create_ownership_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule.")] input: CreateOwnershipRuleInput,
    ) -> Result<OwnershipRulePayload> {
        let new = NewOwnershipRule {
            tenant_id: optional_uuid(Kind::Tenant, input.tenant_id.as_ref()),
            name: input.name,
            position: input.position.map(Into::into),
            selectors: input.selectors.map(OwnershipSelectorsInput::decode).unwrap_or_default(),
            responsible_party: input.responsible_party.map(Into::into),
            contact_id: optional_uuid(Kind::Contact, input.contact_id.as_ref()),
        };
        OwnershipRulePayload::of(ownership_rule::create(&actor(ctx)?, new).await)
    }

    /// Changes a rule. Groups that are there stay with whom they are.
    async fn update_ownership_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateOwnershipRuleInput,
    ) -> Result<OwnershipRulePayload> {
        let contact_id = match &input.contact_id {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(id) => Some(Some(uuid(Kind::Contact, id))),
        };
        let changes = OwnershipRuleChanges {
            version: input.version,
            name: input.name,
            position: input.position.map(Into::into),
            selectors: input.selectors.map(OwnershipSelectorsInput::decode),
            responsible_party: input.responsible_party.map_value(Into::into).into(),
            contact_id,
        };
        let id = uuid(Kind::OwnershipRule, &input.rule_id);
        OwnershipRulePayload::of(ownership_rule::update(&actor(ctx)?, id, changes).await)
    }

    /// Deletes a rule. Groups that it gave to somebody stay with them.
    async fn delete_ownership_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule.")] input: DeleteOwnershipRuleInput,
    ) -> Result<DeleteOwnershipRulePayload> {
        let id = uuid(Kind::OwnershipRule, &input.rule_id);
        let (deleted, user_errors) = outcome(ownership_rule::delete(&actor(ctx)?, id).await)?;
        Ok(DeleteOwnershipRulePayload { deleted_rule_id: deleted.map(|()| input.rule_id), user_errors })
    }
}
