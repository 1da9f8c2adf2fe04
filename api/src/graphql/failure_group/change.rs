//! What people decide about groups of failures, and say about them.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::failure_group;
use domain::id::Kind;

use super::super::caller::actor;
use super::super::error::{Result, UserError, outcome};
use super::super::failure::ResponsibleParty;
use super::super::scalar::{DateTime, uuid, uuids};
use super::super::viewer::Audience;
use super::FailureGroup;

/// Which group is acknowledged, and why.
#[derive(InputObject)]
pub struct AcknowledgeFailureGroupInput {
    /// The group.
    group_id: ID,
    /// Why, for everybody who may see the group; at most 4,000 characters.
    note: Option<String>,
}

/// Which group is over, and why.
#[derive(InputObject)]
pub struct ResolveFailureGroupInput {
    /// The group.
    group_id: ID,
    /// Why, for everybody who may see the group; at most 4,000 characters.
    note: Option<String>,
}

/// Which group goes on, and why.
#[derive(InputObject)]
pub struct ReopenFailureGroupInput {
    /// The group.
    group_id: ID,
    /// Why, for everybody who may see the group; at most 4,000 characters.
    note: Option<String>,
}

/// Which group is ignored, and why.
#[derive(InputObject)]
pub struct IgnoreFailureGroupInput {
    /// The group.
    group_id: ID,
    /// Why, for everybody who may see the group; at most 4,000 characters.
    note: String,
}

/// Which group is snoozed, and until when: the first of what is named.
#[derive(InputObject)]
pub struct SnoozeFailureGroupInput {
    /// The group.
    group_id: ID,
    /// Until this time, within a year.
    until: Option<DateTime>,
    /// Until there are so many more failures, at least 1.
    failures: Option<i32>,
    /// Until an hour has so many failures, at least 1.
    failures_an_hour: Option<i32>,
    /// Why, for everybody who may see the group; at most 4,000 characters.
    note: Option<String>,
}

/// Who acts next on a group.
#[derive(InputObject)]
pub struct HandOverFailureGroupInput {
    /// The group.
    group_id: ID,
    /// Who acts next. A tenant's people hand over to `SUPPORT` what is with them; staff hand over anything.
    to: ResponsibleParty,
    /// What they need to know, at most 4,000 characters. The tenant reads it unless it stays within the operator.
    note: String,
}

/// What somebody says about a group.
#[derive(InputObject)]
pub struct CommentFailureGroupInput {
    /// The group.
    group_id: ID,
    /// What is said, at most 4,000 characters.
    text: String,
    /// Who may read it: one whose comments the caller reads. Default: the operator's staff where staff say it, else
    /// everybody who may see the group.
    audience: Option<Audience>,
}

/// Which groups become one.
#[derive(InputObject)]
pub struct MergeFailureGroupsInput {
    /// The group that stays.
    group_id: ID,
    /// Those that are merged into it: 1 to 50, of the same integration.
    merge_ids: Vec<ID>,
    /// Why, for everybody who may see the group; at most 4,000 characters.
    note: Option<String>,
}

/// A group of failures, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct FailureGroupPayload {
    /// The group; null when `userErrors` is not empty.
    failure_group: Option<FailureGroup>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl FailureGroupPayload {
    pub(in crate::graphql) fn of(result: domain::Result<failure_group::FailureGroup>) -> Result<Self> {
        let (group, user_errors) = outcome(result)?;
        Ok(Self { failure_group: group.map(FailureGroup), user_errors })
    }
}

/// Mutations of groups of failures.
#[derive(Default)]
pub struct FailureGroupMutation;

#[Object]
impl FailureGroupMutation {
    /// Says that somebody is at it: it does not escalate any more. A tenant's people say so of what is with them.
    async fn acknowledge_failure_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group.")] input: AcknowledgeFailureGroupInput,
    ) -> Result<FailureGroupPayload> {
        let id = uuid(Kind::FailureGroup, &input.group_id);
        FailureGroupPayload::of(failure_group::acknowledge(&actor(ctx)?, id, input.note.as_deref()).await)
    }

    /// Lets it wait until a time, a number of failures or a rate.
    async fn snooze_failure_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, and until when.")] input: SnoozeFailureGroupInput,
    ) -> Result<FailureGroupPayload> {
        let id = uuid(Kind::FailureGroup, &input.group_id);
        let snooze = failure_group::Snooze {
            until: input.until.map(|until| until.0),
            failures: input.failures.map(Into::into),
            failures_an_hour: input.failures_an_hour.map(Into::into),
        };
        FailureGroupPayload::of(failure_group::snooze(&actor(ctx)?, id, snooze, input.note.as_deref()).await)
    }

    /// Says that it is over. Its failures stay as they are; if more come, it has regressed.
    async fn resolve_failure_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group.")] input: ResolveFailureGroupInput,
    ) -> Result<FailureGroupPayload> {
        let id = uuid(Kind::FailureGroup, &input.group_id);
        FailureGroupPayload::of(failure_group::resolve(&actor(ctx)?, id, input.note.as_deref()).await)
    }

    /// Says that nobody wants to hear of it. Its failures are kept and shown as before.
    async fn ignore_failure_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, and why.")] input: IgnoreFailureGroupInput,
    ) -> Result<FailureGroupPayload> {
        let id = uuid(Kind::FailureGroup, &input.group_id);
        FailureGroupPayload::of(failure_group::ignore(&actor(ctx)?, id, Some(&input.note)).await)
    }

    /// Takes a decision back: it goes on.
    async fn reopen_failure_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group.")] input: ReopenFailureGroupInput,
    ) -> Result<FailureGroupPayload> {
        let id = uuid(Kind::FailureGroup, &input.group_id);
        FailureGroupPayload::of(failure_group::reopen(&actor(ctx)?, id, input.note.as_deref()).await)
    }

    /// Gives it to the party that acts next; the responsible party of its failures is that from then on. What was acknowledged
    /// or snoozed goes on.
    async fn hand_over_failure_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, and to whom.")] input: HandOverFailureGroupInput,
    ) -> Result<FailureGroupPayload> {
        let id = uuid(Kind::FailureGroup, &input.group_id);
        let to = input.to.into();
        FailureGroupPayload::of(failure_group::hand_over(&actor(ctx)?, id, to, Some(&input.note)).await)
    }

    /// Says something about it.
    async fn comment_failure_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, and what is said.")] input: CommentFailureGroupInput,
    ) -> Result<FailureGroupPayload> {
        let id = uuid(Kind::FailureGroup, &input.group_id);
        let audience = input.audience.map(Into::into);
        FailureGroupPayload::of(failure_group::comment(&actor(ctx)?, id, &input.text, audience).await)
    }

    /// Makes one group of several. What comes of those that were merged is counted in the one that stays.
    async fn merge_failure_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The groups.")] input: MergeFailureGroupsInput,
    ) -> Result<FailureGroupPayload> {
        let id = uuid(Kind::FailureGroup, &input.group_id);
        let merged = uuids(Kind::FailureGroup, &input.merge_ids);
        FailureGroupPayload::of(failure_group::merge(&actor(ctx)?, id, &merged, input.note.as_deref()).await)
    }
}
