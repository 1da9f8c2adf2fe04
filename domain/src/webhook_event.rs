//! Events that systems send by themselves: taken when their signature is good, kept in the order of arrival until every
//! integration of the system has read them, and given to runs as a source. A request is from no actor: its address says
//! which system it is of, and its signature that it is from there.
//!
//! Deliberately absent: the HTTP server (`api`), and how signatures are verified (`connector`).

mod inbox;
mod purge;
mod refused;
mod take;
mod trigger;
mod triggering;

use std::sync::Arc;

use connector::{Receiver, Refusal};
use entity::integration::{self, IntegrationStatus};
use entity::{stream_cursor, system, tenant, webhook_endpoint};
use http::HeaderMap;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use self::refused::Refused;
use self::take::Delivery;
use crate::actor::Tenants;
use crate::app::App;
use crate::background::batch::Batcher;
use crate::error::{Doing, Result};
use crate::identity;
use crate::scope::Scope;
use crate::stream_cursor::Beginning;

pub(crate) use self::inbox::StoredInbox;
pub(crate) use self::purge::purge;
pub use self::triggering::{TriggeringEvent, triggering};

/// For how long an event is kept at least, in days: so long the same id is not taken again, and can be read again.
pub const KEPT_DAYS: i64 = 3;
/// Events that are kept so long, though all have read them; older ones go before.
pub const KEPT_EVENTS_MAX: i64 = WAITING_EVENTS_MAX / 2;
/// Their bodies, in bytes.
pub const KEPT_BYTES_MAX: i64 = WAITING_BYTES_MAX / 2;
/// Events of a system that may wait to be read; what comes then is refused until there is room.
pub const WAITING_EVENTS_MAX: i64 = 100_000;
/// Their bodies, in bytes.
pub const WAITING_BYTES_MAX: i64 = 1024 * 1024 * 1024;
/// Characters of an address.
const ADDRESS_CHARS: usize = 32;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is stored, and a run that reads it is queued where an integration wants it.
    Stored,
    /// It was stored before, by its id.
    Known,
    /// Too much waits to be read: it is not stored.
    Full,
    /// The system was deleted a moment ago.
    Gone,
}

/// A system that events are sent to.
#[derive(Clone)]
pub struct Place {
    system: system::Model,
    tenant_slug: String,
    receiver: Receiver,
}

impl Place {
    /// The system.
    pub fn system_id(&self) -> Uuid {
        self.system.id
    }

    /// Largest body, in bytes.
    pub fn body_bytes_max(&self) -> usize {
        self.receiver.body_bytes_max()
    }
}

/// Takes events, those that come at the same time together.
pub struct Reception {
    app: Arc<App>,
    deliveries: Batcher<Delivery, Taken>,
    refused: Arc<Refused>,
}

impl Reception {
    /// Of this process. Needs a tokio runtime.
    pub fn new(app: &Arc<App>) -> Self {
        let work = {
            let app = app.clone();
            move |deliveries| {
                let app = app.clone();
                async move { take::all(&app, deliveries).await }
            }
        };
        Self {
            app: app.clone(),
            deliveries: Batcher::new("storing an event", work, |_taken| {}),
            refused: Arc::default(),
        }
    }

    /// The system that an address is of; `None` when it is of none.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    pub async fn place(&self, address: &str) -> Result<Option<Place>> {
        let is_address =
            address.len() == ADDRESS_CHARS && address.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_address {
            return Ok(None);
        }
        let app = &self.app;
        let is_now = webhook_endpoint::Column::Address.eq(address);
        let was = webhook_endpoint::Column::PreviousAddress
            .eq(address)
            .and(webhook_endpoint::Column::PreviousUntil.gt(app.clock().now()));
        let endpoint = identity::find::<webhook_endpoint::Entity>()
            .filter(is_now.or(was))
            .one(app.across_tenants().reader())
            .await
            .doing("looking for a webhook endpoint")?;
        let Some(endpoint) = endpoint else { return Ok(None) };
        let scope = Scope::new(app.clone(), Tenants::Some(vec![endpoint.tenant_id]));
        let system =
            scope.find::<system::Entity>().filter(system::Column::Id.eq(endpoint.system_id)).one().await?;
        let tenant =
            scope.find::<tenant::Entity>().filter(tenant::Column::Id.eq(endpoint.tenant_id)).one().await?;
        let (Some(system), Some(tenant)) = (system, tenant) else { return Ok(None) };
        let connector = app.connectors().get(&system.connector);
        let receiver = match connector.map(|connector| connector.receiver(&system.config)) {
            Some(Ok(Some(receiver))) => receiver,
            _ => return Ok(None),
        };
        Ok(Some(Place { system, tenant_slug: tenant.slug, receiver }))
    }

    /// Takes an event, or says why not. What it says to be stored is stored, whatever happens then.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used: it should be sent again.
    pub async fn receive(
        &self,
        place: &Place,
        headers: &HeaderMap,
        body: Vec<u8>,
    ) -> Result<std::result::Result<Taken, Refusal>> {
        let now = self.app.clock().now();
        let arrival = match crate::system::credentials(&self.app, &place.tenant_slug, &place.system).await {
            Ok(credentials) => place.receiver.verify(&credentials, headers, &body, now),
            Err(error) => {
                tracing::warn!(
                    tenant.id = %place.system.tenant_id, system.id = %place.system.id, detail = error.detail,
                    "the secrets of a webhook endpoint can't be read"
                );
                let message = "The secrets of this endpoint can't be read at the moment. Send again later.";
                Err(Refusal { code: "not_ready", message: message.to_owned(), is_ours: true })
            }
        };
        let arrival = match arrival {
            Ok(arrival) => arrival,
            Err(refusal) => {
                self.refuse(place, &refusal.message);
                return Ok(Err(refusal));
            }
        };
        let delivery = Delivery {
            tenant_id: place.system.tenant_id,
            system_id: place.system.id,
            system_name: place.system.name.clone(),
            receiver: place.receiver.clone(),
            arrival,
            body,
        };
        let taken = self.deliveries.call(delivery).await?;
        if taken == Taken::Full {
            self.refuse(place, FULL);
        }
        Ok(Ok(taken))
    }

    /// Counts a request that was not taken, and why, for the tenant to see: at once, and then once a second at most.
    pub fn refuse(&self, place: &Place, why: &str) {
        self.refused.count(&self.app, place.system.tenant_id, place.system.id, why);
    }
}

/// What a tenant reads of it.
const FULL: &str = "Too much waits to be read: more than 100,000 events or 1 GiB.";

/// The place up to which every integration of a system has read, by all integrations that may read it and their cursors; 0
/// where none reads it, because then nothing of it has arrived anywhere.
pub(crate) fn settled(
    app: &App,
    system: &system::Model,
    integrations: &[integration::Model],
    cursors: &[stream_cursor::Model],
) -> i64 {
    let reads =
        |row: &&integration::Model| row.source_id == system.id && row.status != IntegrationStatus::Archived;
    let positions = integrations.iter().filter(reads).flat_map(|row| {
        row.streams.0.iter().map(|stream| {
            let cursor =
                cursors.iter().find(|cursor| cursor.integration_id == row.id && cursor.stream == stream.name);
            cursor.map_or(0, |cursor| position(app, &system.connector, cursor))
        })
    });
    positions.min().unwrap_or(0)
}

fn position(app: &App, connector: &str, cursor: &stream_cursor::Model) -> i64 {
    match Beginning::of(cursor.watermark.clone()) {
        Beginning::Since(watermark) => {
            let connector = app.connectors().get(connector);
            let value = connector.and_then(|connector| connector.cursor_value(&watermark));
            value.and_then(|value| value.as_i64()).unwrap_or(0)
        }
        Beginning::From(value) => value.as_i64().map_or(0, |sequence| sequence - 1),
    }
}
