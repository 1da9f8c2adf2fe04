//! A REST API that keeps what it is sent, and heeds the idempotency key.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{self, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use connector::{OpenDestination, OpenSource, SystemAccess};
use serde_json::{Value, json};

use crate::adapter::{
    Adapter, Applies, End, Failing, Fault, Hanging, Open, access, closed_port, open_destination, open_source,
    order, page_size,
};
use crate::outside::{HalfWay, Mode, Outside, RETRY_AFTER};
use crate::recording::SECRET;

/// Longest time for a request, in milliseconds.
const TIMEOUT_MS: u64 = 5000;

#[derive(Default)]
pub struct Api {
    outside: Outside,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    served: Mutex<Vec<Value>>,
    /// How often each id was taken.
    taken: Mutex<BTreeMap<u64, usize>>,
    keys: Mutex<HashSet<String>>,
}

impl Api {
    pub fn new() -> Self {
        Self::default()
    }

    async fn access_with(&self, token: &str, timeout_ms: u64) -> SystemAccess {
        let router = Router::new()
            .route("/", get(|| async { "{}" }))
            .route("/orders", get(list).post(take))
            .route("/orders/{id}", put(take).delete(let_go));
        let base = self.outside.serve(router.with_state(Arc::clone(&self.kept))).await;
        let config = json!({"baseUrl": base, "auth": "bearer", "timeoutMs": timeout_ms});
        access(config, json!({"token": token}), Path::new("/nonexistent"))
    }

    fn serves(&self, records: Vec<Value>) {
        *self.kept.served.lock().unwrap_or_else(PoisonError::into_inner) = records;
    }

    fn open(&self, end: End, access: SystemAccess) -> Open {
        let pagination = json!({"kind": "page", "sizeParam": "size", "size": page_size()});
        match end {
            End::Source => {
                Open::Source(open_source(access, json!({"path": "orders", "pagination": pagination})))
            }
            End::Destination => Open::Destination(open_destination(access, json!({"path": "orders"}))),
        }
    }
}

async fn list(State(kept): State<Arc<Kept>>, Query(query): Query<HashMap<String, usize>>) -> Json<Value> {
    let (page, size) = (query["page"], query["size"]);
    let served = kept.served.lock().unwrap_or_else(PoisonError::into_inner);
    Json(served.iter().skip((page - 1) * size).take(size).cloned().collect())
}

async fn take(State(kept): State<Arc<Kept>>, headers: HeaderMap, Json(record): Json<Value>) -> Response {
    let Some(id) = record["id"].as_u64() else {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"errors": {"id": ["is not a number"]}})))
            .into_response();
    };
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    if kept.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
        *kept.taken.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
    }
    (StatusCode::CREATED, Json(record)).into_response()
}

async fn let_go(State(kept): State<Arc<Kept>>, extract::Path(id): extract::Path<u64>) -> StatusCode {
    match kept.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
        Some(_times) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

#[async_trait]
impl Adapter for Api {
    async fn access(&self) -> SystemAccess {
        self.access_with(SECRET, TIMEOUT_MS).await
    }

    async fn source(&self, count: usize) -> Applies<OpenSource> {
        self.serves((1..=count as u64).map(order).collect());
        let Open::Source(open) = self.open(End::Source, self.access().await) else {
            unreachable!("a source")
        };
        Ok(open)
    }

    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)> {
        let open = self.source(0).await?;
        self.serves(vec![order(1), json!("no object"), order(3)]);
        Ok((open, vec![1, 3]))
    }

    async fn malformed(&self) -> Applies<OpenSource> {
        Ok(open_source(self.access().await, json!({"path": "orders?page=1&size=5", "recordsPath": "/data"})))
    }

    async fn destination(&self) -> Applies<OpenDestination> {
        let Open::Destination(open) = self.open(End::Destination, self.access().await) else {
            unreachable!("a destination")
        };
        Ok(open)
    }

    async fn stored(&self, _open: &OpenDestination) -> Applies<Vec<u64>> {
        let taken = self.kept.taken.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(taken.iter().flat_map(|(id, times)| vec![*id; *times]).collect())
    }

    async fn removable(&self) -> Applies<OpenDestination> {
        let options = json!({"path": "orders", "method": "PUT", "keyInPath": true});
        Ok(open_destination(self.access().await, options))
    }

    fn bad_record(&self) -> Applies<Value> {
        Ok(json!({"id": "not a number"}))
    }

    async fn failing(&self, fault: Fault, end: End) -> Applies<Failing> {
        let access = match fault {
            Fault::Credentials => self.access_with(&format!("{SECRET} wrong"), TIMEOUT_MS).await,
            Fault::Refused => {
                let config =
                    json!({"baseUrl": format!("http://127.0.0.1:{}", closed_port()), "auth": "bearer"});
                access(config, json!({"token": SECRET}), Path::new("/nonexistent"))
            }
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
        Ok(Failing::of(self.open(end, access)))
    }

    fn retry_after(&self) -> Applies<Duration> {
        Ok(RETRY_AFTER)
    }

    async fn hanging(&self, end: End) -> Applies<Hanging> {
        let open = match end {
            End::Source => Open::Source(self.source(23).await?),
            End::Destination => Open::Destination(self.destination().await?),
        };
        Ok(Hanging { open, hold: Box::new(HalfWay(self.outside.clone())), hangs_while_opening: false })
    }

    async fn open_count(&self) -> Applies<usize> {
        Ok(self.outside.open_count())
    }
}
