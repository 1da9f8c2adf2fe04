//! Where systems send events to: `POST /webhooks/{address}`. What is answered with 2xx is stored. Answers are for the
//! sender's developers: what is wrong, and what to do.
//! Deliberately absent: whose an address is, what makes a request good, and what becomes of it (`domain::webhook_event`).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use connector::Refusal;
use domain::App;
use domain::webhook_event::{Place, Reception, Taken};
use futures::StreamExt;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::allowance::Allowance;
use crate::http::{Occupancy, RequestOrigin};
use crate::refusal::{later, refused};

/// Longest time for a body to arrive once its headers have: 1 MiB on a line of 1 Mbit/s.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that are read of a body which is too large, before its sender is left alone.
const DISCARDED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bodies in memory at once, in KiB, whosever they are: they are read before it is known whether they are signed.
const ROOM_KIB: usize = 64 * 1024;
const BUSY: &str = "Too many requests are under way. Send this one again later.";
/// Requests to one address in a second, in the long run: more than any vendor sends.
const PER_SECOND: f64 = 200.0;
/// Requests to one address in a moment, after a pause.
const BURST: f64 = 2_000.0;
/// Requests to one address at once.
const AT_ONCE_MAX: usize = 64;
/// Requests of one network at once, to whichever addresses.
const AT_ONCE_OF_NETWORK_MAX: usize = 128;
/// Seconds after which it is worth sending again what could not be taken for now.
const RETRY_AFTER_SECONDS: u64 = 5;
/// The same where too much waits to be read: somebody may have to do something.
const RETRY_AFTER_FULL_SECONDS: u64 = 60;

struct Endpoints {
    reception: Reception,
    allowance: Allowance<Uuid>,
    by_address: Occupancy,
    by_network: Occupancy,
    room: Arc<Semaphore>,
}

/// What one body takes of the room for all.
struct Room<'a> {
    all: &'a Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    free_bytes: usize,
}

impl<'a> Room<'a> {
    fn of(all: &'a Arc<Semaphore>) -> Self {
        Self { all, taken: None, free_bytes: 0 }
    }

    /// Takes room for so much more; false when there is none.
    fn grow(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.free_bytes).div_ceil(1024);
        let Ok(kib) = u32::try_from(missing) else { return false };
        let Ok(more) = self.all.clone().try_acquire_many_owned(kib) else { return false };
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        self.free_bytes = self.free_bytes + missing * 1024 - bytes;
        true
    }

    fn give_back(&mut self) {
        self.taken = None;
        self.free_bytes = 0;
    }
}

/// The address that events are sent to.
pub(crate) fn endpoints(app: &Arc<App>) -> Router {
    let state = Endpoints {
        reception: Reception::new(app),
        allowance: Allowance::new(PER_SECOND, BURST),
        by_address: Occupancy::default(),
        by_network: Occupancy::default(),
        room: Arc::new(Semaphore::new(ROOM_KIB)),
    };
    let path = format!("{}/{{address}}", domain::webhook_endpoint::PATH);
    Router::new().route(&path, post(receive)).with_state(Arc::new(state))
}

async fn receive(
    State(endpoints): State<Arc<Endpoints>>,
    Path(address): Path<String>,
    origin: Extension<RequestOrigin>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = endpoints.receive(&address, &origin, &headers, body).await;
    answer.unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            request.id = origin.request_id,
            "an event could not be taken"
        );
        let message = "The event could not be stored. Send it again later.";
        later(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, RETRY_AFTER_SECONDS)
    })
}

impl Endpoints {
    async fn receive(
        &self,
        address: &str,
        origin: &RequestOrigin,
        headers: &HeaderMap,
        body: Body,
    ) -> domain::Result<Response> {
        let Some(_of_network) = self.by_network.enter(&origin.network(), AT_ONCE_OF_NETWORK_MAX) else {
            return Ok(busy());
        };
        let Some(place) = self.reception.place(address).await? else {
            let message = "There is no endpoint at this address. Ask whoever gave it to you.";
            return Ok(refused(StatusCode::NOT_FOUND, "not_found", message));
        };
        if let Err(wait) = self.allowance.take(place.system_id()) {
            let message = "Requests come too fast. Send this one again later.";
            self.reception.refuse(&place, message);
            return Ok(later(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message, wait.as_secs().max(1)));
        }
        let Some(_of_address) = self.by_address.enter(address, AT_ONCE_MAX) else {
            self.reception.refuse(&place, BUSY);
            return Ok(busy());
        };
        let mut room = Room::of(&self.room);
        let body = match read(&place, body, &mut room).await {
            Ok(body) => body,
            Err((status, code, message)) => {
                self.reception.refuse(&place, &message);
                return Ok(match status {
                    StatusCode::TOO_MANY_REQUESTS => busy(),
                    _ => refused(status, code, &message),
                });
            }
        };
        Ok(match self.reception.receive(&place, headers, body).await? {
            Ok(Taken::Stored) => (StatusCode::ACCEPTED, Json(json!({"status": "stored"}))).into_response(),
            Ok(Taken::Known) => (StatusCode::OK, Json(json!({"status": "stored"}))).into_response(),
            Ok(Taken::Full) => {
                let message = "Too much waits to be read here. Send this event again later.";
                later(StatusCode::TOO_MANY_REQUESTS, "inbox_full", message, RETRY_AFTER_FULL_SECONDS)
            }
            Ok(Taken::Gone) => {
                refused(StatusCode::NOT_FOUND, "not_found", "There is no endpoint at this address any more.")
            }
            Err(Refusal { code, message, is_ours: true }) => {
                later(StatusCode::SERVICE_UNAVAILABLE, code, &message, RETRY_AFTER_FULL_SECONDS)
            }
            Err(Refusal { code, message, is_ours: false }) => {
                refused(StatusCode::UNAUTHORIZED, code, &message)
            }
        })
    }
}

/// The whole body, as it was sent.
async fn read(
    place: &Place,
    body: Body,
    room: &mut Room<'_>,
) -> Result<Vec<u8>, (StatusCode, &'static str, String)> {
    let maximum = place.body_bytes_max();
    let too_large = || {
        let message = format!("The body has more than {maximum} bytes, which is the limit of this endpoint.");
        (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    };
    let all = async {
        let (mut chunks, mut whole, mut discarded) = (body.into_data_stream(), Vec::new(), 0);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_broken| {
                let message = "The body did not arrive whole. Send the event again.".to_owned();
                (StatusCode::BAD_REQUEST, "body_incomplete", message)
            })?;
            // Who is still sending hears no answer: what is too large is read to its end, and thrown away.
            if whole.len() + chunk.len() > maximum || discarded > 0 {
                discarded += whole.len() + chunk.len();
                whole = Vec::new();
                room.give_back();
                if discarded > DISCARDED_BYTES_MAX {
                    break;
                }
            } else if room.grow(chunk.len()) {
                whole.extend_from_slice(&chunk);
            } else {
                return Err((StatusCode::TOO_MANY_REQUESTS, "rate_limited", BUSY.to_owned()));
            }
        }
        if discarded > 0 { Err(too_large()) } else { Ok(whole) }
    };
    tokio::time::timeout(BODY_READ_TIMEOUT, all).await.unwrap_or_else(|_elapsed| {
        let message = format!("The body did not arrive within {} s.", BODY_READ_TIMEOUT.as_secs());
        Err((StatusCode::REQUEST_TIMEOUT, "body_incomplete", message))
    })
}

fn busy() -> Response {
    later(StatusCode::TOO_MANY_REQUESTS, "rate_limited", BUSY, RETRY_AFTER_SECONDS)
}
