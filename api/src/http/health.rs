//! The endpoints of operation: alive, ready, metrics, and the public keys of access tokens. No GraphQL.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

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
}

/// One thing the server depends on.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Its name in the answer, e.g. `database`.
    pub name: &'static str,
    /// Why it cannot be reached; goes to the log only. `None`: it can.
    pub error: Option<String>,
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> Response {
    error::json(StatusCode::OK, "application/json", &json!({ "status": "alive" }))
}

/// `GET /readyz`: 200 when every dependency answers, else 503. While shutting down it is 503, so that no new
/// requests are sent here.
pub(super) async fn readyz<E: Executor>(State(state): State<Arc<HttpState<E>>>) -> Response {
    let unready = |checks: Map<String, Value>, status: &str| {
        let body = json!({ "status": status, "checks": checks });
        error::json(StatusCode::SERVICE_UNAVAILABLE, "application/json", &body)
    };
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
    if dependencies.iter().any(|dependency| dependency.error.is_some()) {
        return unready(checks, "not ready");
    }
    error::json(StatusCode::OK, "application/json", &json!({ "status": "ready", "checks": checks }))
}

/// `GET /metrics`: Prometheus text format 0.0.4.
pub(super) async fn metrics<E: Executor>(State(state): State<Arc<HttpState<E>>>) -> Response {
    let mut text = (state.options.metrics)();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    state.metrics.write(&mut text);
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
