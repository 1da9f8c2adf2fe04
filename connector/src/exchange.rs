//! A request to an outside system and its reply, as engineers may see them when it led to a failure: by an allow-list of
//! headers, without what is secret, and with what the stream's schema classifies masked. It is captured as it is, by
//! reference, and made fit to be seen only where it is kept. Deliberately absent: who may see it, and for how long.

mod blanks;
mod classified;
mod redactor;
mod shown;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, Request, StatusCode, Url};
use tokio::sync::OwnedSemaphorePermit;

use self::redactor::Values;
use self::shown::{shown_body, shown_headers, shown_url};

pub(crate) use self::blanks::Blanks;
pub use self::classified::{CLASSIFICATION_KEYWORD, Classification, Classified};
pub(crate) use self::redactor::Redactor;
pub use self::shown::{Content, Exchange, Header, SHOWN_BYTES_MAX};

/// Of a body that is captured, in bytes. A longer one is cut, and then can't be looked through for what is classified.
const CAPTURED_BYTES_MAX: usize = 64 * 1024;
/// In place of what is secret.
const HIDDEN: &str = "[hidden]";
/// In place of a body that may hold what is classified, and can't be looked through.
const WITHHELD: &str =
    "[not shown: the stream has classified fields, and it can't be told where in this they are]";

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
            (0..=super::redactor::VALUES_MAX).map(|one| json!({"email": format!("p{one:05}")})).collect();
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
