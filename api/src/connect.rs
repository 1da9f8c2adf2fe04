//! The pages where somebody connects a system: plain HTML without scripts, for people who may never have heard of us.
//! Deliberately absent: what a link is good for, and what becomes of it (`domain::connect_link`).

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::App;
use domain::connect_link::{self, ConnectError, Connected, Cookie, Invitation, Return};
use domain::session::Origin;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::http::RequestOrigin;

/// Nothing runs and nothing is loaded; one style element has the page's own nonce.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";
/// What stands for the nonce in the policy.
const NONCE: &str = "{nonce}";
const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.5rem;\
    color:#1b1b1b;background:#fff}h1{font-size:1.5rem}a{display:inline-block;padding:.6rem 1.2rem;border-radius:.4rem;\
    background:#1b4f9c;color:#fff;text-decoration:none}";

/// `state`, and `code` or `error` (RFC 6749, section 4.1.2); and who answers (RFC 9207).
#[derive(Deserialize)]
struct BackQuery {
    state: Option<String>,
    code: Option<SecretString>,
    error: Option<String>,
    iss: Option<String>,
}

/// The pages, at the paths that links and authorization servers lead to.
pub(crate) fn pages(app: Arc<App>) -> Router {
    Router::new().route("/connect/{token}", get(open)).route("/oauth/callback", get(back)).with_state(app)
}

async fn open(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    origin: Extension<RequestOrigin>,
) -> Response {
    match connect_link::open(&app, &token).await {
        Ok(invitation) => {
            let mut response = page(StatusCode::OK, "Connect", &asking(&invitation));
            set_cookie(&mut response, &invitation.cookie);
            response
        }
        Err(error) => refusal(error, &origin),
    }
}

async fn back(
    State(app): State<Arc<App>>,
    query: Result<Query<BackQuery>, QueryRejection>,
    headers: HeaderMap,
    origin: Extension<RequestOrigin>,
) -> Response {
    // What no authorization server sends.
    let Ok(Query(BackQuery { state, code, error, iss })) = query else {
        return refusal(ConnectError::OtherBrowser, &origin);
    };
    let back = Return { state, code, error, issuer: iss, cookies: cookies(&headers) };
    let caller = Origin { address: origin.client, user_agent: origin.user_agent.clone() };
    match connect_link::finish(&app, back, caller, Some(origin.request_id.clone())).await {
        Ok(connected) => {
            // Where they go now they ask as somebody else, of whom nobody knows that they wrote this.
            app.until_replicated().await;
            let mut response = match &connected.return_url {
                Some(url) => Redirect::to(url.as_str()).into_response(),
                None => page(StatusCode::OK, "Connected", &thanks(&connected)),
            };
            set_cookie(&mut response, &connected.cookie);
            response
        }
        Err(error) => refusal(error, &origin),
    }
}

fn asking(invitation: &Invitation) -> String {
    let Invitation { tenant_name, system_name, authorization_host, other_hosts, authorization_url, .. } =
        invitation;
    let mut text = format!(
        "<h1>Connect {system}</h1><p><strong>{tenant}</strong> asks for access to an account of yours, to connect \
         <strong>{system}</strong>. You give it at <strong>{host}</strong>",
        system = escaped(system_name),
        tenant = escaped(tenant_name),
        host = escaped(authorization_host),
    );
    if !other_hosts.is_empty() {
        let hosts: Vec<String> =
            other_hosts.iter().map(|host| format!("<strong>{}</strong>", escaped(host))).collect();
        text.push_str(&format!(", and it is used at {}", hosts.join(" and ")));
    }
    text.push_str(&format!(
        ".</p><p>Go on only if you expected this link and know who sent it. You can still say no there.</p>\
         <p><a href=\"{url}\" rel=\"noreferrer\">Continue to {host}</a></p>",
        url = escaped(authorization_url.as_str()),
        host = escaped(authorization_host),
    ));
    text
}

fn thanks(connected: &Connected) -> String {
    let again = match connected.retried {
        0 => "",
        _ => " What could not go on without it is tried again now.",
    };
    format!(
        "<h1>{system} is connected</h1><p><strong>{tenant}</strong> has access to it now.{again} You can close this \
         page.</p>",
        system = escaped(&connected.system_name),
        tenant = escaped(&connected.tenant_name),
    )
}

/// A page in the words of whoever reads it; or where they come from, when they said no.
fn refusal(error: ConnectError, origin: &RequestOrigin) -> Response {
    let (status, title, words) = match error {
        ConnectError::Denied { return_url: Some(url), .. } => return Redirect::to(url.as_str()).into_response(),
        ConnectError::Denied { server, return_url: None } => (
            StatusCode::OK,
            "Not connected",
            format!(
                "No access was given at {}. Nothing has changed. If that was a mistake, open the link again.",
                escaped(&server)
            ),
        ),
        ConnectError::Gone => (
            StatusCode::GONE,
            "This link is not good any more",
            "It was used, it has ended, or a part of it is missing. Ask whoever sent it for another one.".to_owned(),
        ),
        ConnectError::OtherBrowser => (
            StatusCode::BAD_REQUEST,
            "Not connected",
            "This browser did not begin to connect a system, or it was too long ago. Nothing has changed. Open the \
             link again, and stay in one browser; cookies must be allowed."
                .to_owned(),
        ),
        ConnectError::Closed => (
            StatusCode::CONFLICT,
            "Not connected",
            "The system can't be connected at the moment. Tell whoever sent you the link.".to_owned(),
        ),
        ConnectError::Failed(error) => {
            let why = error.hint.unwrap_or_else(|| "its authorization server can't be reached".to_owned());
            let words = format!(
                "The other side gave no access: {}. Nothing has changed. Try again in a while; if it stays so, tell \
                 whoever sent you the link.",
                escaped(&why)
            );
            (StatusCode::BAD_GATEWAY, "Not connected", words)
        }
        ConnectError::Internal(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                request.id = origin.request_id,
                "a page of connecting could not be answered"
            );
            let words = format!(
                "Something went wrong on our side. Try again; if it stays so, tell whoever sent you the link: {}.",
                escaped(&origin.request_id)
            );
            (StatusCode::INTERNAL_SERVER_ERROR, "Not connected", words)
        }
    };
    page(status, title, &format!("<h1>{title}</h1><p>{words}</p>"))
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let nonce = format!("{:032x}", rand::random::<u128>());
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><style \
         nonce=\"{nonce}\">{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    );
    let mut response = (status, Html(html)).into_response();
    let policy = HeaderValue::try_from(CONTENT_SECURITY_POLICY.replace(NONCE, &nonce));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.expect("it is ASCII"));
    response
}

/// For the pages of connecting alone: no script reads it, no page of another site sends it but by a link.
fn set_cookie(response: &mut Response, cookie: &Cookie) {
    let mut text = format!(
        "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax",
        cookie.name,
        cookie.value.expose_secret(),
        cookie.seconds
    );
    if cookie.is_secure {
        text.push_str("; Secure");
    }
    let mut value = HeaderValue::try_from(text).expect("names and values are ASCII");
    value.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, value);
}

fn cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Text of others in HTML, between tags and in attributes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' | '<' | '>' | '"' | '\'' => {
                // Writing into a text does not fail.
                write!(safe, "&#{};", u32::from(char)).expect("a text grows");
            }
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{cookies, escaped};

    #[test]
    fn what_others_wrote_is_no_markup() {
        let text = escaped("<b onclick='x'>\"A & B\"</b>");
        assert_eq!(text, "&#60;b onclick=&#39;x&#39;&#62;&#34;A &#38; B&#34;&#60;/b&#62;");
    }

    #[test]
    fn cookies_are_read_from_every_header() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; b=x=y;nothing"));
        headers.append(header::COOKIE, HeaderValue::from_static("c=3"));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(cookies(&headers), [pair("a", "1"), pair("b", "x=y"), pair("c", "3")]);
    }
}
