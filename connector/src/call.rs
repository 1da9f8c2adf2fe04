//! An HTTP request to somebody outside as a span, by OpenTelemetry's conventions
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>). Deliberately absent: paths and queries, which hold keys
//! of records and, with some vendors, credentials; what went wrong is in the exchange that is kept.

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Request, StatusCode};
use telemetry::trace::{self, Kind, Span};

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Whom a request may tell which trace it belongs to, as far as the operator allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// Whom its address names: it goes nowhere else.
    Host,
    /// Wherever redirects lead it, which is only where every host may be told.
    Anybody,
    /// Nobody: the config of the system has a `traceparent` of its own.
    Nobody,
}

/// Begins the span of a request that is about to be sent, and tells its receiver of the trace where that may be.
pub(crate) fn begin(request: &mut Request, tell: Tell) -> Span {
    let span = trace::child(Kind::Client, "HTTP");
    if span.is_recorded() {
        let name = method(request.method());
        span.rename(name);
        span.set("http.request.method", name);
        span.set("url.scheme", request.url().scheme().to_owned());
        if let Some(host) = request.url().host_str() {
            span.set("server.address", host.to_owned());
        }
        if let Some(port) = request.url().port_or_known_default() {
            span.set("server.port", i64::from(port));
        }
    }
    let told = match tell {
        Tell::Host => request.url().host_str(),
        Tell::Anybody => Some(trace::EVERY_HOST),
        Tell::Nobody => None,
    };
    let traceparent = told.and_then(|host| span.traceparent_for(host));
    if let Some(Ok(value)) = traceparent.map(HeaderValue::try_from) {
        request.headers_mut().entry(TRACEPARENT).or_insert(value);
    }
    span
}

/// Says what came back.
pub(crate) fn answered(span: &Span, status: StatusCode) {
    if span.is_recorded() {
        span.set("http.response.status_code", i64::from(status.as_u16()));
        if status.is_client_error() || status.is_server_error() {
            span.fail(status.as_u16().to_string());
        }
    }
}

/// One of few names, as the convention wants it.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}
