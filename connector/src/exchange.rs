//! A request to an outside system and its reply, as engineers may see them when it led to a failure: by an allow-list of
//! headers, without what is secret, and with what the stream's schema classifies masked. It is captured as it is, by
//! reference, and made fit to be seen only where it is kept. Deliberately absent: who may see it, and for how long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::refusal;

/// Of a body that is shown, in bytes: what fits a screen or two, and most refusals whole.
pub const SHOWN_BYTES_MAX: usize = 8 * 1024;
/// Of a body that is captured, in bytes. A longer one is cut, and then can't be looked through for what is classified.
const CAPTURED_BYTES_MAX: usize = 64 * 1024;
/// Headers that are shown of a message, at most.
const HEADERS_MAX: usize = 50;
/// Of a header's value, in bytes.
const HEADER_VALUE_BYTES_MAX: usize = 500;
/// Access tokens that are remembered to be blanked: of the last renewals of a run.
const TOKENS_MAX: usize = 8;
/// Secrets and values shorter than this stand everywhere by chance; blanking them would spoil the text.
const BLANKED_CHARS_MIN: usize = 4;
/// Values of one message that are looked for in the texts of both, at most.
const VALUES_MAX: usize = 500;
/// In place of what is secret.
const HIDDEN: &str = "[hidden]";
/// In place of a body that may hold what is classified, and can't be looked through.
const WITHHELD: &str = "[not shown: it can't be read as JSON, and the stream has classified fields]";

/// Headers whose values are shown. Of all others the name alone is, whatever they hold.
const HEADERS_SHOWN: [&str; 34] = [
    "accept",
    "accept-encoding",
    "age",
    "allow",
    "cache-control",
    "cf-ray",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "idempotency-key",
    "last-modified",
    "ratelimit",
    "ratelimit-limit",
    "ratelimit-policy",
    "ratelimit-remaining",
    "ratelimit-reset",
    "request-id",
    "retry-after",
    "server",
    "traceparent",
    "user-agent",
    "vary",
    "via",
    "webhook-id",
    "webhook-timestamp",
    "x-correlation-id",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
];
/// Parameters of a query whose values are shown, where they are numbers: where in a list a page is.
const PARAMETERS_SHOWN: [&str; 9] =
    ["page", "limit", "offset", "per_page", "perpage", "page_size", "pagesize", "first", "size"];

/// Which fields of a stream's records are classified: `x-classification` in its record schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classified(Arc<[(String, Classification)]>);

/// Why a field is not shown to staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Classification {
    /// It is about a person.
    Personal,
    /// Nobody but both systems is to know it.
    Secret,
}

impl Classification {
    fn mask(self) -> &'static str {
        match self {
            Self::Personal => "[personal]",
            Self::Secret => "[secret]",
        }
    }
}

/// The keyword of a record schema: `"email": {"type": "string", "x-classification": "personal"}`.
pub const CLASSIFICATION_KEYWORD: &str = "x-classification";

impl Classified {
    /// Of a record schema, at whatever depth. A field is known by its name, since replies repeat it in shapes of their own.
    /// What is neither `personal` nor `secret` counts as secret: a typing error must not show anything.
    pub fn of(schema: &Value) -> Self {
        let mut found = Vec::new();
        collect_classified(schema, &mut found);
        found.sort();
        found.dedup_by(|one, other| one.0 == other.0);
        Self(found.into())
    }

    /// Whether no field is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, name: &str) -> Option<Classification> {
        self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, class)| *class)
    }
}

fn collect_classified(schema: &Value, found: &mut Vec<(String, Classification)>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                for (name, property) in properties {
                    match property.get(CLASSIFICATION_KEYWORD) {
                        None => {}
                        Some(Value::String(class)) if class == "personal" => {
                            found.push((name.clone(), Classification::Personal));
                        }
                        Some(_) => found.push((name.clone(), Classification::Secret)),
                    }
                }
            }
            members.values().for_each(|member| collect_classified(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_classified(item, found)),
        _ => {}
    }
}

/// What is never shown of what a system and its stream are about.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
    classified: Classified,
    /// The latest access tokens.
    tokens: Mutex<Vec<SecretString>>,
}

impl Redactor {
    pub(crate) fn new(secrets: Vec<String>) -> Self {
        Self { secrets, ..Self::default() }
    }

    pub(crate) fn classify(&mut self, classified: &Classified) {
        self.classified = classified.clone();
    }

    /// Whether a stream's schema classifies anything.
    pub(crate) fn is_classified(&self) -> bool {
        !self.classified.is_empty()
    }

    /// Remembers what is never to be shown.
    pub(crate) fn hide(&self, token: &SecretString) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.iter().any(|known| known.expose_secret() == token.expose_secret()) {
            return;
        }
        if tokens.len() == TOKENS_MAX {
            tokens.remove(0);
        }
        tokens.push(token.clone());
    }

    /// Upstream text for engineers, cut to 2 KiB. `record` is what was sent, whose classified values it may repeat.
    pub(crate) fn excerpt(&self, text: &[u8], record: Option<&Value>) -> String {
        if self.classified.is_empty() {
            return self.with_secrets(|secrets| refusal::excerpt(text, secrets.iter().map(String::as_str)));
        }
        let mut values = Vec::new();
        if let Some(record) = record {
            self.collect_values(record, &mut values);
        }
        let shown = self.body(text, false, &mut values);
        self.with_secrets(|secrets| refusal::excerpt(shown.as_bytes(), secrets.iter().map(String::as_str)))
    }

    fn with_secrets<T>(&self, work: impl FnOnce(&[String]) -> T) -> T {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.secrets.clone();
        all.extend(tokens.iter().map(|token| token.expose_secret().to_owned()));
        drop(tokens);
        work(&all)
    }

    /// Text without secrets, and without these values.
    fn blank(&self, text: &str, values: &[String]) -> String {
        let text = self.with_secrets(|secrets| {
            let mut text = text.to_owned();
            for secret in secrets.iter().filter(|secret| secret.chars().count() >= BLANKED_CHARS_MIN) {
                text = replace_in(text, secret, HIDDEN);
            }
            text
        });
        let text = values.iter().fold(text, |text, value| replace_in(text, value, "[classified]"));
        refusal::blank_named(&text)
    }

    /// A body with what is classified masked, and its values remembered: the other message may repeat them.
    fn body(&self, body: &[u8], is_cut: bool, values: &mut Vec<String>) -> String {
        if !self.classified.is_empty() {
            match serde_json::from_slice::<Value>(body) {
                Ok(mut document) => {
                    self.collect_values(&document, values);
                    self.mask(&mut document);
                    return self.blank(&document.to_string(), values);
                }
                // A part of a document, or many of them.
                Err(_)
                    if is_cut || body.trim_ascii_start().first().is_some_and(|byte| b"{[".contains(byte)) =>
                {
                    return WITHHELD.to_owned();
                }
                Err(_) => {}
            }
        }
        self.blank(&String::from_utf8_lossy(body), values)
    }

    fn mask(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    match self.classified.get(name) {
                        Some(class) if !member.is_null() => *member = Value::from(class.mask()),
                        _ => self.mask(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask(item)),
            _ => {}
        }
    }

    fn collect_values(&self, value: &Value, values: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if self.classified.get(name).is_some() {
                        collect_texts(member, values);
                    } else {
                        self.collect_values(member, values);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect_values(item, values)),
            _ => {}
        }
    }

    fn headers(&self, headers: &HeaderMap, values: &[String]) -> Vec<Header> {
        let shown = |name: &HeaderName| HEADERS_SHOWN.contains(&name.as_str());
        let header = |(name, value): (&HeaderName, &reqwest::header::HeaderValue)| {
            let value = match value.to_str() {
                Ok(text) if shown(name) && !value.is_sensitive() => self.blank(text, values),
                _ => HIDDEN.to_owned(),
            };
            Header { name: name.as_str().to_owned(), value: cut(value, HEADER_VALUE_BYTES_MAX) }
        };
        headers.iter().take(HEADERS_MAX).map(header).collect()
    }

    /// Without userinfo, fragment and the values of its query.
    fn url(&self, url: &Url, values: &[String]) -> String {
        let mut text = format!("{}{}", url.origin().ascii_serialization(), url.path());
        for (place, (name, value)) in url.query_pairs().enumerate() {
            let is_place = PARAMETERS_SHOWN.contains(&name.to_ascii_lowercase().as_str())
                && value.len() <= 12
                && value.bytes().all(|byte| byte.is_ascii_digit());
            text.push(if place == 0 { '?' } else { '&' });
            text.push_str(&name);
            text.push('=');
            text.push_str(if is_place { &value } else { HIDDEN });
        }
        self.blank(&text, values)
    }
}

fn replace_in(text: String, what: &str, by: &str) -> String {
    if !text.contains(what) {
        return text;
    }
    text.replace(what, by)
}

/// Every text and number in a value that is long enough to be looked for, as it is written and as JSON writes it.
fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    let mut add = |text: String| {
        if text.chars().count() >= BLANKED_CHARS_MIN && texts.len() < VALUES_MAX && !texts.contains(&text) {
            texts.push(text);
        }
    };
    match value {
        Value::String(text) => {
            let quoted = Value::from(text.as_str()).to_string();
            let escaped = &quoted[1..quoted.len() - 1];
            if escaped != text {
                add(escaped.to_owned());
            }
            add(text.clone());
        }
        Value::Number(number) => add(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect_texts(member, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
    text
}

/// What was sent, as long as nobody knows whether it fails. Its body is the one that was sent, and not a copy.
#[derive(Debug)]
pub(crate) struct Sent {
    request: Option<Request>,
    at: Instant,
}

impl Sent {
    /// A request that is about to be sent.
    pub(crate) fn of(request: &Request) -> Self {
        Self { request: request.try_clone(), at: Instant::now() }
    }

    /// How long ago.
    pub(crate) fn age(&self) -> Duration {
        self.at.elapsed()
    }
}

/// A request with its reply, as they were; clones are the same one. Not to be shown as it is, and so not to be read.
#[derive(Clone)]
pub struct Captured(Arc<Parts>);

struct Parts {
    redactor: Arc<Redactor>,
    method: Method,
    url: Url,
    request_headers: HeaderMap,
    request_body: Part,
    status: Option<StatusCode>,
    response_headers: HeaderMap,
    response_body: Part,
    at: Instant,
    took: Duration,
}

/// Of a body.
struct Part {
    bytes: Bytes,
    size_bytes: u64,
    is_cut: bool,
}

impl Part {
    fn of(body: &[u8], is_cut: bool) -> Self {
        let kept = &body[..body.len().min(CAPTURED_BYTES_MAX)];
        Self {
            bytes: Bytes::copy_from_slice(kept),
            size_bytes: body.len() as u64,
            is_cut: is_cut || kept.len() < body.len(),
        }
    }
}

impl Captured {
    /// `response` is the status, the headers and the body, which may be cut; `None` where no reply came. Nothing where the
    /// request can't be told any more, which is a stream of its own.
    pub(crate) fn new(
        redactor: Arc<Redactor>,
        sent: &Sent,
        took: Duration,
        response: Option<(StatusCode, &HeaderMap, &[u8], bool)>,
    ) -> Option<Self> {
        let request = sent.request.as_ref()?;
        let empty = HeaderMap::new();
        let (response_headers, response_body) = match response {
            Some((_, headers, body, is_cut)) => (headers, Part::of(body, is_cut)),
            None => (&empty, Part::of(&[], false)),
        };
        let request_body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        Some(Self(Arc::new(Parts {
            redactor,
            method: request.method().clone(),
            url: request.url().clone(),
            request_headers: request.headers().clone(),
            request_body: Part::of(request_body, false),
            status: response.map(|(status, ..)| status),
            response_headers: response_headers.clone(),
            response_body,
            at: sent.at,
            took,
        })))
    }

    /// The same for all clones, as long as one of them lives.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// How long ago the request was sent.
    pub fn age(&self) -> Duration {
        self.0.at.elapsed()
    }

    /// As engineers may see it.
    pub fn shown(&self) -> Exchange {
        let parts = &*self.0;
        let mut values = Vec::new();
        // What one of the two has classified, the other may say in words of its own.
        parts.redactor.body(&parts.response_body.bytes, parts.response_body.is_cut, &mut values);
        let request = parts.redactor.body(&parts.request_body.bytes, parts.request_body.is_cut, &mut values);
        let response =
            parts.redactor.body(&parts.response_body.bytes, parts.response_body.is_cut, &mut values);
        let milliseconds = u64::try_from(parts.took.as_millis()).unwrap_or(u64::MAX);
        Exchange {
            method: parts.method.as_str().to_owned(),
            status: parts.status.map(|status| status.as_u16()),
            duration_ms: milliseconds,
            request_bytes: parts.request_body.size_bytes,
            response_bytes: parts.status.is_some().then_some(parts.response_body.size_bytes),
            content: Content {
                url: parts.redactor.url(&parts.url, &values),
                request_headers: parts.redactor.headers(&parts.request_headers, &values),
                request_body: cut(request, SHOWN_BYTES_MAX),
                response_headers: parts.redactor.headers(&parts.response_headers, &values),
                response_body: cut(response, SHOWN_BYTES_MAX),
            },
        }
    }
}

/// Says nothing of what is in it.
impl std::fmt::Debug for Captured {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Captured")
    }
}

impl PartialEq for Captured {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Captured {}

/// A request with its reply, as engineers may see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// `POST`.
    pub method: String,
    /// Of the reply; `None` where none came.
    pub status: Option<u16>,
    /// From the request to the end of the reply, or to where it was given up, in milliseconds.
    pub duration_ms: u64,
    /// How long the request's body was, in bytes.
    pub request_bytes: u64,
    /// How long the reply's body was, as far as it was read; `None` where none came.
    pub response_bytes: Option<u64>,
    /// The rest, which is a customer's.
    pub content: Content,
}

/// What both messages say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// Without userinfo, and without the values of its query.
    pub url: String,
    /// As they were set for this request; credentials are not among them.
    pub request_headers: Vec<Header>,
    /// At most 8 KiB.
    pub request_body: String,
    /// Of the reply.
    pub response_headers: Vec<Header>,
    /// At most 8 KiB.
    pub response_body: String,
}

/// A header; of one that may hold a secret the value is `[hidden]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// In lower case.
    pub name: String,
    /// At most 500 bytes.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use reqwest::header::{HeaderMap, HeaderValue};
    use reqwest::{Method, Request, StatusCode, Url};
    use secrecy::SecretString;
    use serde_json::json;

    use super::{Captured, Classified, Exchange, Header, Redactor, SHOWN_BYTES_MAX, Sent, WITHHELD};

    fn classified() -> Classified {
        Classified::of(&json!({
            "type": "object",
            "properties": {
                "email": {"type": "string", "x-classification": "personal"},
                "card": {"type": "object", "properties": {
                    "number": {"type": "string", "x-classification": "secret"},
                    "kind": {"type": "string"},
                }},
                "salary": {"type": "number", "x-classification": "persnal"},
            },
        }))
    }

    fn exchange(request: &str, response: Option<&str>) -> Exchange {
        let mut redactor = Redactor::new(vec!["s3cr3t-value".to_owned()]);
        redactor.classify(&classified());
        redactor.hide(&SecretString::from("a-token-of-now"));
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("x-tenant-key", HeaderValue::from_static("abcdef"));
        headers.insert("x-request-id", HeaderValue::from_static("r-s3cr3t-value"));
        let url = "https://user:pw@api.example/v1/ada@example.org?page=2&key=abc&limit=x#frag";
        let mut sent = Request::new(Method::POST, Url::parse(url).expect("a URL"));
        *sent.headers_mut() = headers.clone();
        *sent.body_mut() = Some(request.to_owned().into());
        let sent = Sent::of(&sent);
        let response =
            response.map(|body| (StatusCode::UNPROCESSABLE_ENTITY, &headers, body.as_bytes(), false));
        let captured = Captured::new(Arc::new(redactor), &sent, Duration::from_millis(7), response);
        captured.expect("its body is text").shown()
    }

    #[test]
    fn nothing_that_is_secret_or_classified_is_shown_and_the_rest_is() {
        let request = r#"{"id": 7, "email": "ada@example.org", "salary": 12345, "card": {"number": "4111111111111111", "kind": "visa"}, "note": "Ödland"}"#;
        let reply = r#"{"errors": [{"field": "email", "message": "ada@example.org is taken; 4111111111111111, 12345"}], "auth": "Bearer a-token-of-now s3cr3t-value", "data": [{"Email": "ada@example.org"}]}"#;
        let shown = exchange(request, Some(reply));
        let text = format!("{shown:?}");
        for hidden in ["ada@", "12345", "41111", "s3cr3t", "a-token", "abcdef", "abc", "pw@", "frag"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        let content = shown.content;
        assert_eq!(content.url, "https://api.example/v1/[classified]?page=2&key=[hidden]&limit=[hidden]");
        for told in
            [r#""id":7"#, r#""kind":"visa""#, "Ödland", r#""email":"[personal]""#, r#""number":"[secret]""#]
        {
            assert!(content.request_body.contains(told), "{told} in {}", content.request_body);
        }
        assert!(content.response_body.contains(r#""field":"email""#), "{}", content.response_body);
        let header = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
        let headers = [
            header("content-type", "application/json"),
            header("x-tenant-key", "[hidden]"),
            header("x-request-id", "r-[hidden]"),
        ];
        assert_eq!(content.request_headers, headers);
        assert_eq!((shown.status, shown.duration_ms), (Some(422), 7));
        assert_eq!(shown.request_bytes, request.len() as u64);
        assert_eq!(shown.response_bytes, Some(reply.len() as u64));
    }

    #[test]
    fn what_cannot_be_looked_through_is_not_shown_while_fields_are_classified() {
        let shown = exchange(r#"{"email": "ada@example.org""#, Some("<p>no</p>")).content;
        assert_eq!((shown.request_body.as_str(), shown.response_body.as_str()), (WITHHELD, "<p>no</p>"));
        let long = json!({"note": "x".repeat(super::CAPTURED_BYTES_MAX)}).to_string();
        assert_eq!(exchange(&long, None).content.request_body, WITHHELD);
        let nothing = exchange("", None);
        assert_eq!((nothing.status, nothing.response_bytes), (None, None));
    }

    #[test]
    fn bodies_are_cut_and_say_how_long_they_were() {
        let long = json!({"note": "é".repeat(SHOWN_BYTES_MAX)}).to_string();
        let shown = exchange(&long, Some(&long));
        assert!(shown.content.request_body.len() <= SHOWN_BYTES_MAX + '…'.len_utf8());
        assert!(shown.content.response_body.ends_with('…'));
        assert_eq!(shown.request_bytes, long.len() as u64);
    }
}
