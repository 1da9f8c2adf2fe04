//! The public API of Trestle: GraphQL over HTTP and WebSocket, and the portal that asks it.
//! Transport, protocol and limits are in `http`, the schema in `graphql`; deliberately absent are SQL, permissions and
//! every business rule.

mod allowance;
mod authenticator;
mod connect;
mod dispatch;
mod export;
pub mod graphql;
pub mod http;
mod refusal;
mod upload;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use domain::App;
use ipnet::IpNet;
use telemetry::Instruments;

pub use self::authenticator::Introspection;
pub use self::dispatch::DispatchWatch;
pub use self::export::Exporter;

use self::authenticator::{AppAuthenticator, AppReadiness};
use self::graphql::Freshness;
use self::http::{
    BudgetOptions, Connections, DocumentOptions, GraphiqlOptions, HttpOptions, PortalOptions, SharedStore,
    WebSocketOptions,
};

/// What the API needs besides the [`App`].
pub struct ApiOptions {
    /// Origins (`https://portal.example.com`) of pages that may call this API besides its own. Empty: only its own.
    pub allowed_origins: Vec<HeaderValue>,
    /// Networks of proxies whose `X-Forwarded-For` says who asks. Empty: nobody's does.
    pub trusted_proxies: Vec<IpNet>,
    /// GraphiQL for a browser's `GET /graphql`; `None` switches it off.
    pub graphiql: Option<GraphiqlOptions>,
    /// The portal for a browser's `GET` of whatever is nothing else; `None` switches it off.
    pub portal: Option<PortalOptions>,
    /// Who may read the schema.
    pub introspection: Introspection,
    /// Which documents are answered.
    pub documents: DocumentOptions,
    /// What each caller may ask for; `None`: without end.
    pub budget: Option<BudgetOptions>,
    /// What API processes share; `None`: nothing.
    pub shared: Option<Arc<SharedStore>>,
    /// Timing and number of WebSocket connections.
    pub websocket: WebSocketOptions,
    /// What the API counts with, and `GET /metrics` tells: those of the process, unless somebody wants their own.
    pub instruments: Arc<Instruments>,
    /// Tells at `GET /readyz` and `GET /metrics` when no worker claims what is due; `None`: nobody looks.
    pub dispatch: Option<Arc<DispatchWatch>>,
    /// Checks what is to be exported, and carries it out while it [`run`](Exporter::run)s; `None`: one that only checks.
    pub exporter: Option<Arc<Exporter>>,
    /// Largest file that is put where an integration reads it, in bytes.
    pub upload_bytes_max: u64,
    /// Shared with [`http::serve`]: says when to close, and counts what is still open.
    pub connections: Connections,
    /// Where engineers see a trace, with `{traceId}` in it; `None`: nowhere.
    pub trace_url: Option<String>,
}

impl Default for ApiOptions {
    /// No further origins, no trusted proxies, GraphiQL without tabs, no portal, the schema open to everybody, any document,
    /// no budgets, the instruments of the process, nobody looks whether workers claim, files of 1 GiB.
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            graphiql: Some(GraphiqlOptions::default()),
            portal: None,
            introspection: Introspection::default(),
            documents: DocumentOptions::default(),
            budget: None,
            shared: None,
            websocket: WebSocketOptions::default(),
            instruments: telemetry::instruments().clone(),
            dispatch: None,
            exporter: None,
            upload_bytes_max: 1024 * 1024 * 1024,
            connections: Connections::default(),
            trace_url: None,
        }
    }
}

/// All endpoints of the API as one router; serve it with [`http::serve`].
pub fn router(app: &Arc<App>, options: ApiOptions) -> Router {
    let keys = app.clone();
    let exporter = options.exporter.unwrap_or_else(|| {
        Arc::new(Exporter::new(app.clone(), options.documents.clone(), options.trace_url.clone()))
    });
    if let Some(dispatch) = options.dispatch.clone() {
        options.instruments.before_reading(move |instruments| dispatch.tell(instruments));
    }
    let freshness = Freshness::new(app, options.shared.clone());
    let executor = graphql::ApiExecutor::new(options.trace_url, freshness);
    http::router(HttpOptions {
        instruments: options.instruments,
        jwks: Arc::new(move || keys.jwks()),
        allowed_origins: options.allowed_origins,
        trusted_proxies: options.trusted_proxies,
        graphiql: options.graphiql,
        portal: options.portal,
        terse_executor: Some(executor.terse(exporter.schema().clone())),
        budget: options.budget,
        field_costs: graphql::FIELD_COSTS,
        list_sizes: graphql::LIST_SIZES,
        documents: options.documents,
        shared: options.shared,
        has_replica: app.has_replica(),
        websocket: options.websocket,
        connections: options.connections,
        pages: connect::pages(app.clone())
            .merge(webhook::endpoints(app))
            .merge(export::files(app))
            .merge(upload::files(app, options.upload_bytes_max)),
        ..HttpOptions::new(
            executor,
            Arc::new(AppAuthenticator { app: app.clone(), introspection: options.introspection, exporter }),
            Arc::new(AppReadiness { app: app.clone(), dispatch: options.dispatch }),
        )
    })
}
