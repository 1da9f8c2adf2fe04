//! A request with its reply as engineers may see them: of headers and queries what an allow-list names, and bodies cut.

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};

use super::blanks::Blanks;
use super::redactor::Read;
use super::{HIDDEN, WITHHELD};
use crate::http::refusal;

/// Of a body that is shown, in bytes: what fits a screen or two, and most refusals whole.
pub const SHOWN_BYTES_MAX: usize = 8 * 1024;
/// Headers that are shown of a message, at most.
const HEADERS_MAX: usize = 50;
/// Of a header's value, in bytes.
const HEADER_VALUE_BYTES_MAX: usize = 500;

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

/// Of a body, what is shown.
pub(super) fn shown_body(read: Read<'_>, blanks: &Blanks<'_>) -> String {
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

pub(super) fn shown_headers(headers: &HeaderMap, blanks: &Blanks<'_>) -> Vec<Header> {
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
pub(super) fn shown_url(url: &Url, blanks: &Blanks<'_>) -> String {
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

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
    text
}
