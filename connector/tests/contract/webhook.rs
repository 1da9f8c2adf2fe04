//! A receiver of signed events that heeds their ids, and an inbox in memory.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use connector::{Arrived, Inbox, OpenDestination, OpenSource, SystemAccess, SystemError};
use serde_json::{Value, json};

use crate::adapter::{
    Adapter, Applies, End, Failing, Fault, Hanging, Open, access, closed_port, open_destination, open_source,
    order,
};
use crate::outside::{HalfWay, Mode, Outside, RETRY_AFTER};
use crate::recording::SECRET;

/// Longest time for a request, in milliseconds.
const TIMEOUT_MS: u64 = 5000;
const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOT_OUTSIDE: &str = "what came is in our own database";

#[derive(Default)]
pub struct Receiver {
    outside: Outside,
    taken: Arc<Taken>,
}

#[derive(Default)]
struct Taken {
    /// How often each id was taken.
    records: Mutex<BTreeMap<u64, usize>>,
    ids: Mutex<HashSet<String>>,
}

#[derive(Debug)]
struct Kept(Vec<Arrived>);

#[async_trait]
impl Inbox for Kept {
    async fn last(&self) -> Result<i64, SystemError> {
        Ok(self.0.len() as i64)
    }

    async fn after(
        &self,
        sequence: i64,
        until: i64,
        events_max: usize,
        _bytes_max: usize,
    ) -> Result<Vec<Arrived>, SystemError> {
        let wanted = self.0.iter().filter(|event| event.sequence > sequence && event.sequence <= until);
        Ok(wanted.take(events_max).cloned().collect())
    }
}

impl Receiver {
    pub fn new() -> Self {
        Self::default()
    }

    async fn access_with(&self, token: &str, timeout_ms: u64) -> SystemAccess {
        let router = Router::new().route("/events", post(take)).with_state(Arc::clone(&self.taken));
        let url = format!("{}/events", self.outside.serve(router).await);
        sending(&url, token, timeout_ms)
    }

    fn inbox(bodies: &[Value]) -> OpenSource {
        let events = bodies.iter().zip(1..).map(|(body, sequence)| Arrived {
            sequence,
            event_id: Some(format!("msg_{sequence}")),
            event_type: None,
            received_at: chrono::DateTime::UNIX_EPOCH,
            body: body.to_string().into_bytes(),
        });
        let config = json!({"receive": {"verification": {"kind": "standardWebhooks"}}});
        let mut access = access(config, json!({"secrets": [SIGNING_SECRET]}), Path::new("/nonexistent"));
        access.inbox = Some(Arc::new(Kept(events.collect())));
        open_source(access, json!({}))
    }
}

fn sending(url: &str, token: &str, timeout_ms: u64) -> SystemAccess {
    let config = json!({"send": {"url": url, "auth": "bearer", "timeoutMs": timeout_ms}});
    let credentials = json!({"secrets": [SIGNING_SECRET], "token": token});
    access(config, credentials, Path::new("/nonexistent"))
}

async fn take(State(taken): State<Arc<Taken>>, headers: HeaderMap, Json(event): Json<Value>) -> Response {
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    if event["type"] == "trestle.test" {
        return StatusCode::NO_CONTENT.into_response();
    }
    // A removal knows the key as a text.
    let id = &event["data"]["id"];
    let Some(id) = id.as_u64().or_else(|| id.as_str()?.parse().ok()) else {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"errors": {"id": ["is not a number"]}})))
            .into_response();
    };
    let message = headers["webhook-id"].to_str().unwrap().to_owned();
    if taken.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(message) {
        let mut records = taken.records.lock().unwrap_or_else(PoisonError::into_inner);
        match event["type"].as_str() {
            Some("record.removed") => drop(records.remove(&id)),
            _ => *records.entry(id).or_default() += 1,
        }
    }
    (StatusCode::OK, Json(json!({"ok": true}))).into_response()
}

#[async_trait]
impl Adapter for Receiver {
    async fn access(&self) -> SystemAccess {
        self.access_with(SECRET, TIMEOUT_MS).await
    }

    async fn source(&self, count: usize) -> Applies<OpenSource> {
        Ok(Self::inbox(&(1..=count as u64).map(order).collect::<Vec<_>>()))
    }

    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)> {
        Ok((Self::inbox(&[order(1), json!("no object"), order(3)]), vec![1, 3]))
    }

    async fn malformed(&self) -> Applies<OpenSource> {
        Err("each event is something else or not, and a failure of its own then")
    }

    async fn destination(&self) -> Applies<OpenDestination> {
        Ok(open_destination(self.access().await, json!({})))
    }

    async fn stored(&self, _open: &OpenDestination) -> Applies<Vec<u64>> {
        let records = self.taken.records.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(records.iter().flat_map(|(id, times)| vec![*id; *times]).collect())
    }

    async fn removable(&self) -> Applies<OpenDestination> {
        Ok(open_destination(self.access().await, json!({"removedType": "record.removed"})))
    }

    fn bad_record(&self) -> Applies<Value> {
        Ok(json!({"id": "not a number"}))
    }

    async fn failing(&self, fault: Fault, end: End) -> Applies<Failing> {
        if end == End::Source {
            return Err(NOT_OUTSIDE);
        }
        let access = match fault {
            Fault::Credentials => self.access_with(&format!("{SECRET} wrong"), TIMEOUT_MS).await,
            Fault::Refused => sending(&format!("http://127.0.0.1:{}", closed_port()), SECRET, TIMEOUT_MS),
            Fault::TooMany => {
                self.outside.set(Mode::TooMany);
                self.access().await
            }
            Fault::Broken => {
                self.outside.set(Mode::Broken);
                self.access().await
            }
            Fault::Silent => {
                self.outside.set(Mode::Silent);
                self.access_with(SECRET, 100).await
            }
        };
        Ok(Failing::of(Open::Destination(open_destination(access, json!({})))))
    }

    fn retry_after(&self) -> Applies<Duration> {
        Ok(RETRY_AFTER)
    }

    async fn hanging(&self, end: End) -> Applies<Hanging> {
        if end == End::Source {
            return Err(NOT_OUTSIDE);
        }
        let open = Open::Destination(self.destination().await?);
        Ok(Hanging { open, hold: Box::new(HalfWay(self.outside.clone())), hangs_while_opening: false })
    }

    async fn open_count(&self) -> Applies<usize> {
        Ok(self.outside.open_count())
    }
}
