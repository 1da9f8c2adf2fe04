//! A system outside of Trestle: a real HTTP server with records to read and a place to write them, which counts what
//! it gets and misbehaves on request. It runs on threads of its own, so that it answers whatever the test does.

mod destination;
mod fault;
mod source;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub use fault::{Fault, Rule};
pub use source::Pagination;

/// How long connections may take to end when the system goes away.
const GO_AWAY_LIMIT: Duration = Duration::from_secs(10);
/// Where records are read.
const SOURCE_PATH: &str = "/source/";
/// Where records are written: to the path itself, or to the key below it.
const DESTINATION_PATH: &str = "/records";

/// One request as it came in, faults or not.
#[derive(Debug, Clone)]
pub struct Request {
    /// For example `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Null when it is not JSON.
    pub body: Value,
    /// When it came in.
    pub at: Instant,
}

/// A running outside system, gone when dropped.
pub struct Outside {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    runtime: Option<tokio::runtime::Runtime>,
}

struct State {
    key_field: String,
    bearer: Option<String>,
    served: Vec<Value>,
    stored: BTreeMap<String, destination::Stored>,
    deliveries: BTreeMap<String, u64>,
    /// How often a delivery of each idempotency key changed something.
    effects: BTreeMap<String, u64>,
    rules: Vec<Rule>,
    requests: Vec<Request>,
    in_flight: usize,
    in_flight_max: usize,
}

impl Outside {
    /// Starts one with nothing to read; records are known by their field `id`.
    pub fn start() -> Self {
        Self::with_records(0)
    }

    /// Starts one with `count` records to read: fields `id` (`R-00001` …), `email`, `amount`, `updatedAt`.
    pub fn with_records(count: usize) -> Self {
        let state = State {
            key_field: "id".to_owned(),
            bearer: None,
            served: source::generate(count),
            stored: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            effects: BTreeMap::new(),
            rules: Vec::new(),
            requests: Vec::new(),
            in_flight: 0,
            in_flight_max: 0,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of this machine is free");
        let address = listener.local_addr().expect("it is bound");
        let mut outside = Self { address, state: Arc::new(Mutex::new(state)), runtime: None };
        outside.serve(listener);
        outside
    }

    /// The `baseUrl` of an `http` system.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The `config` of an `http` system.
    pub fn config(&self) -> Value {
        json!({"baseUrl": self.url()})
    }

    /// The `source` options of a stream that reads the records.
    pub fn source_options(&self, pagination: Pagination) -> Value {
        pagination.options()
    }

    /// The `destination` options of a stream that writes with `POST` to the collection.
    pub fn destination_options(&self) -> Value {
        json!({"path": DESTINATION_PATH})
    }

    /// Takes other records to read.
    pub fn serve_records(&self, records: Vec<Value>) {
        self.lock().served = records;
    }

    /// Answers 401 from now on unless this bearer token is sent.
    pub fn require_bearer(&self, token: &str) {
        self.lock().bearer = Some(token.to_owned());
    }

    /// Knows written records by another field than `id`.
    pub fn set_key_field(&self, field: &str) {
        self.lock().key_field = field.to_owned();
    }

    /// Adds a fault; of several that fit a request the oldest applies.
    pub fn inject(&self, rule: Rule) {
        self.lock().rules.push(rule);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.lock().rules.clear();
    }

    /// Ends the faults of one key.
    pub fn heal_key(&self, key: &str) {
        self.lock().rules.retain(|rule| !rule.is_on_key(key));
    }

    /// Breaks every connection and refuses new ones, until [`come_back`](Self::come_back).
    pub fn go_away(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Elsewhere, because a runtime may not be ended inside of another one.
            let ending = std::thread::spawn(move || runtime.shutdown_timeout(GO_AWAY_LIMIT));
            ending.join().expect("ending a runtime does not panic");
        }
    }

    /// Listens again on the same port, with everything that was stored.
    pub fn come_back(&mut self) {
        if self.runtime.is_none() {
            let listener =
                TcpListener::bind(self.address).unwrap_or_else(|error| panic!("coming back: {error}"));
            self.serve(listener);
        }
    }

    /// The stored records by key.
    pub fn records(&self) -> BTreeMap<String, Value> {
        self.lock().stored.iter().map(|(key, stored)| (key.clone(), stored.record.clone())).collect()
    }

    /// How often a write changed what is stored under `key`: 1 after any number of equal deliveries.
    pub fn effects(&self, key: &str) -> u64 {
        self.lock().stored.get(key).map_or(0, |stored| stored.effects)
    }

    /// How often each idempotency key was accepted.
    pub fn deliveries(&self) -> BTreeMap<String, u64> {
        self.lock().deliveries.clone()
    }

    /// Idempotency keys of which more than one delivery changed something: what one write must never do.
    pub fn doubled(&self) -> Vec<String> {
        let state = self.lock();
        state.effects.iter().filter(|(_, effects)| **effects > 1).map(|(key, _)| key.clone()).collect()
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// The largest number of requests that were answered at the same time.
    pub fn in_flight_max(&self) -> usize {
        self.lock().in_flight_max
    }

    fn serve(&mut self, listener: TcpListener) {
        listener.set_nonblocking(true).expect("a socket of ours");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("the machine has a thread left");
        let router = Router::new().fallback(answer).with_state(Arc::clone(&self.state));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("it is non-blocking");
            axum::serve(listener, router).await
        });
        self.runtime = Some(runtime);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.go_away();
    }
}

/// Counts a request as in flight, also when its connection breaks.
struct InFlight(Arc<Mutex<State>>);

impl InFlight {
    fn enter(state: &Arc<Mutex<State>>) -> Self {
        let mut locked = lock(state);
        locked.in_flight += 1;
        locked.in_flight_max = locked.in_flight_max.max(locked.in_flight);
        Self(Arc::clone(state))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        lock(&self.0).in_flight -= 1;
    }
}

async fn answer(
    Shared(state): Shared<Arc<Mutex<State>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let _in_flight = InFlight::enter(&state);
    let request = Request {
        method: method.to_string(),
        target: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        at: Instant::now(),
    };
    let fault = {
        let mut state = lock(&state);
        state.requests.push(request.clone());
        let key = destination::key(&request, &state.key_field);
        fault::pick(&mut state.rules, key.as_deref())
    };
    match fault {
        None => dispatch(&state, &request),
        Some(Fault::LoseAnswer) => {
            dispatch(&state, &request);
            drop_connection()
        }
        Some(Fault::DropConnection) => drop_connection(),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            dispatch(&state, &request)
        }
        Some(Fault::Status(status, body)) => {
            (StatusCode::from_u16(status).expect("an HTTP status"), axum::Json(body)).into_response()
        }
        Some(Fault::RateLimited { retry_after_seconds }) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, retry_after_seconds.to_string())])
                .into_response()
        }
    }
}

fn dispatch(state: &Mutex<State>, request: &Request) -> Response {
    let mut state = lock(state);
    let sent = request.headers.get("authorization");
    if let Some(token) = &state.bearer
        && sent != Some(&format!("Bearer {token}"))
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(target) = request.target.strip_prefix(SOURCE_PATH) {
        source::read(&state.served, target)
    } else if request.target.starts_with(DESTINATION_PATH) {
        destination::write(&mut state, request)
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// Ends the task of the connection: it closes without an answer. No panic is reported.
fn drop_connection() -> Response {
    std::panic::resume_unwind(Box::new("the connection is dropped, as the test asked"))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
