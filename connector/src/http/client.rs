//! One API and what every request to it needs: base URL, headers, credentials, rate limit, time-out,
//! size limit, and the words for what went wrong. Deliberately absent: pages and records.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::refusal;
use crate::egress::{self, Redirects};
use crate::exchange::{Captured, Redactor, Sent};
use crate::{
    AccessTokens, Classified, Egress, Pace, Progress, Record, SystemAccess, SystemError, SystemErrorKind,
    call, options,
};

/// Longest time-out that can be asked for, in milliseconds.
pub(crate) const TIMEOUT_MS_MAX: u64 = 120_000;
/// One reply with records, at most, in bytes: what a run may hold in memory, with room for the records made of it.
pub(crate) const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Enough of a reply to say that the API is there.
pub(crate) const PROBE_BYTES_MAX: usize = 1024 * 1024;
/// What `Retry-After` may make a whole run wait; longer waits are the engine's to decide.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// Refusals whose request and reply are captured at once, until what became of their page is stored: a run keeps half as
/// many.
const CAPTURED_MAX: usize = 200;
/// Values of a query that have so many bytes and digits among them may be keys.
const KEY_BYTES_MIN: usize = 8;
/// What names of parameters have in them whose values are keys, beside the names that tell of secrets everywhere.
const KEY_NAMES: [&str; 5] = ["key", "auth", "code", "session", "sig"];
/// Headers that belong to the connection, which the client sets itself.
const HEADERS_RESERVED: [&str; 6] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "proxy-authorization"];

/// Headers of a config whose values are no secrets; others are never shown.
const HEADERS_PLAIN: [&str; 6] =
    ["accept", "accept-language", "content-type", "user-agent", "accept-encoding", "prefer"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    base_url: String,
    #[serde(flatten)]
    settings: Settings,
}

/// What a config says of every request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settings {
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    auth: Auth,
    rate_limit_per_second: Option<f64>,
    #[serde(default = "default_timeout_ms")]
    timeout_ms: u64,
}

#[derive(Deserialize, Default, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "camelCase")]
enum Auth {
    #[default]
    None,
    Bearer,
    Basic,
    Header,
    Oauth2,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Credentials {
    token: Option<String>,
    username: Option<String>,
    password: Option<String>,
    header_name: Option<String>,
    header_value: Option<String>,
    /// Who opens the connector asks for tokens with it.
    #[serde(rename = "clientId")]
    _client_id: Option<String>,
    client_secret: Option<String>,
}

fn default_timeout_ms() -> u64 {
    30_000
}

/// An API, ready for requests.
pub(crate) struct Client {
    egress: Egress,
    http: reqwest::Client,
    base: Url,
    /// Whom requests may tell of traces.
    pub(super) tell: call::Tell,
    redactor: Arc<Redactor>,
    /// For captured refusals.
    room: Arc<Semaphore>,
    tokens: Option<Arc<dyn AccessTokens>>,
    spacing: Option<Duration>,
    next_at: Mutex<Instant>,
    pace: Pace,
    progress: Progress,
}

/// A whole reply.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    /// True when the body was longer than asked for, and is cut.
    pub(crate) is_cut: bool,
    sent: Sent,
    took: Duration,
    redactor: Arc<Redactor>,
}

impl Reply {
    /// It, with what it answers, for engineers to look at.
    pub(crate) fn capture(&self) -> Option<Captured> {
        let response = (self.status, &self.headers, self.body.as_slice(), self.is_cut);
        Captured::new(self.redactor.clone(), &self.sent, self.took, Some(response))
    }
}

impl Client {
    pub(crate) fn open(
        egress: &Egress,
        access: &SystemAccess,
        redirects: Redirects,
    ) -> Result<Self, SystemError> {
        let config: Config = options::decode("config", &access.config)?;
        let client = Self::at(egress, access, &config.base_url, config.settings, redirects)?;
        if client.base.query().is_some() {
            return Err(misconfigured("baseUrl has a query").with_hint(
                "the base URL must not contain ? or #; parameters belong into the stream's query",
            ));
        }
        Ok(client)
    }

    /// The API at an address, with the access's credentials.
    pub(crate) fn at(
        egress: &Egress,
        access: &SystemAccess,
        address: &str,
        settings: Settings,
        redirects: Redirects,
    ) -> Result<Self, SystemError> {
        let credentials: Credentials = serde_json::from_str(access.credentials.expose_secret())
            .map_err(|_| misconfigured("the credentials are not what the connector takes"))?;
        let base = Url::parse(address).map_err(|error| {
            misconfigured(format!("the URL: {error}")).with_hint("the URL is not a valid address")
        })?;
        egress.check_url(&base)?;
        if base.fragment().is_some() {
            return Err(misconfigured("the URL has a fragment").with_hint("the URL must not contain #"));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            if HEADERS_RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(misconfigured(format!("header {name} is set by the connection"))
                    .with_hint(format!("the header {name} can't be set")));
            }
            headers.insert(header_name(name)?, header_value(name, value, false)?);
        }
        let custom: Vec<HeaderName> = headers.keys().cloned().collect();
        let mut secrets = authenticate(settings.auth, &credentials, &mut headers)?;
        // Headers and parameters of a config may be keys too, whatever the form says.
        let values = custom.iter().filter(|name| !HEADERS_PLAIN.contains(&name.as_str()));
        let values = values.filter_map(|name| headers.get(name)?.to_str().ok());
        secrets.extend(values.flat_map(hidden));
        secrets.extend(base.query_pairs().map(|(_, value)| value.into_owned()));
        secrets.extend(base.password().map(str::to_owned));
        let tokens = match settings.auth {
            Auth::Oauth2 => Some(access.tokens.clone().ok_or_else(|| {
                SystemError::new(SystemErrorKind::Internal, "nobody gives out access tokens")
            })?),
            _ => None,
        };
        // Custom headers may be keys too, whatever the form says.
        let redirects = match redirects {
            Redirects::SameOrigin if settings.auth == Auth::None && settings.headers.is_empty() => {
                Redirects::AnyOrigin
            }
            other => other,
        };
        let tell = match redirects {
            _ if headers.contains_key(call::TRACEPARENT) => call::Tell::Nobody,
            Redirects::AnyOrigin => call::Tell::Anybody,
            Redirects::None | Redirects::SameOrigin => call::Tell::Host,
        };
        let timeout = Duration::from_millis(settings.timeout_ms.clamp(1, TIMEOUT_MS_MAX));
        let http = egress.client(timeout, redirects, headers)?;
        let spacing = settings.rate_limit_per_second.filter(|rate| *rate > 0.0).map(|rate| 1.0 / rate);
        Ok(Self {
            egress: egress.clone(),
            http,
            base,
            tell,
            redactor: Arc::new(Redactor::new(secrets)),
            room: Arc::new(Semaphore::new(CAPTURED_MAX)),
            tokens,
            // Slower than one request an hour is a typing error; it must not overflow.
            spacing: spacing.map(|seconds| Duration::from_secs_f64(seconds.min(3600.0))),
            next_at: Mutex::new(Instant::now()),
            pace: access.pace.clone(),
            progress: access.progress.clone(),
        })
    }

    /// The same for a stream some of whose fields are classified.
    pub(crate) fn classified(mut self, classified: &Classified) -> Self {
        self.redactor = Arc::new(self.redactor.classifying(classified));
        self
    }

    /// The same with more that must never be shown.
    pub(crate) fn hiding(mut self, secrets: impl IntoIterator<Item = String>) -> Self {
        self.redactor = Arc::new(self.redactor.hiding(secrets));
        self
    }

    /// What is captured of a refused record, as long as there is room for it.
    pub(crate) fn keep(&self, capture: impl FnOnce() -> Option<Captured>) -> Option<Captured> {
        let place = self.room.clone().try_acquire_owned().ok()?;
        Some(capture()?.within(place))
    }

    /// Waits before a request is sent again.
    pub(crate) async fn rest(&self, wait: Duration) {
        self.progress.rests(wait);
        tokio::time::sleep(wait).await;
    }

    /// A request is sent again.
    pub(crate) fn retries(&self) {
        self.progress.retries();
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// `path` below the base URL. Its query, if any, is kept.
    pub(crate) fn join(&self, path: &str) -> Result<Url, SystemError> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let leaves = path.contains(['\\', '#'])
            || path.split('/').any(|segment| {
                let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
                matches!(decoded.as_str(), "." | "..") || decoded.contains("%2f") || decoded.contains("%5c")
            });
        if leaves {
            return Err(misconfigured(format!("path {path:?} leaves the base URL"))
                .with_hint("the path must stay below the base URL: no `..`, `\\` or `#`"));
        }
        let mut url = self.base.clone();
        let relative = path.trim_start_matches('/');
        if !relative.is_empty() {
            let joined = format!("{}/{relative}", self.base.path().trim_end_matches('/'));
            url.set_path(&joined);
        }
        url.set_query(query.filter(|query| !query.is_empty()));
        Ok(url)
    }

    pub(crate) fn get(&self, url: Url) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Waits for its turn, sends, and reads the reply up to `bytes_max`. What is refused because its access token is not
    /// good any more is sent once more with another one.
    pub(crate) async fn send(&self, request: RequestBuilder, bytes_max: usize) -> Result<Reply, SystemError> {
        self.send_about(&[], request, bytes_max).await
    }

    /// The same of a request about these records, whose classified values nothing may repeat that is said of it.
    pub(crate) async fn send_about(
        &self,
        about: &[&Record],
        request: RequestBuilder,
        bytes_max: usize,
    ) -> Result<Reply, SystemError> {
        let Some(tokens) = &self.tokens else { return self.send_once(about, request, None, bytes_max).await };
        let again = request.try_clone();
        let token = tokens.access_token().await?;
        let reply = self.send_once(about, request, Some(&token), bytes_max).await?;
        match again {
            Some(again) if reply.status == StatusCode::UNAUTHORIZED => {
                let token = tokens.refused(&token).await?;
                self.send_once(about, again, Some(&token), bytes_max).await
            }
            _ => Ok(reply),
        }
    }

    async fn send_once(
        &self,
        about: &[&Record],
        request: RequestBuilder,
        token: Option<&SecretString>,
        bytes_max: usize,
    ) -> Result<Reply, SystemError> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(|error| self.transport_error(error, None))?;
        if let Some(token) = token {
            self.progress.heard();
            self.redactor.hide(token);
            let bearer =
                header_value("the access token", &format!("Bearer {}", token.expose_secret()), true)?;
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        self.egress.check_url(request.url())?;
        self.pace.turn(&self.progress).await;
        self.take_turn().await;
        let call = call::begin(&mut request, self.tell);
        let mut sent = Sent::of(&request);
        let mut response = match call.within(client.execute(request)).await {
            Ok(response) => {
                call::answered(&call, response.status());
                response
            }
            Err(error) => {
                call.fail("no_answer");
                self.redactor.remember(&mut sent, about);
                let exchange = Captured::new(self.redactor.clone(), &sent, sent.age(), None);
                return Err(SystemError { exchange, ..self.transport_error(error, Some(&sent)) });
            }
        };
        if !response.status().is_success() {
            self.redactor.remember(&mut sent, about);
        }
        let mut reply = Reply {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: Vec::new(),
            url: response.url().clone(),
            is_cut: false,
            took: Duration::ZERO,
            redactor: self.redactor.clone(),
            sent,
        };
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // A part of a reply has come.
                Err(error) => {
                    self.redactor.remember(&mut reply.sent, about);
                    (reply.took, reply.is_cut) = (reply.sent.age(), true);
                    let exchange = reply.capture();
                    return Err(SystemError { exchange, ..self.transport_error(error, Some(&reply.sent)) });
                }
            };
            if reply.body.len() + chunk.len() > bytes_max {
                reply.body.extend_from_slice(&chunk[..bytes_max - reply.body.len()]);
                reply.is_cut = true;
                break;
            }
            reply.body.extend_from_slice(&chunk);
        }
        reply.took = reply.sent.age();
        self.progress.heard();
        Ok(reply)
    }

    /// What a status other than 2xx says about the whole API.
    pub(crate) fn status_error(&self, reply: &Reply) -> SystemError {
        let status = reply.status.as_u16();
        let (kind, hint) = match status {
            401 | 403 => (SystemErrorKind::Unauthorized, None),
            404 | 410 => (SystemErrorKind::NotFound, None),
            408 => (SystemErrorKind::Timeout, None),
            429 => (SystemErrorKind::RateLimited, None),
            500..=599 => (SystemErrorKind::Unavailable, None),
            300..=399 => (
                SystemErrorKind::Misconfigured,
                Some(format!(
                    "the API redirects to another address (HTTP {status}); enter the final address"
                )),
            ),
            _ => (
                SystemErrorKind::Misconfigured,
                Some(format!(
                    "the API refuses the request (HTTP {status}); check path, method and parameters"
                )),
            ),
        };
        let retry_after =
            matches!(status, 429 | 503).then(|| retry_after(&reply.headers, RETRY_AFTER_MAX)).flatten();
        SystemError {
            kind,
            detail: format!("HTTP {status} from {}: {}", self.address(reply), self.excerpt(reply)),
            hint,
            http_status: Some(status),
            retry_after,
            exchange: reply.capture(),
        }
    }

    /// The reply's text for engineers: cut to 2 KiB, secrets blanked, what is classified masked, also where it repeats what
    /// was sent.
    pub(crate) fn excerpt(&self, reply: &Reply) -> String {
        self.redactor.excerpt(&reply.body, reply.is_cut, &reply.sent)
    }

    /// Where the reply came from, which may have been asked for by the key of a record.
    pub(crate) fn address(&self, reply: &Reply) -> String {
        self.redactor.told(&address(&reply.url), Some(&reply.sent))
    }

    fn transport_error(&self, error: reqwest::Error, sent: Option<&Sent>) -> SystemError {
        if let Some(refused) = egress::refusal(&error) {
            return refused;
        }
        let address = error.url().map_or_else(|| address(&self.base), address);
        let error = error.without_url();
        let detail = self.redactor.told(&format!("{address}: {}", egress::chain(&error)), sent);
        if error.is_timeout() {
            SystemError::new(SystemErrorKind::Timeout, detail)
        } else if error.is_builder() {
            SystemError::new(SystemErrorKind::Misconfigured, detail)
        } else if detail.contains("certificate") {
            SystemError::new(SystemErrorKind::Misconfigured, detail)
                .with_hint("the server's certificate is not valid for this address")
        } else {
            SystemError::new(SystemErrorKind::Unavailable, detail)
        }
    }

    async fn take_turn(&self) {
        let Some(spacing) = self.spacing else { return };
        let turn = {
            let mut next_at = self.next_at.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next_at).max(Instant::now());
            *next_at = turn + spacing;
            turn
        };
        self.progress.rests(turn.saturating_duration_since(Instant::now()));
        tokio::time::sleep_until(turn).await;
    }
}

/// Puts the credentials into the headers; answers with the texts that must never be shown.
fn authenticate(
    auth: Auth,
    credentials: &Credentials,
    headers: &mut HeaderMap,
) -> Result<Vec<String>, SystemError> {
    let missing = |what: &str| {
        SystemError::new(SystemErrorKind::Unauthorized, format!("credentials have no {what}"))
            .with_hint(format!("the credentials have no {what}"))
    };
    match auth {
        Auth::None => Ok(Vec::new()),
        Auth::Bearer => {
            let token = credentials.token.as_deref().ok_or_else(|| missing("token"))?;
            headers.insert(AUTHORIZATION, header_value("token", &format!("Bearer {token}"), true)?);
            Ok(vec![token.to_owned()])
        }
        Auth::Basic => {
            let username = credentials.username.as_deref().ok_or_else(|| missing("username"))?;
            let password = credentials.password.as_deref().unwrap_or_default();
            let encoded = STANDARD.encode(format!("{username}:{password}"));
            headers.insert(AUTHORIZATION, header_value("password", &format!("Basic {encoded}"), true)?);
            Ok(vec![username.to_owned(), password.to_owned(), encoded])
        }
        Auth::Header => {
            let name = credentials.header_name.as_deref().ok_or_else(|| missing("headerName"))?;
            let value = credentials.header_value.as_deref().ok_or_else(|| missing("headerValue"))?;
            if HEADERS_RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(misconfigured("the credentials' header is set by the connection")
                    .with_hint("this header can't be set"));
            }
            headers.insert(header_name(name)?, header_value("headerValue", value, true)?);
            Ok(hidden(value).collect())
        }
        // Each request gets the token of its moment.
        Auth::Oauth2 => Ok(credentials.client_secret.clone().into_iter().collect()),
    }
}

/// Of a header's value: it, and what stands behind a scheme, as in `Token abc`.
fn hidden(value: &str) -> impl Iterator<Item = String> {
    let behind = value.trim().split_once(' ').map(|(_scheme, behind)| behind.trim().to_owned());
    [value.to_owned()].into_iter().chain(behind)
}

/// Values of a stream's query that may be keys, whatever the form says: by their names, or by their look. Others stand in
/// replies as words.
pub(crate) fn query_keys(url: &Url, query: &Map<String, Value>) -> Vec<String> {
    let set = query.iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name.clone(), text.clone())),
        Value::Number(number) => Some((name.clone(), number.to_string())),
        _ => None,
    });
    let written = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
    let may_be_key = |(name, value): &(String, String)| {
        let name = name.to_ascii_lowercase();
        refusal::is_telling(&name)
            || KEY_NAMES.iter().any(|part| name.contains(part))
            || (value.len() >= KEY_BYTES_MIN && value.bytes().any(|byte| byte.is_ascii_digit()))
    };
    written.chain(set).filter(may_be_key).map(|(_name, value)| value).collect()
}

fn header_name(name: &str) -> Result<HeaderName, SystemError> {
    HeaderName::try_from(name).map_err(|_| {
        misconfigured("a header name is not valid").with_hint("a header has a name that is not valid")
    })
}

fn header_value(of: &str, value: &str, is_secret: bool) -> Result<HeaderValue, SystemError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        misconfigured(format!("{of} can't be sent in a header"))
            .with_hint(format!("{of} has characters that can't be sent in a header"))
    })?;
    value.set_sensitive(is_secret);
    Ok(value)
}

/// `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), at most `max`. A date counts from the
/// reply's own `Date`, since clocks differ.
pub fn retry_after(headers: &HeaderMap, max: Duration) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(max));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
    let now = headers
        .get(DATE)
        .and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok())
        .map_or_else(|| DateTime::<Utc>::from(SystemTime::now()), |date| date.with_timezone(&Utc));
    Some((at - now).to_std().unwrap_or_default().min(max))
}

/// A URL for engineers: without its query, which may hold keys.
pub(crate) fn address(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

pub(crate) fn misconfigured(detail: impl Into<String>) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, detail)
}

/// Of `headers` in a config.
pub(crate) fn headers_schema() -> Value {
    json!({
        "type": "object", "maxProperties": 50,
        "additionalProperties": {"type": "string", "maxLength": 8000},
        "description": "Sent with each request. Not for secrets: those belong into the credentials.",
    })
}

/// Of `auth` in a config.
pub(crate) fn auth_schema() -> Value {
    json!({
        "enum": ["none", "bearer", "basic", "header", "oauth2"], "default": "none",
        "description": "How the credentials are sent; with `oauth2` they get access tokens, which are sent.",
    })
}

/// Of `rateLimitPerSecond` in a config.
pub(crate) fn rate_limit_schema() -> Value {
    json!({
        "type": "number", "exclusiveMinimum": 0, "maximum": 10_000,
        "description": "Requests a second, at most. Unlimited when absent.",
    })
}

/// Of `timeoutMs` in a config.
pub(crate) fn timeout_schema() -> Value {
    json!({
        "type": "integer", "minimum": 1, "maximum": TIMEOUT_MS_MAX, "default": 30_000,
        "description": "How long a request with its reply may take, in milliseconds.",
    })
}

/// Of the credentials that [`Client::at`] takes.
pub(crate) fn credentials_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "token": {"type": "string", "minLength": 1, "description": "For `bearer`."},
            "username": {"type": "string", "description": "For `basic`."},
            "password": {"type": "string", "description": "For `basic`."},
            "headerName": {"type": "string", "minLength": 1, "description": "For `header`, e.g. `X-Api-Key`."},
            "headerValue": {"type": "string", "minLength": 1, "description": "For `header`."},
            "clientId": {"type": "string", "minLength": 1, "maxLength": 2000, "description": "For `oauth2`."},
            "clientSecret": {
                "type": "string", "minLength": 1, "maxLength": 4000,
                "description": "For `oauth2`; absent for a client that has none.",
            },
        },
    })
}
