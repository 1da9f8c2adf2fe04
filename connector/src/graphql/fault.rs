//! What the errors of a reply mean for the whole system. Deliberately absent: data that came beside them. A page with an
//! error is not taken in part, because nobody could tell later what was missing.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::client::{Client, RETRY_AFTER_MAX, Reply, retry_after};
use crate::http::document::{Document, malformed};
use crate::{SystemError, SystemErrorKind};

#[derive(Deserialize)]
struct Fault {
    /// Of a field that could not be resolved; none when the request was refused.
    #[serde(default)]
    path: Option<Value>,
    #[serde(default)]
    extensions: Option<Value>,
    /// GitHub's place for the code.
    #[serde(default, rename = "type")]
    kind: Option<Value>,
}

/// # Errors
/// What the reply says is wrong, if anything: by the codes of its errors, else by its status.
pub(super) fn check(client: &Client, reply: &Reply) -> Result<(), SystemError> {
    let document = match Document::parse(reply) {
        Ok(document) => document,
        // What came with another status need not be JSON.
        Err(_) if !reply.status.is_success() => return Err(client.status_error(reply)),
        Err(error) => return Err(error),
    };
    let errors = document.at("/errors").map_or("null", RawValue::get);
    let faults: Vec<Fault> = match serde_json::from_str::<Option<Vec<Fault>>>(errors) {
        Ok(faults) => faults.unwrap_or_default(),
        Err(_) if !reply.status.is_success() => return Err(client.status_error(reply)),
        Err(error) => {
            let hint = "the API answers with errors that are no list of GraphQL errors";
            return Err(malformed(reply, format!("the errors of the reply can't be read: {error}"), hint));
        }
    };
    if faults.is_empty() {
        return if reply.status.is_success() { Ok(()) } else { Err(client.status_error(reply)) };
    }
    let known = faults.iter().find_map(|fault| meaning(fault.code()?));
    // The status says more than errors that nobody knows.
    if known.is_none() && !reply.status.is_success() && reply.status.as_u16() != 400 {
        return Err(client.status_error(reply));
    }
    let (kind, hint) = known.unwrap_or_else(|| match faults.iter().all(|fault| fault.path.is_none()) {
        true => {
            (SystemErrorKind::Misconfigured, Some("the API refuses the query; check it and its variables"))
        }
        false => {
            (SystemErrorKind::Malformed, Some("the API answers with errors in place of parts of the data"))
        }
    });
    let wait = || {
        let cost = document.at("/extensions/cost").map(RawValue::get);
        let cost = cost.and_then(|cost| serde_json::from_str::<Value>(cost).ok());
        retry_after(&reply.headers, RETRY_AFTER_MAX).or_else(|| restored_after(&cost?))
    };
    Err(SystemError {
        kind,
        detail: format!("errors from {}: {}", client.address(reply), client.excerpt(reply)),
        hint: hint.map(str::to_owned),
        http_status: Some(reply.status.as_u16()),
        retry_after: if kind == SystemErrorKind::RateLimited { wait() } else { None },
        exchange: reply.capture(),
    })
}

impl Fault {
    fn code(&self) -> Option<&str> {
        let code = self.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        code.and_then(Value::as_str).or_else(|| self.kind.as_ref()?.as_str())
    }
}

/// Codes of Apollo Server (<https://www.apollographql.com/docs/apollo-server/data/errors>), Shopify
/// (<https://shopify.dev/docs/api/admin-graphql>), GitHub and those that others made of them.
fn meaning(code: &str) -> Option<(SystemErrorKind, Option<&'static str>)> {
    Some(match code.to_ascii_uppercase().as_str() {
        "UNAUTHENTICATED"
        | "UNAUTHORIZED"
        | "AUTHENTICATION_ERROR"
        | "INVALID_TOKEN"
        | "FORBIDDEN"
        | "ACCESS_DENIED"
        | "INSUFFICIENT_SCOPES"
        | "PERMISSION_DENIED" => (SystemErrorKind::Unauthorized, None),
        "THROTTLED"
        | "RATE_LIMITED"
        | "RATELIMITED"
        | "RATE_LIMIT"
        | "RATE_LIMIT_EXCEEDED"
        | "TOO_MANY_REQUESTS" => (SystemErrorKind::RateLimited, None),
        "MAX_COST_EXCEEDED" | "QUERY_TOO_COMPLEX" | "MAX_NODE_LIMIT_EXCEEDED" => (
            SystemErrorKind::Misconfigured,
            Some("the query costs more than the API allows; ask for smaller pages"),
        ),
        "NOT_FOUND" => (SystemErrorKind::NotFound, Some("the API does not find what the query asks for")),
        "GRAPHQL_PARSE_FAILED"
        | "GRAPHQL_VALIDATION_FAILED"
        | "BAD_USER_INPUT"
        | "BAD_REQUEST"
        | "UNDEFINEDFIELD"
        | "OPERATION_RESOLUTION_FAILURE"
        | "PERSISTED_QUERY_NOT_FOUND"
        | "PERSISTED_QUERY_NOT_SUPPORTED" => {
            (SystemErrorKind::Misconfigured, Some("the API refuses the query; check it and its variables"))
        }
        "INTERNAL_SERVER_ERROR"
        | "INTERNAL"
        | "INTERNAL_ERROR"
        | "SERVICE_UNAVAILABLE"
        | "UNAVAILABLE"
        | "DOWNSTREAM_SERVICE_ERROR"
        | "SERVER_ERROR" => (SystemErrorKind::Unavailable, None),
        "TIMEOUT" | "REQUEST_TIMEOUT" | "GATEWAY_TIMEOUT" => (SystemErrorKind::Timeout, None),
        _ => return None,
    })
}

/// How long until a query's cost is there again: what it lacks by the rate at which it comes back, in points a second
/// (<https://shopify.dev/docs/api/usage/limits#graphql-admin-api-rate-limits>).
fn restored_after(cost: &Value) -> Option<Duration> {
    let requested = cost.get("requestedQueryCost")?.as_f64()?;
    let status = cost.get("throttleStatus")?;
    let (available, rate) =
        (status.get("currentlyAvailable")?.as_f64()?, status.get("restoreRate")?.as_f64()?);
    let seconds = ((requested - available) / rate).ceil();
    (rate > 0.0 && seconds.is_finite())
        .then(|| Duration::from_secs_f64(seconds.clamp(1.0, RETRY_AFTER_MAX.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::restored_after;

    #[test]
    fn a_cost_is_waited_for_until_it_is_restored() {
        let cost = |requested: f64, available: f64, rate: f64| json!({"requestedQueryCost": requested, "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": rate}});
        assert_eq!(restored_after(&cost(252.0, 2.0, 100.0)), Some(Duration::from_secs(3)));
        assert_eq!(restored_after(&cost(252.0, 252.0, 100.0)), Some(Duration::from_secs(1)));
        assert_eq!(restored_after(&cost(1e9, 0.0, 1.0)), Some(Duration::from_secs(300)));
        assert_eq!(restored_after(&cost(10.0, 0.0, 0.0)), None);
        assert_eq!(restored_after(&json!({"requestedQueryCost": 1})), None);
    }
}
