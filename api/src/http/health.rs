//! The endpoints of operation: alive, ready, metrics, and the public keys of access tokens. No GraphQL.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};
use telemetry::Instruments;

use super::HttpState;
use super::error;

/// Longest wait for the answer of all dependencies; orchestrators give a probe 1 to 10 s.
const READINESS_TIMEOUT: Duration = Duration::from_secs(5);

/// How long others may keep the public keys. A new key is published a minute before it signs; every process here has
/// it after 15 s, so that those who keep to this have it in time.
const JWKS_CACHE_CONTROL: &str = "public, max-age=30";

/// Tells whether what the server depends on can be reached.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// One entry for each dependency, asked now.
    async fn check(&self) -> Vec<Dependency>;

    /// How a replica is that answers queries, in one word, as it was seen last; `None` where there is none. Without it the
    /// primary answers them.
    fn replica(&self) -> Option<&'static str> {
        None
    }

    /// Whether workers take what is due, as it was seen last.
    fn dispatch(&self) -> Dispatch {
        Dispatch::Unwatched
    }
}

/// One thing the server depends on.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Its name in the answer, e.g. `database`.
    pub name: &'static str,
    /// Why it cannot be reached; goes to the log only. `None`: it can.
    pub error: Option<String>,
}

/// Whether workers take what is due.
#[derive(Clone, Debug)]
pub enum Dispatch {
    /// Nobody looks.
    Unwatched,
    /// They do, or nothing is due.
    Works,
    /// They do not.
    Stalled(Stall),
}

/// That no worker takes what is due.
#[derive(Clone, Debug)]
pub struct Stall {
    /// What is wrong and what to do about it, for whoever operates this; numbers only.
    pub reason: String,
    /// This process has a worker that should.
    pub is_of_this_process: bool,
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> Response {
    error::json(StatusCode::OK, "application/json", &json!({ "status": "alive" }))
}

/// `GET /readyz`: 200 when every dependency answers, else 503. While shutting down it is 503, so that no new
/// requests are sent here. How a replica is stands among the checks, and makes nothing of it worse. That no worker takes what is due makes it `degraded`: a process that only serves can still be
/// sent requests; one whose own worker should take it is not ready.
pub(super) async fn readyz<E: Executor>(State(state): State<Arc<HttpState<E>>>) -> Response {
    let told = |code: StatusCode, status: &str, checks: Map<String, Value>, reason: Option<String>| {
        let mut body = json!({ "status": status, "checks": checks });
        if let Some(reason) = reason {
            body["reason"] = reason.into();
        }
        error::json(code, "application/json", &body)
    };
    let unready = |checks, status: &str| told(StatusCode::SERVICE_UNAVAILABLE, status, checks, None);
    if state.options.connections.is_shutting_down() {
        return unready(Map::new(), "shutting down");
    }
    let Ok(dependencies) = tokio::time::timeout(READINESS_TIMEOUT, state.options.readiness.check()).await
    else {
        tracing::warn!(
            limit_ms = READINESS_TIMEOUT.as_millis() as u64,
            "readiness could not be told in time"
        );
        return unready(Map::new(), "not ready");
    };
    let mut checks = Map::new();
    for dependency in &dependencies {
        if let Some(error) = &dependency.error {
            tracing::warn!(dependency = dependency.name, error = %error, "a dependency cannot be reached");
        }
        let status = if dependency.error.is_none() { "ok" } else { "unreachable" };
        checks.insert(dependency.name.to_owned(), status.into());
    }
    let replica = state.options.readiness.replica();
    checks.extend(replica.map(|replica| ("replica".to_owned(), replica.into())));
    let dispatch = state.options.readiness.dispatch();
    let check = match &dispatch {
        Dispatch::Unwatched => None,
        Dispatch::Works => Some("ok"),
        Dispatch::Stalled(_) => Some("stalled"),
    };
    checks.extend(check.map(|check| ("dispatch".to_owned(), check.into())));
    let is_unreachable = dependencies.iter().any(|dependency| dependency.error.is_some());
    match dispatch {
        Dispatch::Stalled(Stall { reason, is_of_this_process }) if is_unreachable || is_of_this_process => {
            told(StatusCode::SERVICE_UNAVAILABLE, "not ready", checks, Some(reason))
        }
        Dispatch::Stalled(Stall { reason, .. }) => told(StatusCode::OK, "degraded", checks, Some(reason)),
        _ if is_unreachable => unready(checks, "not ready"),
        _ => told(StatusCode::OK, "ready", checks, None),
    }
}

/// `GET /metrics` and `GET /healthz` alone, for a process without an API; serve it with [`serve`](super::serve).
pub fn metrics_router(instruments: Arc<Instruments>) -> Router {
    Router::new()
        .route("/metrics", get(async move || prometheus(instruments.prometheus())))
        .route("/healthz", get(healthz))
}

/// `GET /metrics`: Prometheus text format 0.0.4.
pub(super) async fn metrics<E: Executor>(State(state): State<Arc<HttpState<E>>>) -> Response {
    prometheus(state.metrics.text())
}

fn prometheus(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// `GET /.well-known/jwks.json`.
pub(super) async fn jwks<E: Executor>(State(state): State<Arc<HttpState<E>>>) -> Response {
    let mut response = error::json(StatusCode::OK, "application/jwk-set+json", &(state.options.jwks)());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(JWKS_CACHE_CONTROL));
    response
}
