//! The outside system of the load: sources whose records change from run to run, and a destination that counts the
//! effects of each idempotency key. A fifth of the time it misbehaves. It keeps no idempotency keys itself: what a late
//! or doubled write does to it is seen, not forgiven.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::record;
use crate::harness::random::Random;

/// Fair weather lasts so long on average, in milliseconds, and foul weather a quarter of that.
const FAIR_MS: usize = 4_000;
/// How long a page takes to read, in milliseconds at most, so that many runs are under way at once.
const PAGE_MS_MAX: usize = 400;
/// What a rate-limited caller is told to wait.
const RETRY_AFTER_SECONDS: &str = "1";

/// What the system does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weather {
    /// What it should.
    Fair,
    /// 429 with `Retry-After`.
    RateLimited,
    /// 500.
    Broken,
    /// Never answers.
    Silent,
    /// Does it, and cuts the connection.
    AnswerLost,
    /// Does it, and breaks off in the middle of the answer.
    AnswerCut,
    /// Cuts the connection.
    Gone,
    /// The tenant's system is down, whatever the weather: 503.
    Down,
}

const FOUL: [Weather; 6] = [
    Weather::RateLimited,
    Weather::Broken,
    Weather::Silent,
    Weather::AnswerLost,
    Weather::AnswerCut,
    Weather::Gone,
];

/// Takes the systems of single tenants down.
#[derive(Clone)]
pub(super) struct Gate(Arc<Mutex<State>>);

impl Gate {
    /// From now on the system of this tenant answers 503 to everything.
    pub(super) fn close(&self, tenant: &str) {
        lock(&self.0).down.insert(tenant.to_owned());
    }

    /// From now on it is there again.
    pub(super) fn open(&self, tenant: &str) {
        lock(&self.0).down.remove(tenant);
    }
}

/// A running system, gone when dropped.
pub(super) struct Outside {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    runtime: Option<tokio::runtime::Runtime>,
}

struct State {
    records: usize,
    /// How often the records of each owner changed.
    generations: HashMap<String, usize>,
    stored: HashMap<String, BTreeMap<String, Value>>,
    /// How often a request with each idempotency key changed something, and to what.
    effects: HashMap<String, (u32, String)>,
    /// What came to a path of somebody else.
    strays: Vec<String>,
    requests: BTreeMap<Weather, usize>,
    /// Tenants whose systems are down.
    down: HashSet<String>,
    weather: Weather,
    until: Instant,
    random: Random,
    is_moody: bool,
}

impl Outside {
    /// Starts one in fair weather, with so many records for each owner.
    pub(super) fn start(records: usize, random: Random) -> Self {
        let state = Arc::new(Mutex::new(State {
            records,
            generations: HashMap::new(),
            stored: HashMap::new(),
            effects: HashMap::new(),
            strays: Vec::new(),
            requests: BTreeMap::new(),
            down: HashSet::new(),
            weather: Weather::Fair,
            until: Instant::now(),
            random,
            is_moody: false,
        }));
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of this machine is free");
        listener.set_nonblocking(true).expect("a socket of ours");
        let address = listener.local_addr().expect("it is bound");
        // Threads of its own, so that it answers whatever the test does.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("the machine has a thread left");
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("it is non-blocking");
            axum::serve(listener, router).await
        });
        Self { address, state, runtime: Some(runtime) }
    }

    /// The `baseUrl` of a tenant's system.
    pub(super) fn url(&self, tenant: &str) -> String {
        format!("http://{}/{tenant}", self.address)
    }

    /// What takes the systems of single tenants down.
    pub(super) fn gate(&self) -> Gate {
        Gate(Arc::clone(&self.state))
    }

    /// From now on the weather changes.
    pub(super) fn be_moody(&self) {
        self.lock().is_moody = true;
    }

    /// From now on the weather is fair.
    pub(super) fn calm(&self) {
        let mut state = self.lock();
        state.is_moody = false;
        state.weather = Weather::Fair;
    }

    /// Changes some records of an owner; how often that was done so far.
    pub(super) fn change(&self, owner: &str) -> usize {
        let mut state = self.lock();
        let generation = state.generations.entry(owner.to_owned()).or_default();
        *generation += 1;
        *generation
    }

    /// What an owner's destination has, by key.
    pub(super) fn stored(&self, owner: &str) -> BTreeMap<String, Value> {
        self.lock().stored.get(owner).cloned().unwrap_or_default()
    }

    /// Idempotency keys that had more than one effect, and requests that came to a path of somebody else.
    pub(super) fn wrongs(&self) -> Vec<String> {
        let state = self.lock();
        let twice = state.effects.iter().filter(|(_, (effects, _))| *effects > 1);
        twice
            .map(|(key, (effects, record))| {
                format!("the idempotency key {key} had {effects} effects: {record}")
            })
            .chain(state.strays.iter().cloned())
            .collect()
    }

    /// Requests by what became of them, and idempotency keys with an effect.
    pub(super) fn summary(&self) -> String {
        let state = self.lock();
        format!("{:?}, {} idempotency keys", state.requests, state.effects.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Without waiting: a runtime may not be waited for inside of another one.
            runtime.shutdown_background();
        }
    }
}

impl State {
    fn now(&mut self, uri: &Uri) -> Weather {
        let tenant = uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
        if self.down.contains(tenant) {
            *self.requests.entry(Weather::Down).or_default() += 1;
            return Weather::Down;
        }
        if self.is_moody && Instant::now() >= self.until {
            let (weather, most) = match self.weather {
                Weather::Fair => (FOUL[self.random.below(FOUL.len())], FAIR_MS / 4),
                _ => (Weather::Fair, FAIR_MS),
            };
            self.weather = weather;
            let milliseconds = most / 2 + self.random.below(most);
            self.until = Instant::now() + Duration::from_millis(u64::try_from(milliseconds).expect("small"));
        }
        *self.requests.entry(self.weather).or_default() += 1;
        self.weather
    }

    fn handle(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
        let mut parts = uri.path().trim_start_matches('/').splitn(3, '/');
        let (Some(tenant), Some(kind), Some(owner)) = (parts.next(), parts.next(), parts.next()) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        if !owner.starts_with(tenant) {
            self.strays.push(format!("{method} {uri}"));
        }
        match kind {
            "source" => self.read(owner, uri.query().unwrap_or_default()),
            "records" => self.write(owner, headers, body),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }

    fn read(&self, owner: &str, query: &str) -> Response {
        let number = |name: &str| {
            let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            value.and_then(|value| value.parse::<usize>().ok())
        };
        let (Some(page), Some(size)) = (number("page"), number("size")) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let generation = self.generations.get(owner).copied().unwrap_or_default();
        let places = (0..self.records).skip((page - 1) * size).take(size);
        let records: Vec<Value> = places.map(|place| record::of(owner, place, generation)).collect();
        Json(json!({"data": records})).into_response()
    }

    fn write(&mut self, owner: &str, headers: &HeaderMap, body: &[u8]) -> Response {
        let record: Value = serde_json::from_slice(body).unwrap_or_default();
        let (Some(id), Some(key)) = (record["id"].as_str(), headers.get("idempotency-key")) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        if record["owner"] != owner {
            self.strays.push(format!("{record} came to {owner}"));
        }
        if record["note"].as_str().is_some_and(|note| note.len() > record::NOTE_LENGTH_MAX) {
            return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": "the note is too long"})))
                .into_response();
        }
        let id = id.to_owned();
        let key = String::from_utf8_lossy(key.as_bytes()).into_owned();
        let stored = self.stored.entry(owner.to_owned()).or_default();
        let answer = json!({"id": id});
        let status = if stored.contains_key(&id) { StatusCode::OK } else { StatusCode::CREATED };
        if stored.get(&id) != Some(&record) {
            let effects = self.effects.entry(key).or_insert_with(|| (0, record.to_string()));
            effects.0 += 1;
            stored.insert(id, record);
        }
        (status, Json(answer)).into_response()
    }
}

async fn answer(
    Shared(state): Shared<Arc<Mutex<State>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let lock = || lock(&state);
    let weather = lock().now(&uri);
    match weather {
        Weather::Fair => {
            let wait = if method == Method::GET { lock().random.below(PAGE_MS_MAX) } else { 0 };
            tokio::time::sleep(Duration::from_millis(u64::try_from(wait).expect("small"))).await;
            lock().handle(&method, &uri, &headers, &body)
        }
        Weather::RateLimited => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, RETRY_AFTER_SECONDS)]).into_response()
        }
        Weather::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Weather::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Weather::Silent => std::future::pending().await,
        Weather::AnswerLost => {
            lock().handle(&method, &uri, &headers, &body);
            cut()
        }
        Weather::AnswerCut => {
            let mut answer = lock().handle(&method, &uri, &headers, &body);
            let parts: [Result<&str, &str>; 2] =
                [Ok("{\"id"), Err("the connection is cut, as the test asked")];
            *answer.body_mut() = Body::from_stream(futures::stream::iter(parts));
            answer.headers_mut().remove(header::CONTENT_LENGTH);
            answer
        }
        Weather::Gone => cut(),
    }
}

/// Ends the task of the connection: it closes without an answer. No panic is reported.
fn cut() -> Response {
    std::panic::resume_unwind(Box::new("the connection is cut, as the test asked"))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
