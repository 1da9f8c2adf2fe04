//! Which media type an answer has (`Accept`), whether a body's type is taken (`Content-Type`), and how what is there packed
//! may be sent (`Accept-Encoding`). No other negotiation: no languages, and nothing is packed for an answer.

use axum::http::{HeaderMap, header};

/// The media type of a GraphQL answer (<https://graphql.github.io/graphql-over-http/draft/#sec-Media-Types>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the status says whether the request was executed.
    GraphqlResponse,
    /// `application/json`: a well-formed request is answered 200, whatever comes of it.
    Json,
}

impl MediaType {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// One range of an `Accept` header.
struct Range {
    name: String,
    /// 0 to 1000: `q` in thousandths (RFC 9110, section 12.4.2).
    quality: u32,
}

/// The best media type both sides know; `None` when nothing matches (406).
///
/// The more specific range decides about a type. Equal quality: the one named explicitly, then the newer type if
/// named, else `application/json`, which every client reads.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<MediaType> {
    let Some(ranges) = ranges(headers) else { return Some(MediaType::Json) };
    let (response, response_named) = quality(&ranges, "application/graphql-response+json");
    let (json, _) = quality(&ranges, "application/json");
    match (response, json) {
        (0, 0) => None,
        _ if response > json || (response == json && response_named) => Some(MediaType::GraphqlResponse),
        _ => Some(MediaType::Json),
    }
}

/// Whether an answer may be a stream of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventStreams {
    /// Not named: a wildcard is no wish for one.
    Refused,
    /// For what has no other answer: subscriptions.
    Accepted,
    /// For everything.
    Preferred,
}

/// Whether `text/event-stream` is named, and preferred to each JSON that is named; clients that take both name both.
pub(super) fn event_streams(headers: &HeaderMap) -> EventStreams {
    let Some(ranges) = ranges(headers) else { return EventStreams::Refused };
    let (events, true) = quality(&ranges, "text/event-stream") else { return EventStreams::Refused };
    let is_above = |name| matches!(quality(&ranges, name), (quality, true) if quality >= events);
    match events {
        0 => EventStreams::Refused,
        _ if is_above("application/graphql-response+json") || is_above("application/json") => {
            EventStreams::Accepted
        }
        _ => EventStreams::Preferred,
    }
}

/// Whether the caller is a browser that wants a page: `text/html` is named, and not less than any JSON that is named.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let Some(ranges) = ranges(headers) else { return false };
    let (html, named) = quality(&ranges, "text/html");
    let (response, response_named) = quality(&ranges, "application/graphql-response+json");
    let (json, json_named) = quality(&ranges, "application/json");
    named && html > 0 && !(response_named && response > html) && !(json_named && json > html)
}

/// How much an encoding is wanted, from 0, which is not at all, to 1000: where it is not named, as much as all that are not
/// (RFC 9110, section 12.5.3).
pub(crate) fn encoding_quality(headers: &HeaderMap, name: &str) -> u32 {
    let (mut named, mut others) = (None, None);
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for coding in values.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let found = parts.next().unwrap_or_default();
        let quality = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1000, |(_, value)| thousandths(value.trim()));
        // The older name of gzip.
        let found = if found.eq_ignore_ascii_case("x-gzip") { "gzip" } else { found };
        if found.eq_ignore_ascii_case(name) {
            named = Some(quality);
        } else if found == "*" {
            others = Some(quality);
        }
    }
    named.or(others).unwrap_or(0)
}

/// Whether a body's `Content-Type` is `application/json` in UTF-8. Anything else is refused: the types that a browser
/// sends across sites without asking (form, multipart, text) could otherwise forge requests.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json")) {
        return false;
    }
    parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset") || {
            let charset = value.trim().trim_matches('"');
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        }
    })
}

/// `None` without an `Accept` header (or an empty one): anything goes.
fn ranges(headers: &HeaderMap) -> Option<Vec<Range>> {
    let ranges: Vec<Range> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
            let quality = parts
                .filter_map(|parameter| parameter.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
                .map_or(1000, |(_, value)| thousandths(value.trim()));
            Some(Range { name, quality })
        })
        .collect();
    (!ranges.is_empty()).then_some(ranges)
}

/// A media type's quality by the most specific range that matches, and whether it is named itself.
fn quality(ranges: &[Range], name: &str) -> (u32, bool) {
    let best =
        |wanted: &str| ranges.iter().filter(|range| range.name == wanted).map(|range| range.quality).max();
    if let Some(quality) = best(name) {
        return (quality, true);
    }
    let family = name.split('/').next().unwrap_or_default();
    (best(&format!("{family}/*")).or_else(|| best("*/*")).unwrap_or(0), false)
}

fn thousandths(value: &str) -> u32 {
    value.parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality)).map_or(0, |quality| {
        // In range by the filter above; three decimals is all that the grammar allows.
        (quality * 1000.0).round() as u32
    })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{EventStreams, MediaType, encoding_quality, event_streams, is_json, negotiate, wants_html};

    fn accept(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))])
    }

    #[test]
    fn accept_decides_the_media_type() {
        let response = Some(MediaType::GraphqlResponse);
        let json = Some(MediaType::Json);
        for (value, expected) in [
            ("*/*", json),
            ("application/*", json),
            ("application/json", json),
            ("application/graphql-response+json", response),
            ("application/graphql-response+json, application/json", response),
            ("application/json, application/graphql-response+json", response),
            ("application/json, application/graphql-response+json;q=0.9", json),
            ("application/graphql-response+json;q=0.5, */*;q=0.4", response),
            ("application/graphql-response+json;q=0, */*", json),
            ("application/json;q=0, */*;q=0.1", response),
            ("Application/JSON; charset=utf-8", json),
            ("text/html", None),
            ("text/html, image/*;q=0.5", None),
            ("application/json;q=0", None),
            ("application/json;q=abc", None),
        ] {
            assert_eq!(negotiate(&accept(value)), expected, "{value}");
        }
        assert_eq!(negotiate(&HeaderMap::new()), json);
    }

    #[test]
    fn streams_of_events_are_for_who_names_them() {
        for (value, expected) in [
            ("text/event-stream", EventStreams::Preferred),
            ("text/event-stream, */*", EventStreams::Preferred),
            ("text/event-stream, application/json;q=0.9", EventStreams::Preferred),
            (
                "application/graphql-response+json, application/json, text/event-stream",
                EventStreams::Accepted,
            ),
            ("text/event-stream;q=0.5, application/json", EventStreams::Accepted),
            ("text/event-stream;q=0", EventStreams::Refused),
            ("text/*", EventStreams::Refused),
            ("*/*", EventStreams::Refused),
            ("application/json", EventStreams::Refused),
        ] {
            assert_eq!(event_streams(&accept(value)), expected, "{value}");
        }
        assert_eq!(event_streams(&HeaderMap::new()), EventStreams::Refused);
    }

    #[test]
    fn a_page_is_for_browsers_only() {
        assert!(wants_html(&accept(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
        )));
        for value in ["*/*", "application/json", "application/json, text/html;q=0.5"] {
            assert!(!wants_html(&accept(value)), "{value}");
        }
    }

    #[test]
    fn an_encoding_is_for_who_takes_it() {
        let quality = |value: &'static str, name| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            encoding_quality(&headers, name)
        };
        for value in ["gzip", "deflate, GZIP;q=0.5", "br;q=1, x-gzip", "*", "identity;q=0.5, *;q=0.1"] {
            assert!(quality(value, "gzip") > 0, "{value}");
        }
        for value in ["", "identity", "gzip;q=0", "*, gzip;q=0", "br", "*;q=0", "gzip;q=x"] {
            assert_eq!(quality(value, "gzip"), 0, "{value}");
        }
        assert_eq!(quality("gzip;q=0.5, br;q=0.25", "br"), 250);
        assert_eq!(quality("gzip, *;q=0.1", "br"), 100);
        assert_eq!(encoding_quality(&HeaderMap::new(), "gzip"), 0);
    }

    #[test]
    fn only_json_in_utf_8_is_taken() {
        let of =
            |value| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]));
        for taken in
            ["application/json", "application/json; charset=utf-8", "application/JSON;charset=\"UTF-8\""]
        {
            assert!(of(taken), "{taken}");
        }
        for refused in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=iso-8859-1",
            "application/jsonp",
            "application/graphql",
        ] {
            assert!(!of(refused), "{refused}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
