//! A request to an outside system and its reply, as engineers may see them when it led to a failure: by an allow-list of
//! headers, without what is secret, and with what the stream's schema classifies masked. It is captured as it is, by
//! reference, and made fit to be seen only where it is kept. Deliberately absent: who may see it, and for how long.

mod blanks;
mod classified;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

pub(crate) use self::blanks::Blanks;
pub use self::classified::{CLASSIFICATION_KEYWORD, Classification, Classified};

use crate::Record;
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
/// Values of one message that are looked for in the texts of both, at most. Of messages with more nothing is shown.
const VALUES_MAX: usize = 2_000;
/// In place of what is secret.
const HIDDEN: &str = "[hidden]";
/// In place of the value of a classified field, where another text repeats it.
const REPEATED: &str = "[classified]";
/// In place of a body that may hold what is classified, and can't be looked through.
const WITHHELD: &str =
    "[not shown: the stream has classified fields, and it can't be told where in this they are]";

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

/// What is never shown of what a system and its stream are about.
#[derive(Default)]
pub(crate) struct Redactor {
    secrets: Vec<SecretString>,
    classified: Classified,
    /// The latest access tokens.
    tokens: Mutex<Vec<SecretString>>,
}

/// A body, as far as it can be looked through.
enum Read<'a> {
    /// As it is: nothing is classified.
    Plain(&'a [u8]),
    /// Masked.
    Document(Value),
    Withheld,
}

/// Texts of classified fields, which other texts may repeat.
#[derive(Clone, Default)]
struct Values {
    texts: HashSet<String>,
    /// There are more than are looked for.
    is_full: bool,
}

impl Redactor {
    pub(crate) fn new(secrets: Vec<String>) -> Self {
        Self::default().hiding(secrets)
    }

    /// The same for a stream some of whose fields are classified.
    pub(crate) fn classifying(&self, classified: &Classified) -> Self {
        let (secrets, tokens) = (self.secrets.clone(), Mutex::new(self.tokens()));
        Self { secrets, classified: classified.clone(), tokens }
    }

    /// The same with more that is secret.
    pub(crate) fn hiding(&self, secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets = self.secrets.iter().cloned().chain(secrets.into_iter().map(SecretString::from));
        Self {
            secrets: secrets.collect(),
            classified: self.classified.clone(),
            tokens: Mutex::new(self.tokens()),
        }
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

    fn tokens(&self) -> Vec<SecretString> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an API answered, for engineers: cut to 2 KiB, and without what it repeats of what was sent.
    pub(crate) fn excerpt(&self, reply: &[u8], is_cut: bool, sent: &Sent) -> String {
        let mut values = self.values_of(sent);
        let read = self.read(reply, is_cut, &mut values);
        self.with_blanks(&values, |blanks| match read {
            Read::Plain(text) => refusal::excerpt(text, blanks),
            Read::Document(document) => refusal::excerpt(document.to_string().as_bytes(), blanks),
            Read::Withheld => WITHHELD.to_owned(),
        })
    }

    /// Words of ours that may repeat what was sent, such as an address; cut to 2 KiB.
    pub(crate) fn told(&self, words: &str, sent: Option<&Sent>) -> String {
        let values = sent.map(|sent| self.values_of(sent)).unwrap_or_default();
        self.with_blanks(&values, |blanks| refusal::excerpt(words.as_bytes(), blanks))
    }

    /// Remembers what a request is about, which its body need not say, nor say as JSON.
    pub(crate) fn remember(&self, sent: &mut Sent, about: &[&Record]) {
        if self.classified.is_empty() {
            return;
        }
        for (name, value) in about.iter().flat_map(|record| record.iter()) {
            self.collect_member(name, value, &mut sent.values);
        }
    }

    /// The values of classified fields that a request says, and is about.
    fn values_of(&self, sent: &Sent) -> Values {
        let mut values = sent.values.clone();
        self.read(sent.body(), false, &mut values);
        values
    }

    fn with_blanks<T>(&self, values: &Values, work: impl FnOnce(&Blanks<'_>) -> T) -> T {
        if values.is_full {
            return work(&Blanks::everything(HIDDEN));
        }
        let tokens = self.tokens();
        let secrets = self.secrets.iter().chain(&tokens).map(|secret| (secret.expose_secret(), HIDDEN));
        work(&Blanks::of(secrets.chain(values.texts.iter().map(|text| (text.as_str(), REPEATED)))))
    }

    /// A body with what is classified masked, and its values remembered: the other message may repeat them.
    fn read<'a>(&self, body: &'a [u8], is_cut: bool, values: &mut Values) -> Read<'a> {
        if body.is_empty() || self.classified.is_empty() {
            return Read::Plain(body);
        }
        if is_cut || body.len() > CAPTURED_BYTES_MAX {
            return Read::Withheld;
        }
        // A part of a document, many of them, or none: nobody knows what is where.
        let Ok(mut document) = serde_json::from_slice::<Value>(body) else { return Read::Withheld };
        self.collect(&document, values);
        if self.classified.is_everything() {
            return Read::Withheld;
        }
        self.mask(&mut document);
        Read::Document(document)
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

    fn collect(&self, value: &Value, values: &mut Values) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| self.collect_member(name, member, values));
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, values)),
            _ => {}
        }
    }

    fn collect_member(&self, name: &str, member: &Value, values: &mut Values) {
        match self.classified.is_everything() || self.classified.get(name).is_some() {
            true => values.add(member),
            false => self.collect(member, values),
        }
    }
}

/// Of a body, what is shown.
fn shown_body(read: Read<'_>, blanks: &Blanks<'_>) -> String {
    let text = match read {
        Read::Plain(body) => String::from_utf8_lossy(body).into_owned(),
        Read::Document(document) => document.to_string(),
        Read::Withheld => return WITHHELD.to_owned(),
    };
    cut(shown_text(&text, blanks), SHOWN_BYTES_MAX)
}

fn shown_text(text: &str, blanks: &Blanks<'_>) -> String {
    refusal::blank_named(&blanks.blank(text))
}

fn shown_headers(headers: &HeaderMap, blanks: &Blanks<'_>) -> Vec<Header> {
    let is_shown = |name: &HeaderName| HEADERS_SHOWN.contains(&name.as_str());
    let header = |(name, value): (&HeaderName, &reqwest::header::HeaderValue)| {
        let value = match value.to_str() {
            Ok(text) if is_shown(name) && !value.is_sensitive() => shown_text(text, blanks),
            _ => HIDDEN.to_owned(),
        };
        Header { name: name.as_str().to_owned(), value: cut(value, HEADER_VALUE_BYTES_MAX) }
    };
    headers.iter().take(HEADERS_MAX).map(header).collect()
}

/// Without userinfo, fragment and the values of its query.
fn shown_url(url: &Url, blanks: &Blanks<'_>) -> String {
    let mut text = format!("{}{}", url.origin().ascii_serialization(), url.path());
    let pairs = url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    for (place, pair) in pairs.enumerate() {
        text.push(if place == 0 { '?' } else { '&' });
        // Without a value it may be one itself, padded or not.
        let has_value = |(_, value): &(&str, &str)| value.contains(|character| character != '=');
        let Some((name, value)) = pair.split_once('=').filter(has_value) else {
            text.push_str(HIDDEN);
            continue;
        };
        let is_place = PARAMETERS_SHOWN.contains(&name.to_ascii_lowercase().as_str())
            && value.len() <= 12
            && value.bytes().all(|byte| byte.is_ascii_digit());
        text.push_str(name);
        text.push('=');
        text.push_str(if is_place { value } else { HIDDEN });
    }
    shown_text(&text, blanks)
}

impl Values {
    /// Every text and number in a value.
    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add_text(text.clone()),
            Value::Number(number) => self.add_text(number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => members.values().for_each(|member| self.add(member)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add_text(&mut self, text: String) {
        if !blanks::is_long(&text) {
            return;
        }
        if self.texts.len() < VALUES_MAX {
            self.texts.insert(text);
        } else {
            self.is_full |= !self.texts.contains(&text);
        }
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
pub(crate) struct Sent {
    request: Option<Request>,
    at: Instant,
    /// Of what it is about.
    values: Values,
}

impl Sent {
    /// A request that is about to be sent.
    pub(crate) fn of(request: &Request) -> Self {
        Self { request: request.try_clone(), at: Instant::now(), values: Values::default() }
    }

    /// How long ago.
    pub(crate) fn age(&self) -> Duration {
        self.at.elapsed()
    }

    fn body(&self) -> &[u8] {
        let body = self.request.as_ref().and_then(Request::body);
        body.and_then(reqwest::Body::as_bytes).unwrap_or_default()
    }
}

/// A request with its reply, as they were; clones are the same one. Not to be shown as it is, and so not to be read.
#[derive(Clone)]
pub struct Captured {
    parts: Arc<Parts>,
    /// One of those that there is room for, until the last clone is gone.
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

struct Parts {
    redactor: Arc<Redactor>,
    method: Method,
    url: Url,
    request_headers: HeaderMap,
    request_body: Part,
    status: Option<StatusCode>,
    response_headers: HeaderMap,
    response_body: Part,
    values: Values,
    at: Instant,
    took: Duration,
    shown: OnceLock<Exchange>,
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
        let parts = Parts {
            redactor,
            method: request.method().clone(),
            url: request.url().clone(),
            request_headers: request.headers().clone(),
            request_body: Part::of(sent.body(), false),
            status: response.map(|(status, ..)| status),
            response_headers: response_headers.clone(),
            response_body,
            values: sent.values.clone(),
            at: sent.at,
            took,
            shown: OnceLock::new(),
        };
        Some(Self { parts: Arc::new(parts), _place: None })
    }

    /// The same with one of the places that there is room for.
    pub(crate) fn within(self, place: OwnedSemaphorePermit) -> Self {
        Self { _place: Some(Arc::new(place)), ..self }
    }

    /// The same for all clones, as long as one of them lives.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.parts) as usize
    }

    /// How long ago the request was sent.
    pub fn age(&self) -> Duration {
        self.parts.at.elapsed()
    }

    /// As engineers may see it. Whoever asks first takes milliseconds for it.
    pub fn shown(&self) -> &Exchange {
        self.parts.shown.get_or_init(|| self.parts.show())
    }
}

impl Parts {
    fn show(&self) -> Exchange {
        // What one of the two has classified, the other may say in words of its own.
        let mut values = self.values.clone();
        let request = self.redactor.read(&self.request_body.bytes, self.request_body.is_cut, &mut values);
        let response = self.redactor.read(&self.response_body.bytes, self.response_body.is_cut, &mut values);
        let content = self.redactor.with_blanks(&values, |blanks| Content {
            url: shown_url(&self.url, blanks),
            request_headers: shown_headers(&self.request_headers, blanks),
            request_body: shown_body(request, blanks),
            response_headers: shown_headers(&self.response_headers, blanks),
            response_body: shown_body(response, blanks),
        });
        Exchange {
            method: self.method.as_str().to_owned(),
            status: self.status.map(|status| status.as_u16()),
            duration_ms: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            request_bytes: self.request_body.size_bytes,
            response_bytes: self.status.is_some().then_some(self.response_body.size_bytes),
            content,
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
        Arc::ptr_eq(&self.parts, &other.parts)
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

    use tokio::sync::Semaphore;

    use super::{Captured, Classified, Exchange, Header, Redactor, SHOWN_BYTES_MAX, Sent, WITHHELD};
    use crate::Record;

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
        let redactor = Redactor::new(vec!["s3cr3t-value".to_owned()]).classifying(&classified());
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
        captured.expect("its body is text").shown().clone()
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
        assert_eq!((shown.request_body.as_str(), shown.response_body.as_str()), (WITHHELD, WITHHELD));
        let long = json!({"note": "x".repeat(super::CAPTURED_BYTES_MAX)}).to_string();
        assert_eq!(exchange(&long, None).content.request_body, WITHHELD);
        let nothing = exchange("", None);
        assert_eq!((nothing.status, nothing.response_bytes), (None, None));
    }

    #[test]
    fn what_a_request_says_or_is_about_is_repeated_nowhere() {
        let redactor = Redactor::new(vec!["key/of+vendor".to_owned()]).classifying(&classified());
        let url = "https://api.example/people/Zo%C3%AB%40example.org?key%2Fof%2Bvendor&c2VjcmV0==&page=3";
        let mut request = Request::new(Method::DELETE, Url::parse(url).expect("a URL"));
        *request.body_mut() = Some(r#"{"salary": 98765}"#.into());
        let mut sent = Sent::of(&request);
        let about: Record = [("email".to_owned(), json!("Zoë@example.org"))].into_iter().collect();
        redactor.remember(&mut sent, &[&about]);
        let reply = r#"{"note": "zo\u00eb@example.org has 98765, said \"key\/of+vendor\""}"#;
        let told = redactor.excerpt(reply.as_bytes(), false, &sent);
        assert_eq!(told, r#"{"note":"[classified] has [classified], said \"[hidden]\""}"#);
        assert_eq!(redactor.excerpt(b"no such person", false, &sent), WITHHELD);
        let told =
            redactor.told("DELETE https://api.example/people/Zo%C3%AB%40example.org failed", Some(&sent));
        assert_eq!(told, "DELETE https://api.example/people/[classified] failed");
        let captured = Captured::new(Arc::new(redactor), &sent, Duration::ZERO, None).expect("it has a body");
        let wanted = "https://api.example/people/[classified]?[hidden]&[hidden]&page=3";
        assert_eq!(captured.shown().content.url, wanted);
    }

    #[test]
    fn nothing_is_shown_where_all_may_be_classified_or_too_much_is() {
        let everything = Classified::of(&json!({"additionalProperties": {"x-classification": "personal"}}));
        let redactor = Redactor::default().classifying(&everything);
        let sent = Sent::of(&Request::new(Method::GET, Url::parse("https://api.example/").expect("a URL")));
        assert_eq!(redactor.excerpt(br#"{"id": 1}"#, false, &sent), WITHHELD);
        let redactor = redactor.classifying(&classified());
        let people: Vec<_> =
            (0..=super::VALUES_MAX).map(|one| json!({"email": format!("p{one:05}")})).collect();
        assert_eq!(redactor.excerpt(json!(people).to_string().as_bytes(), false, &sent), super::HIDDEN);
        let shown = redactor.excerpt(json!(people[1..]).to_string().as_bytes(), false, &sent);
        assert!(shown.starts_with(r#"[{"email":"[personal]"},"#), "{shown}");
    }

    #[test]
    fn a_place_is_free_again_when_the_last_clone_is_gone() {
        let sent = Sent::of(&Request::new(Method::GET, Url::parse("https://api.example/").expect("a URL")));
        let captured = Captured::new(Arc::default(), &sent, Duration::ZERO, None).expect("it has no body");
        let room = Arc::new(Semaphore::new(1));
        let first = captured.within(room.clone().try_acquire_owned().expect("there is room"));
        let clone = first.clone();
        drop(first);
        assert_eq!(room.available_permits(), 0);
        drop(clone);
        assert_eq!(room.available_permits(), 1);
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
