//! The transport around the GraphQL schema: HTTP, WebSocket, event streams, limits, GraphiQL, the portal and the endpoints of
//! operation.
//! async-graphql is used as schema and executor only; no resolver and no permission lives here.

mod authentication;
mod budget;
mod documents;
mod error;
mod event_stream;
mod execution;
mod framing;
mod graphiql;
mod graphql;
mod health;
mod introspection;
pub mod limits;
mod metrics;
mod negotiation;
mod occupancy;
mod operation;
mod parameters;
mod parsed;
mod portal;
mod server;
mod shared;
mod strict_json;
mod tokens;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use ipnet::IpNet;
use telemetry::Instruments;
use telemetry::trace::{self, Kind, Span};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use uuid::Uuid;

pub use self::authentication::{AuthenticationError, Authenticator, Identity, RequestOrigin};
pub use self::budget::BudgetOptions;
pub use self::documents::{DocumentOptions, ManifestError, TrustedDocuments};
pub use self::error::{ErrorCode, code_of, coded_error};
pub use self::graphiql::{GraphiqlOptions, SignIn, Tab};
pub use self::health::{Dependency, Dispatch, Readiness, Stall, metrics_router};
pub use self::portal::PortalOptions;
pub use self::server::{Connections, PeerAddress, ServerOptions, serve};
pub use self::shared::{LastWrite, SharedStore, SharedStoreError};
pub use self::websocket::WebSocketOptions;

pub(crate) use self::authentication::bearer_of_headers;
pub(crate) use self::negotiation::encoding_quality;
pub(crate) use self::occupancy::{Occupancy, Place};

use self::budget::Budget;
use self::documents::Documents;
use self::metrics::Metrics;
use self::parsed::ParsedDocuments;
use self::portal::Portal;

/// The path of queries, mutations, subscriptions and GraphiQL.
pub const GRAPHQL_PATH: &str = "/graphql";

/// Response header with the id under which the log knows the request.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// Characters of a caller's own `x-request-id` that are taken over; a UUID has 36, trace systems use up to 64.
const REQUEST_ID_LENGTH_MAX: usize = 64;

/// A year (RFC 6797). Without `includeSubDomains`: other hosts of the domain are not ours to speak for.
const STRICT_TRANSPORT_SECURITY_YEAR: &str = "max-age=31536000";
/// <https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header>
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// <https://html.spec.whatwg.org/multipage/browsers.html#the-coop-headers>
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Paths that traces name.
const ROUTES: [&str; 5] = [GRAPHQL_PATH, "/healthz", "/readyz", "/metrics", "/.well-known/jwks.json"];

/// How long an answer to a CORS preflight may be kept by the browser. Chromium caps it at two hours.
const CORS_MAX_AGE: Duration = Duration::from_secs(2 * 60 * 60);

/// Everything the endpoints need from outside.
pub struct HttpOptions<E> {
    /// The schema (or anything else that executes requests).
    pub executor: E,
    /// The same without suggestions for misspelt names (`disable_suggestions`): for callers who may not read the schema,
    /// and for documents so large that looking for similar names would be an attack. `None`: the one above.
    pub terse_executor: Option<E>,
    /// Turns a bearer token into the identity that resolvers see.
    pub authenticator: Arc<dyn Authenticator>,
    /// Asked by `GET /readyz`.
    pub readiness: Arc<dyn Readiness>,
    /// What the transport counts with, and `GET /metrics` tells.
    pub instruments: Arc<Instruments>,
    /// The public keys of access tokens (RFC 7517), served at `GET /.well-known/jwks.json`.
    pub jwks: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// Origins (`https://portal.example.com`) of pages that may call this API besides its own. Empty: only its own.
    pub allowed_origins: Vec<HeaderValue>,
    /// Networks of proxies whose `X-Forwarded-For` says who asks. Empty: nobody's does.
    pub trusted_proxies: Vec<IpNet>,
    /// GraphiQL for a browser's `GET /graphql`; `None` switches it off.
    pub graphiql: Option<GraphiqlOptions>,
    /// The portal for a browser's `GET` of whatever is nothing else; `None` switches it off.
    pub portal: Option<PortalOptions>,
    /// What each caller may ask for; `None`: without end.
    pub budget: Option<BudgetOptions>,
    /// Points that fields cost whose work is more than a field's, by their names: hashing a password, calling another
    /// system. Every other field costs one.
    pub field_costs: &'static [(&'static str, u64)],
    /// How many there are at most in lists without pages, by the names of their fields: what is below counts as often.
    pub list_sizes: &'static [(&'static str, u64)],
    /// Which documents are answered.
    pub documents: DocumentOptions,
    /// What processes share; `None`: nothing.
    pub shared: Option<Arc<SharedStore>>,
    /// Whether queries may be answered by a replica, for which must be known what their callers wrote ([`LastWrite`]).
    pub has_replica: bool,
    /// Longest execution of a query or mutation.
    pub execution_timeout: Duration,
    /// Timing of WebSocket connections and event streams.
    pub websocket: WebSocketOptions,
    /// Shared with [`serve`]: says when to close, and counts what is still open.
    pub connections: Connections,
    /// Pages for people and endpoints for systems beside the API. Their requests have a [`RequestOrigin`] among their extensions.
    pub pages: Router,
}

impl<E: Executor> HttpOptions<E> {
    /// Options with everything optional at its default: no further origins, no trusted proxies, GraphiQL without tabs, no
    /// portal, instruments of its own, an empty key set, no budgets, any document, 30 s of execution.
    pub fn new(executor: E, authenticator: Arc<dyn Authenticator>, readiness: Arc<dyn Readiness>) -> Self {
        Self {
            executor,
            terse_executor: None,
            authenticator,
            readiness,
            instruments: Arc::default(),
            jwks: Arc::new(|| serde_json::json!({ "keys": [] })),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            graphiql: Some(GraphiqlOptions::default()),
            portal: None,
            budget: None,
            field_costs: &[],
            list_sizes: &[],
            documents: DocumentOptions::default(),
            shared: None,
            has_replica: false,
            execution_timeout: limits::EXECUTION_TIMEOUT,
            websocket: WebSocketOptions::default(),
            connections: Connections::default(),
            pages: Router::new(),
        }
    }
}

impl<E> HttpOptions<E> {
    fn executor(&self, may_suggest: bool) -> &E {
        self.terse_executor.as_ref().filter(|_| !may_suggest).unwrap_or(&self.executor)
    }
}

/// What all handlers share.
struct HttpState<E> {
    options: HttpOptions<E>,
    metrics: Metrics,
    budget: Option<Budget>,
    documents: Documents,
    parsed: ParsedDocuments,
    portal: Option<Portal>,
    /// Queries and mutations that run, by caller.
    executing: Occupancy,
    /// WebSockets and event streams, by caller and all together.
    sockets: Occupancy,
    /// WebSockets on which nobody has said yet who they are, by network.
    handshakes: Occupancy,
}

/// Connections of all callers in one process on which they subscribe: half of what the listener accepts, so that requests
/// get through.
const CONNECTIONS_MAX: usize = 5_000;
/// The name under which they are counted all together.
const EVERYBODY: &str = "everybody";

impl<E> HttpState<E> {
    /// A place for one more connection on which somebody subscribes; `None` when there are too many.
    fn enter_connection(&self) -> Option<Place> {
        self.sockets.enter(EVERYBODY, CONNECTIONS_MAX)
    }
}

/// How far pages of others may take an answer in, in its extensions; without it not at all, but for what they ask by CORS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Openness {
    /// In frames, as its content security policy says.
    Framed,
    /// As a script, a style or a picture.
    Shared,
}

/// The id of one HTTP request, in its extensions.
#[derive(Clone)]
struct RequestId(String);

/// All endpoints as one router; serve it with [`serve`].
pub fn router<E: Executor>(mut options: HttpOptions<E>) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(options.allowed_origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            header::IF_NONE_MATCH,
            HeaderName::from_static(REQUEST_ID_HEADER),
            // Of pages that are traced: a request of theirs with one that is not allowed does not come at all.
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
        ])
        .expose_headers([
            HeaderName::from_static(REQUEST_ID_HEADER),
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
        ])
        .max_age(CORS_MAX_AGE);
    let trusted_proxies: Arc<[IpNet]> = options.trusted_proxies.clone().into();
    let portal = options.portal.take().map(|portal| Portal::new(portal, &options.allowed_origins));
    let pages = std::mem::take(&mut options.pages);
    let pages = pages.layer(middleware::from_fn_with_state(trusted_proxies.clone(), tell_origin));
    let state = Arc::new(HttpState {
        metrics: Metrics::new(options.instruments.clone()),
        budget: options.budget.map(|budget| Budget::new(budget, options.shared.clone())),
        documents: Documents::new(options.documents.clone(), options.shared.clone()),
        parsed: ParsedDocuments::default(),
        portal,
        executing: Occupancy::default(),
        sockets: Occupancy::default(),
        handshakes: Occupancy::default(),
        options,
    });
    Router::new()
        .route(GRAPHQL_PATH, any(graphql::handle::<E>))
        .route(graphiql::CONFIG_PATH, get(graphiql::config::<E>))
        .route("/graphiql/{file}", get(graphiql::asset))
        .route(portal::CONFIG_PATH, get(portal::config::<E>))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz::<E>))
        .route("/metrics", get(health::metrics::<E>))
        .route("/.well-known/jwks.json", get(health::jwks::<E>))
        .merge(pages.with_state(()))
        .fallback(portal_or_nothing::<E>)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
        .layer(cors)
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("a handler panicked");
            error::plain(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, error::INTERNAL_MESSAGE)
        }))
        .layer(middleware::from_fn_with_state(trusted_proxies, finish_response))
}

/// What the portal has. Without it a person who opens the bare address is sent to GraphiQL; everything else unknown is a
/// 404.
async fn portal_or_nothing<E: Executor>(
    State(state): State<Arc<HttpState<E>>>,
    request: Request,
) -> Response {
    let (request, _body) = request.into_parts();
    if let Some(answer) = state.portal.as_ref().and_then(|portal| portal.answer(&request)) {
        return answer;
    }
    if request.uri.path() == "/" && request.method == Method::GET {
        return Redirect::temporary(GRAPHQL_PATH).into_response();
    }
    error::plain(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        "There is nothing at this path. The API is at /graphql.",
    )
}

async fn method_not_allowed() -> Response {
    error::plain(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::BadRequest,
        "This path does not take this method.",
    )
}

/// Gives the request its id, and every answer its id, its security headers and its cache rule.
async fn finish_response(
    State(trusted_proxies): State<Arc<[IpNet]>>,
    mut request: Request,
    next: Next,
) -> Response {
    let is_encrypted = came_encrypted(&request, &trusted_proxies);
    let id = request
        .headers()
        .get(REQUEST_ID_HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_request_id(id))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = request_span(&request);
    let mut response = span.within(next.run(request)).await;
    tell_status(&span, response.status());
    let openness = response.extensions().get::<Openness>().copied();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID_HEADER, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if openness != Some(Openness::Framed) {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    // Pages of others may ask by CORS, and not take answers in as scripts, images or frames.
    let taken_in_by = if openness == Some(Openness::Shared) { "cross-origin" } else { "same-origin" };
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static(taken_in_by));
    headers.insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
    if is_encrypted {
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static(STRICT_TRANSPORT_SECURITY_YEAR));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The span of a request, by OpenTelemetry's conventions, in the trace that its caller names. Its path is one of ours, or
/// not told: others hold what nobody knows, and links hold tokens.
fn request_span(request: &Request) -> Span {
    if !trace::is_on() {
        return Span::default();
    }
    let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let span = trace::root(Kind::Server, "HTTP", traceparent);
    if span.is_recorded() {
        let method = match *request.method() {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::OPTIONS => "OPTIONS",
            Method::HEAD => "HEAD",
            _ => "_OTHER",
        };
        span.set("http.request.method", method);
        match ROUTES.iter().find(|route| **route == request.uri().path()) {
            Some(route) => {
                span.set("http.route", *route);
                span.set("url.path", *route);
                span.rename(format!("{method} {route}"));
            }
            None => span.rename(method),
        }
        span.set("network.protocol.version", "1.1");
        if let Some(id) = request.extensions().get::<RequestId>() {
            span.set("request.id", id.0.clone());
        }
    }
    span
}

fn tell_status(span: &Span, status: StatusCode) {
    if span.is_recorded() {
        span.set("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            span.fail(status.as_u16().to_string());
        }
    }
}

/// Tells a page where its request comes from.
async fn tell_origin(State(trusted_proxies): State<Arc<[IpNet]>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let origin = RequestOrigin::of(&parts, &trusted_proxies);
    parts.extensions.insert(origin);
    next.run(Request::from_parts(parts, body)).await
}

/// Whether the caller spoke TLS, by the word of a proxy that is trusted: the header means something then only.
fn came_encrypted(request: &Request, trusted_proxies: &[IpNet]) -> bool {
    let peer = request.extensions().get::<PeerAddress>().map(|peer| peer.0.ip().to_canonical());
    let is_trusted = peer.is_some_and(|peer| trusted_proxies.iter().any(|network| network.contains(&peer)));
    is_trusted && request.headers().get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

/// Ids of callers end up in the log, so only what cannot forge a log line is taken over.
fn is_request_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= REQUEST_ID_LENGTH_MAX
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
