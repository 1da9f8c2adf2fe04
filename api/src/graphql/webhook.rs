//! Where a system sends its events to. The events themselves are read by runs.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::webhook_endpoint::{self, OVERLAP_HOURS_DEFAULT};

use super::caller::actor;
use super::error::Result;
use super::scalar::{BigInt, DateTime, uuid};
use super::system::SystemPayload;

/// Where a system sends its events to, and what came there. Who has the URL can send nothing without a secret.
#[derive(Clone, Debug, SimpleObject)]
pub struct WebhookEndpoint {
    /// Give it to the sender, by `POST`. Null without `systems:write`, and where the operator has not set
    /// `TRESTLE_PUBLIC_URL`.
    url: Option<String>,
    /// The part of the URL behind the host. Null without `systems:write`.
    path: Option<String>,
    /// Until when the URL before is good, too; null when it is not any more.
    previous_url_until: Option<DateTime>,
    /// Events that came and are stored, also those that are not kept any more.
    received_count: BigInt,
    /// When the last of them came; null before the first.
    last_received_at: Option<DateTime>,
    /// Events that an integration has still to read; all that are kept where none reads them. At 100,000 no more are taken
    /// until there is room.
    waiting_count: BigInt,
    /// Their bodies, in bytes. At 1 GiB no more are taken until there is room.
    waiting_bytes: BigInt,
    /// Requests that were not taken.
    refused_count: BigInt,
    /// When the last of them came; null when there was none.
    last_refused_at: Option<DateTime>,
    /// Why it was not taken, as the sender was told.
    last_refusal: Option<String>,
}

impl From<webhook_endpoint::WebhookEndpoint> for WebhookEndpoint {
    fn from(found: webhook_endpoint::WebhookEndpoint) -> Self {
        Self {
            url: found.url,
            path: found.path,
            previous_url_until: found.previous_until.map(Into::into),
            received_count: found.received.into(),
            last_received_at: found.last_received_at.map(Into::into),
            waiting_count: found.waiting.into(),
            waiting_bytes: found.waiting_bytes.into(),
            refused_count: found.refused.into(),
            last_refused_at: found.last_refused_at.map(Into::into),
            last_refusal: found.last_refusal,
        }
    }
}

/// Which system gets another webhook URL.
#[derive(InputObject)]
pub struct RotateWebhookUrlInput {
    /// A system whose config says that it receives.
    system_id: ID,
    /// For how long the URL before is good, too, in hours: 0 to 168, which is a week.
    #[graphql(default_with = "OVERLAP_HOURS_DEFAULT")]
    overlap_hours: i32,
}

/// Mutations of webhook endpoints.
#[derive(Default)]
pub struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Gives a system another webhook URL, for when the one before is known to somebody who sends what nobody wants.
    async fn rotate_webhook_url(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system, and for how long the URL before is good.")]
        input: RotateWebhookUrlInput,
    ) -> Result<SystemPayload> {
        let system = uuid(Kind::System, &input.system_id);
        SystemPayload::of(webhook_endpoint::rotate(&actor(ctx)?, system, input.overlap_hours).await)
    }
}
