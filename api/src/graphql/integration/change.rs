//! What people change of integrations.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::id::Kind;
use domain::{integration, stream_cursor};

use super::super::caller::actor;
use super::super::error::{Result, UserError, outcome};
use super::super::scalar::{Json, optional_uuid, uuid};
use super::super::schedule::ScheduleInput;
use super::super::stream::StreamInput;
use super::retry_policy::RetryPolicyInput;
use super::{Integration, ReconcilePolicy};

/// A new integration.
#[derive(InputObject)]
pub struct CreateIntegrationInput {
    /// The tenant that owns it.
    tenant_id: ID,
    /// Name for people, at most 100 characters; unique among the tenant's integrations that are not archived.
    name: String,
    /// For people, at most 2,000 characters.
    description: Option<String>,
    /// System to read from.
    source_id: ID,
    /// System to write to.
    destination_id: ID,
    /// What it moves, in this order; 1 to 50.
    streams: Vec<StreamInput>,
    /// When it runs by itself; absent or null: on demand only.
    schedule: Option<ScheduleInput>,
    /// How patient its runs are with a system that is down; absent or null: as is the default here.
    retry_policy: Option<RetryPolicyInput>,
    /// Failed runs in a row after which it is held by itself: 0, which is never, to 1,000; 10 by default.
    hold_after: Option<i32>,
    /// Whether both ends are compared by themselves; NEVER by default.
    reconcile: Option<ReconcilePolicy>,
}

/// Changes of an integration: absent is unchanged. A run that is under way goes on with what it began with.
#[derive(InputObject)]
pub struct UpdateIntegrationInput {
    /// Which integration.
    integration_id: ID,
    /// Name for people, at most 100 characters; unique among the tenant's integrations that are not archived.
    name: Option<String>,
    /// For people, at most 2,000 characters; null clears it.
    description: MaybeUndefined<String>,
    /// System to read from.
    source_id: Option<ID>,
    /// System to write to.
    destination_id: Option<ID>,
    /// All streams, in their order; 1 to 50.
    streams: Option<Vec<StreamInput>>,
    /// When it runs by itself; null: on demand only.
    schedule: MaybeUndefined<ScheduleInput>,
    /// How patient its runs are with a system that is down, those that are asked for from now on; null: as is the
    /// default here.
    retry_policy: MaybeUndefined<RetryPolicyInput>,
    /// Failed runs in a row after which it is held by itself: 0, which is never, to 1,000.
    hold_after: Option<i32>,
    /// Whether both ends are compared by themselves, after runs that begin from now on.
    reconcile: Option<ReconcilePolicy>,
}

/// Which integration to pause.
#[derive(InputObject)]
pub struct PauseIntegrationInput {
    /// Which integration.
    integration_id: ID,
    /// Why, for people; at most 500 characters.
    reason: Option<String>,
}

/// Which integration to resume.
#[derive(InputObject)]
pub struct ResumeIntegrationInput {
    /// Which integration.
    integration_id: ID,
}

/// Which integration to archive.
#[derive(InputObject)]
pub struct ArchiveIntegrationInput {
    /// Which integration.
    integration_id: ID,
}

/// Where the next INCREMENTAL run of a stream is to begin.
#[derive(InputObject)]
pub struct ResetCursorInput {
    /// Which integration.
    integration_id: ID,
    /// Name of the stream; it must be INCREMENTAL.
    stream: String,
    /// The value of the cursor field to begin at, itself included: a text of at most 500 bytes, or a number, as the source
    /// holds it. Absent or null: the beginning.
    to: Option<Json>,
    /// Why, for people; at most 500 characters.
    reason: String,
}

/// An integration, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct IntegrationPayload {
    /// The integration as it is now; null when `userErrors` is not empty.
    integration: Option<Integration>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl IntegrationPayload {
    fn of(result: domain::Result<integration::Integration>) -> Result<Self> {
        let (integration, user_errors) = outcome(result)?;
        Ok(Self { integration: integration.map(Integration), user_errors })
    }
}

/// Mutations of integrations.
#[derive(Default)]
pub struct IntegrationMutation;

#[Object]
impl IntegrationMutation {
    /// Makes an integration, active. A schedule ticks from now on.
    async fn create_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration.")] input: CreateIntegrationInput,
    ) -> Result<IntegrationPayload> {
        let new = integration::NewIntegration {
            tenant_id: Some(uuid(Kind::Tenant, &input.tenant_id)),
            name: input.name,
            description: input.description,
            source_id: uuid(Kind::System, &input.source_id),
            destination_id: uuid(Kind::System, &input.destination_id),
            streams: input.streams.into_iter().map(StreamInput::decode).collect(),
            schedule: input.schedule.map(ScheduleInput::decode),
            retry_policy: input.retry_policy.map(RetryPolicyInput::decode),
            hold_after: input.hold_after,
            reconcile: input.reconcile.map(Into::into),
        };
        IntegrationPayload::of(integration::create(&actor(ctx)?, new).await)
    }

    /// Changes an integration.
    async fn update_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration and its changes.")] input: UpdateIntegrationInput,
    ) -> Result<IntegrationPayload> {
        let changes = integration::IntegrationChanges {
            name: input.name,
            description: input.description.into(),
            source_id: optional_uuid(Kind::System, input.source_id.as_ref()),
            destination_id: optional_uuid(Kind::System, input.destination_id.as_ref()),
            streams: input.streams.map(|streams| streams.into_iter().map(StreamInput::decode).collect()),
            schedule: input.schedule.map_value(ScheduleInput::decode).into(),
            retry_policy: input.retry_policy.map_value(RetryPolicyInput::decode).into(),
            hold_after: input.hold_after,
            reconcile: input.reconcile.map(Into::into),
        };
        let id = uuid(Kind::Integration, &input.integration_id);
        IntegrationPayload::of(integration::update(&actor(ctx)?, id, changes).await)
    }

    /// Pauses an integration: runs that are asked for are kept queued, none is dropped.
    async fn pause_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration and the reason.")] input: PauseIntegrationInput,
    ) -> Result<IntegrationPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        IntegrationPayload::of(integration::pause(&actor(ctx)?, id, input.reason.as_deref()).await)
    }

    /// Resumes an integration that is paused or held: the runs that were kept start.
    async fn resume_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration.")] input: ResumeIntegrationInput,
    ) -> Result<IntegrationPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        IntegrationPayload::of(integration::resume(&actor(ctx)?, id).await)
    }

    /// Sets where the next INCREMENTAL run of a stream begins. What is there already by the receipts is not written again.
    /// Refused while a run has begun, which would set it anew when it ends.
    async fn reset_cursor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stream and where it begins.")] input: ResetCursorInput,
    ) -> Result<IntegrationPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        let to = input.to.map(|to| to.0).filter(|to| !to.is_null());
        let actor = actor(ctx)?;
        let reset = stream_cursor::reset(&actor, id, &input.stream, to.as_ref(), &input.reason).await;
        IntegrationPayload::of(reset)
    }

    /// Archives an integration, for good: its runs are canceled, and it starts none again. What it did stays to be
    /// read. Its synthetic check is removed.
    async fn archive_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration.")] input: ArchiveIntegrationInput,
    ) -> Result<IntegrationPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        IntegrationPayload::of(integration::archive(&actor(ctx)?, id).await)
    }
}
