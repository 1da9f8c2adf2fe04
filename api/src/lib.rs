//! The public API of Trestle: GraphQL over HTTP and WebSocket.
//! Transport, protocol and limits are in `http`, the schema in `graphql`; deliberately absent are SQL, permissions and
//! every business rule.

mod authenticator;
pub mod graphql;
pub mod http;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use domain::App;
use ipnet::IpNet;

use self::authenticator::{AppAuthenticator, AppReadiness};
use self::http::{Connections, GraphiqlOptions, HttpOptions};

/// What the API needs besides the [`App`].
pub struct ApiOptions {
    /// Origins (`https://portal.example.com`) of pages that may call this API besides its own. Empty: only its own.
    pub allowed_origins: Vec<HeaderValue>,
    /// Networks of proxies whose `X-Forwarded-For` says who asks. Empty: nobody's does.
    pub trusted_proxies: Vec<IpNet>,
    /// GraphiQL for a browser's `GET /graphql`; `None` switches it off.
    pub graphiql: Option<GraphiqlOptions>,
    /// Prometheus text of the rest of the program, in front of the API's own at `GET /metrics`.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Shared with [`http::serve`]: says when to close, and counts what is still open.
    pub connections: Connections,
}

impl Default for ApiOptions {
    /// No further origins, no trusted proxies, GraphiQL without tabs, no metrics of others.
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            graphiql: Some(GraphiqlOptions::default()),
            metrics: Arc::new(String::new),
            connections: Connections::default(),
        }
    }
}

/// All endpoints of the API as one router; serve it with [`http::serve`].
pub fn router(app: &Arc<App>, options: ApiOptions) -> Router {
    let keys = app.clone();
    http::router(HttpOptions {
        metrics: options.metrics,
        jwks: Arc::new(move || keys.jwks()),
        allowed_origins: options.allowed_origins,
        trusted_proxies: options.trusted_proxies,
        graphiql: options.graphiql,
        connections: options.connections,
        ..HttpOptions::new(
            graphql::schema(),
            Arc::new(AppAuthenticator(app.clone())),
            Arc::new(AppReadiness(app.clone())),
        )
    })
}
