//! GraphiQL for a browser: the page, its files (built into the program, so it works without internet) and its
//! configuration. Nothing here is needed by programs that use the API.

use std::sync::Arc;

use async_graphql::Executor;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::HttpState;
use super::error::{ErrorCode, json, plain};

/// Where the page reads its tabs and sign-ins.
pub(super) const CONFIG_PATH: &str = "/graphiql/config.json";

/// Only what this server sends may run, and style: GraphiQL makes one style element, with the nonce of its page. What
/// its editor sets on elements by script needs no leave, and what it writes into markup is in `start.css`; its fonts and
/// icons are in its style sheet.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
    font-src data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// What stands for the nonce in the policy and in the page.
const NONCE: &str = "{nonce}";

/// A day: the files change with the program only, and then a day later at the latest.
const ASSET_CACHE_CONTROL: &str = "public, max-age=86400";

const PAGE: &str = include_str!("../../assets/graphiql/index.html");

/// Name, type and content of every file.
const ASSETS: [(&str, &str, &[u8]); 6] = [
    ("graphiql.min.js", JAVASCRIPT, include_bytes!("../../assets/graphiql/graphiql.min.js")),
    ("graphiql.min.css", STYLE_SHEET, include_bytes!("../../assets/graphiql/graphiql.min.css")),
    ("react.production.min.js", JAVASCRIPT, include_bytes!("../../assets/graphiql/react.production.min.js")),
    (
        "react-dom.production.min.js",
        JAVASCRIPT,
        include_bytes!("../../assets/graphiql/react-dom.production.min.js"),
    ),
    ("start.js", JAVASCRIPT, include_bytes!("../../assets/graphiql/start.js")),
    ("start.css", STYLE_SHEET, include_bytes!("../../assets/graphiql/start.css")),
];
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE_SHEET: &str = "text/css; charset=utf-8";

/// What GraphiQL opens with. Everything here is public: anybody who can open the page can read it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphiqlOptions {
    /// Ready-made queries, a tab each. Shown to a browser that has no tabs of its own yet.
    pub tabs: Vec<Tab>,
    /// People to sign in as with one click. For demonstrations only: the passwords are in the page.
    pub sign_ins: Vec<SignIn>,
}

/// A ready-made query. The tab is named by the operation's name.
#[derive(Clone, Debug, Serialize)]
pub struct Tab {
    /// Stands above the query as a comment.
    #[serde(skip)]
    pub title: String,
    /// The document; give its operation a name.
    pub query: String,
    /// JSON text for the variables editor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<String>,
    /// JSON text for the headers editor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<String>,
}

/// A person to sign in as.
#[derive(Clone, Debug, Serialize)]
pub struct SignIn {
    /// On the button, e.g. `Tenant admin`.
    pub title: String,
    /// For the mutation `signIn`.
    pub email: String,
    /// For the mutation `signIn`.
    pub password: String,
}

/// The page for a browser's `GET /graphql`, with a nonce that nobody can foresee.
pub(super) fn page() -> Response {
    let nonce = format!("{:032x}", rand::random::<u128>());
    let mut response = file("text/html; charset=utf-8", PAGE.replace(NONCE, &nonce), "no-cache");
    let headers = response.headers_mut();
    let policy = HeaderValue::try_from(CONTENT_SECURITY_POLICY.replace(NONCE, &nonce));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.expect("it is ASCII"));
    // The same address answers programs with JSON.
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// `GET /graphiql/{file}`.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(candidate, _, _)| *candidate == name) {
        Some((_, content_type, bytes)) => file(content_type, *bytes, ASSET_CACHE_CONTROL),
        None => plain(StatusCode::NOT_FOUND, ErrorCode::NotFound, "GraphiQL has no such file."),
    }
}

/// `GET /graphiql/config.json`.
pub(super) async fn config<E: Executor>(State(state): State<Arc<HttpState<E>>>) -> Response {
    let Some(options) = &state.options.graphiql else {
        return plain(StatusCode::NOT_FOUND, ErrorCode::NotFound, "GraphiQL is switched off.");
    };
    let mut options = options.clone();
    for tab in &mut options.tabs {
        if !tab.title.is_empty() {
            tab.query = format!("# {}\n{}", tab.title.replace(['\r', '\n'], " "), tab.query);
        }
    }
    json(StatusCode::OK, "application/json", &options)
}

fn file(content_type: &'static str, bytes: impl Into<Body>, cache_control: &'static str) -> Response {
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    response
}
