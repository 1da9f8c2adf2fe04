//! Groups of failures: what fails for one cause, who acts next, and what was decided about it.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

mod change;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, Subscription};
use domain::Permission;
use domain::failure::FailureParent;
use domain::failure_group;
use domain::id::Kind;
use domain::incident::waiting_for;
use entity::failure_group::FailureGroupStatus as GroupStatus;
use futures::stream::BoxStream;

pub use self::change::{FailureGroupMutation, FailureGroupPayload};
use super::caller::{actor, loaders};
use super::contact::Contact;
use super::error::{Result, filter_text};
use super::escalation::{Escalation, SlaClock};
use super::failure::{
    Failure, FailureCategory, FailureFilter, FailureOrder, FailureStage, Impact, Redaction, ResponsibleParty,
    failure_list,
};
use super::incident::Incident;
use super::integration::Integration;
use super::live::{self, Watch};
use super::loader::{FailureGroupActivities, Failures};
use super::page::{Connection, Listed, OrderDirection, arguments};
use super::scalar::{BigInt, DateTime, id, optional_uuid, uuid};
use super::tenant::Tenant;
use super::viewer::Audience;

/// How far a group of failures is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::failure_group::FailureGroupStatus")]
pub enum FailureGroupStatus {
    /// Nobody has looked at it, and it is less than a day old.
    New,
    /// It goes on.
    Ongoing,
    /// In this hour there are more than three times as many as in the busiest hour of the last week, and more than 20; or one
    /// has come on which more depends than on those before.
    Escalating,
    /// Somebody is at it.
    Acknowledged,
    /// Somebody wants to hear of it later.
    Snoozed,
    /// It is over: somebody said so, or none of its failures is open and for a while none has come.
    Resolved,
    /// It was over, and is back.
    Regressed,
    /// Nobody wants to hear of it.
    Ignored,
}

/// What was done with a group of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::failure_group_activity::FailureGroupActivityKind")]
pub enum FailureGroupActivityKind {
    /// Its status changed.
    Status,
    /// Another party acts next.
    HandOver,
    /// Groups became one.
    Merge,
    /// Somebody said something.
    Comment,
    /// Somebody has it now, or nobody.
    Assign,
}

/// Failures of one cause: the same integration, stream, code, field and rule, or reason. Ten thousand records that are
/// rejected for one reason are one group.
#[derive(Clone)]
pub struct FailureGroup(pub(super) failure_group::FailureGroup);

/// Failures of one cause: the same integration, stream, code, field and rule, or reason. Ten thousand records that are
/// rejected for one reason are one group.
#[Object]
impl FailureGroup {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::FailureGroup, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// The integration.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Integration> {
        Ok(Integration(loaders(ctx)?.referred(self.0.integration_id, "integration").await?))
    }

    /// Name of the stream; null for failures of runs as a whole that are of none.
    fn stream(&self) -> Option<&str> {
        self.0.stream.as_deref()
    }

    /// Stable code from the error catalogue, e.g. `destination.rejected`.
    fn code(&self) -> &str {
        &self.0.code
    }

    /// Why it happens.
    fn category(&self) -> FailureCategory {
        self.0.category.into()
    }

    /// Where in the pipeline.
    fn stage(&self) -> FailureStage {
        self.0.stage.into()
    }

    /// The field of the records, as a JSON Pointer with `*` for places in lists; null where it is about no field.
    fn field_path(&self) -> Option<&str> {
        self.0.field_path.as_deref()
    }

    /// The rule that the field broke, e.g. `required`.
    fn rule(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    /// What happens, in the customer's words: no stack trace, host name or upstream text.
    fn summary(&self) -> &str {
        &self.0.summary
    }

    /// What this viewer can do about it.
    async fn suggested_action(&self, ctx: &Context<'_>) -> Result<String> {
        let is_over =
            matches!(self.0.status, GroupStatus::Resolved | GroupStatus::Ignored | GroupStatus::Snoozed);
        if let Some(wait) = waiting_for(&actor(ctx)?, &self.0.code).filter(|_| !is_over)
            && loaders(ctx)?.incident_of_group(self.0.id).await?.is_some()
        {
            return Ok(wait);
        }
        Ok(self.0.suggested_action.clone())
    }

    /// What the outside system says, without what is of one record. Audience ENGINEER.
    fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// How far it is.
    fn status(&self) -> FailureGroupStatus {
        self.0.status.into()
    }

    /// Since when.
    fn status_at(&self) -> DateTime {
        self.0.status_at.into()
    }

    /// Who acts next. A tenant reads of the operator no more than that it is the operator.
    fn responsible_party(&self) -> ResponsibleParty {
        self.0.responsible_party.into()
    }

    /// The highest impact of its failures, since it began or was back.
    fn impact(&self) -> Impact {
        self.0.impact.into()
    }

    /// What is at stake with its records together that have not arrived: a decimal number of up to four places, in whatever
    /// unit the field of its stream has; null where there is none.
    fn value_at_stake(&self) -> Option<&str> {
        self.0.value_at_stake.as_deref()
    }

    /// When the first failed.
    fn first_seen_at(&self) -> DateTime {
        self.0.first_seen_at.into()
    }

    /// When one failed last.
    fn last_seen_at(&self) -> DateTime {
        self.0.last_seen_at.into()
    }

    /// How many there have been, open or not.
    fn failure_count(&self) -> BigInt {
        self.0.failure_count.into()
    }

    /// In how many runs.
    fn run_count(&self) -> BigInt {
        self.0.run_count.into()
    }

    /// Snoozed until this time; null: not by time.
    fn snoozed_until(&self) -> Option<DateTime> {
        self.0.snoozed_until.map(Into::into)
    }

    /// Snoozed until `failureCount` is this; null: not by count.
    fn snoozed_until_count(&self) -> Option<BigInt> {
        self.0.snoozed_until_count.map(Into::into)
    }

    /// Snoozed until an hour has so many; null: not by rate.
    fn snoozed_until_hour_count(&self) -> Option<BigInt> {
        self.0.snoozed_until_hour_count.map(Into::into)
    }

    /// When it was resolved; null while it is not.
    fn resolved_at(&self) -> Option<DateTime> {
        self.0.resolved_at.map(Into::into)
    }

    /// The group that it was merged into, which counts what comes; null for one that stands by itself.
    async fn merged_into(&self, ctx: &Context<'_>) -> Option<Result<FailureGroup>> {
        let id = self.0.merged_into_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(FailureGroup))
    }

    /// How far it is escalated. Null to everybody but staff, and in the moment before that begins.
    async fn escalation(&self, ctx: &Context<'_>) -> Option<Result<Escalation>> {
        let of_group = async {
            if !actor(ctx)?.may(Permission::EscalationRead) {
                return Ok(None);
            }
            loaders(ctx)?.escalation(self.0.id).await
        };
        of_group.await.transpose().map(|found| found.map(Escalation::of))
    }

    /// What the operator has promised about it since it began, the last time, and how that stands; empty where nothing is
    /// promised.
    async fn sla(&self, ctx: &Context<'_>) -> Result<Vec<SlaClock>> {
        let clocks = loaders(ctx)?.sla_clocks(self.0.id).await?;
        Ok(clocks.into_iter().map(SlaClock::of).collect())
    }

    /// Who has it; null: nobody that the viewer may see. To a tenant one of the operator's is nobody.
    async fn assignee(&self, ctx: &Context<'_>) -> Option<Result<Contact>> {
        let id = self.0.assignee_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Contact))
    }

    /// The incident under way that it belongs to: the system that its code speaks of is in trouble for others, too. Null
    /// where it belongs to none.
    async fn incident(&self, ctx: &Context<'_>) -> Option<Result<Incident>> {
        let row = async { loaders(ctx)?.incident_of_group(self.0.id).await };
        row.await.transpose().map(|row| row.map(Incident))
    }

    /// Failures in each of the last hours, oldest first; hours without any are left out.
    async fn failures_by_hour(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many hours back: 1 to 336, or to 2,160 where those of all groups asked for are 33,600 at most.",
            default = 24
        )]
        hours: i32,
    ) -> Result<Vec<FailureGroupHour>> {
        let rows = loaders(ctx)?.group_series(self.0.id, hours.into()).await?;
        Ok(rows.into_iter().map(FailureGroupHour::of).collect())
    }

    /// Its failures, and those of what was merged into it.
    async fn failures(
        &self,
        ctx: &Context<'_>,
        filter: Option<FailureFilter>,
        order_by: Option<FailureOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Listed<Failure>> {
        let list = Failures { of: FailureParent::Group, list: failure_list(ctx, filter, order_by)? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Listed::new(page, Failure))
    }

    /// What was done with it and said about it, newest first. Each viewer reads what is meant for their audience.
    async fn activity(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<FailureGroupActivity>> {
        let list = FailureGroupActivities { direction: OrderDirection::default().into() };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, FailureGroupActivity))
    }

    /// Fields of this object that are null only because this viewer may not see them, and why.
    fn redactions(&self) -> Vec<Redaction> {
        Redaction::all(&self.0.redactions)
    }

    /// Whether this viewer can decide about it: a tenant's people can about what is with them. Of what is not they may still
    /// say that it is over.
    fn viewer_can_decide(&self) -> bool {
        self.0.viewer_can_decide
    }
}

/// Failures of one hour.
#[derive(Clone, Debug, SimpleObject)]
pub struct FailureGroupHour {
    /// The beginning of the hour.
    hour_at: DateTime,
    /// Failures in it.
    failure_count: BigInt,
}

impl FailureGroupHour {
    fn of(hour: failure_group::FailureGroupHour) -> Self {
        Self { hour_at: hour.hour_at.into(), failure_count: hour.failure_count.into() }
    }
}

/// Something that was done with a group of failures, or said about it.
#[derive(Clone)]
pub struct FailureGroupActivity(pub(super) failure_group::FailureGroupActivity);

/// Something that was done with a group of failures, or said about it.
#[Object]
impl FailureGroupActivity {
    /// When.
    fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// What.
    fn kind(&self) -> FailureGroupActivityKind {
        self.0.kind.into()
    }

    /// Who may read it.
    fn audience(&self) -> Audience {
        self.0.audience.into()
    }

    /// Who did it; null for Trestle itself. Staff are not named to a tenant.
    fn actor_name(&self) -> Option<&str> {
        self.0.actor_name.as_deref()
    }

    /// The status before, of a change of it; null when the group began.
    async fn from_status(&self) -> Option<FailureGroupStatus> {
        self.0.from_status.map(Into::into)
    }

    /// The status after.
    fn to_status(&self) -> Option<FailureGroupStatus> {
        self.0.to_status.map(Into::into)
    }

    /// Who acted before, of a hand-over.
    async fn from_party(&self) -> Option<ResponsibleParty> {
        self.0.from_party.map(Into::into)
    }

    /// Who acts now.
    fn to_party(&self) -> Option<ResponsibleParty> {
        self.0.to_party.map(Into::into)
    }

    /// The comment, the reason, or what was said with it.
    fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Name of who has it now, of an assignment; null for nobody, and to those who may not read contacts.
    fn assignee_name(&self) -> Option<&str> {
        self.0.assignee_name.as_deref()
    }

    /// Name of the rule of ownership that did it; null where none did. To a tenant the operator's have no names.
    fn rule_name(&self) -> Option<&str> {
        self.0.rule_name.as_deref()
    }
}

/// Which groups are taken; all conditions hold at once. Under an integration they are looked for among its groups, which
/// are as few as the causes of its failures, also in an order other than the usual one; so are an assignee's under a tenant.
#[derive(Debug, Default, InputObject)]
pub struct FailureGroupFilter {
    /// One of these.
    status: Option<Vec<FailureGroupStatus>>,
    /// One of these.
    category: Option<Vec<FailureCategory>>,
    /// One of these; `SUPPORT` and `ENGINEERING` are the same where a tenant asks.
    responsible_party: Option<Vec<ResponsibleParty>>,
    /// One of these codes of the error catalogue.
    code: Option<Vec<String>>,
    /// Of this integration.
    integration_id: Option<ID>,
    /// Of this tenant.
    tenant_id: Option<ID>,
    /// Assigned to this contact.
    assignee_id: Option<ID>,
    /// True: assigned to a contact that is the viewer.
    #[graphql(default)]
    assigned_to_me: bool,
}

impl FailureGroupFilter {
    pub(super) fn decode(self) -> domain::Result<failure_group::FailureGroupFilter> {
        let code =
            self.code.map(|code| code.into_iter().map(filter_text).collect::<domain::Result<Vec<_>>>());
        Ok(failure_group::FailureGroupFilter {
            status: self.status.map(|status| status.into_iter().map(Into::into).collect()),
            category: self.category.map(|category| category.into_iter().map(Into::into).collect()),
            responsible_party: self
                .responsible_party
                .map(|party| party.into_iter().map(Into::into).collect()),
            code: code.transpose()?,
            integration_id: optional_uuid(Kind::Integration, self.integration_id.as_ref()),
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            assignee_id: optional_uuid(Kind::Contact, self.assignee_id.as_ref()),
            assigned_to_me: self.assigned_to_me,
        })
    }
}

/// By what groups of failures are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::failure_group::FailureGroupOrder")]
pub enum FailureGroupOrderField {
    /// By the time of the last failure.
    #[default]
    LastSeenAt,
    /// By the number of failures.
    FailureCount,
    /// By urgency, as in the inbox: how much depends on them, times how many came lately and are not over.
    Urgency,
}

/// Order of a list of groups; the one with the latest failure first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct FailureGroupOrder {
    /// By what.
    #[graphql(default)]
    pub(super) field: FailureGroupOrderField,
    /// Which way.
    #[graphql(default)]
    pub(super) direction: OrderDirection,
}

/// Queries of groups of failures.
#[derive(Default)]
pub struct FailureGroupQuery;

#[Object]
impl FailureGroupQuery {
    /// One group of failures; null when there is none that the viewer may see.
    async fn failure_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group's id.")] id: ID,
    ) -> Option<Result<FailureGroup>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::FailureGroup, &id)).await };
        row.await.transpose().map(|row| row.map(FailureGroup))
    }

    /// Groups of failures that the viewer may see, without those that were merged into another.
    async fn failure_groups(
        &self,
        ctx: &Context<'_>,
        filter: Option<FailureGroupFilter>,
        order_by: Option<FailureGroupOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<FailureGroup>> {
        let filter = filter.unwrap_or_default().decode()?;
        let FailureGroupOrder { field, direction } = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = failure_group::list(&actor(ctx)?, &filter, field.into(), direction.into(), &page).await?;
        Ok(Connection::new(rows, FailureGroup))
    }
}

/// Subscriptions to groups of failures.
#[derive(Default)]
pub struct FailureGroupSubscription;

#[Subscription]
impl FailureGroupSubscription {
    /// Groups that the viewer may see, each as it is after failures came or something was decided. Changes in quick
    /// succession arrive as one. With `since`, those that changed meanwhile come first, as `failureChanged` has it.
    async fn failure_group_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only groups of this integration.")] integration_id: Option<ID>,
        #[graphql(
            desc = "What has changed since comes first: `extensions.since` of the last event, or when you read or \
                          subscribed last."
        )]
        since: Option<DateTime>,
    ) -> Result<BoxStream<'static, Result<FailureGroup>>> {
        let integration_id = optional_uuid(Kind::Integration, integration_id.as_ref());
        let watch = Watch { id: None, integration_id, since: since.map(|since| since.0) };
        live::watch(ctx, watch, FailureGroup).await
    }
}
