//! Error codes of the API and how an answer with an error looks. Domain errors are mapped in `graphql`, not here.

use std::time::{Duration, SystemTime};

use async_graphql::{ErrorExtensionValues, Pos, ServerError, Value};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::budget::Cost;

/// What a caller reads when the fault is ours; the detail is in the log under the request id.
pub(super) const INTERNAL_MESSAGE: &str =
    "Something went wrong on our side. Please try again; if it stays, report the request id.";

/// The values of `extensions.code` in top-level errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is not a well-formed GraphQL request.
    BadRequest,
    /// A value of an argument or variable is not what its type allows.
    BadUserInput,
    /// The document is not GraphQL.
    ParseFailed,
    /// The document does not fit the schema.
    ValidationFailed,
    /// The document asks for more than one request may.
    LimitExceeded,
    /// No document is known by this hash or id: send it.
    PersistedQueryNotFound,
    /// Only trusted documents are answered, and this is none.
    OperationNotTrusted,
    /// The caller asked for more than their budget holds, or for too much at once; worth trying again later.
    RateLimited,
    /// No token, or one that is not good.
    Unauthenticated,
    /// The token is good and does not allow this.
    Forbidden,
    /// Nothing is at the path.
    NotFound,
    /// Execution took too long and was stopped.
    Timeout,
    /// More has changed since the time of `since` than a listener is told of: what it shows is to be read anew.
    CatchUpIncomplete,
    /// A part that is needed does not answer; worth trying again.
    Unavailable,
    /// The fault is ours.
    Internal,
}

impl ErrorCode {
    /// The text that stands in `extensions.code`. Stable.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::OperationNotTrusted => "OPERATION_NOT_TRUSTED",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Timeout => "TIMEOUT",
            Self::CatchUpIncomplete => "CATCH_UP_INCOMPLETE",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The HTTP status of an answer without data, for `application/graphql-response+json`.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::OperationNotTrusted => StatusCode::FORBIDDEN,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal | Self::Timeout => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadRequest
            | Self::BadUserInput
            | Self::ParseFailed
            | Self::ValidationFailed
            | Self::PersistedQueryNotFound
            | Self::CatchUpIncomplete
            | Self::LimitExceeded => StatusCode::BAD_REQUEST,
        }
    }
}

/// A resolver's error with its code, e.g. `coded_error(ErrorCode::Forbidden, "…")`.
pub fn coded_error(code: ErrorCode, message: impl Into<String>) -> async_graphql::Error {
    let mut error = async_graphql::Error::new(message);
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.as_str());
    error
}

/// An error of the transport itself, before or instead of execution.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    pub(super) locations: Vec<Pos>,
    /// The limit that is exceeded and its value, for programs.
    pub(super) limit: Option<(&'static str, u64)>,
    /// When it is worth trying again.
    pub(super) retry_in: Option<Duration>,
    /// What the request costs, when that was drawn.
    pub(super) cost: Option<Box<Cost>>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), locations: Vec::new(), limit: None, retry_in: None, cost: None }
    }

    /// `RATE_LIMITED`.
    pub(super) fn wait(retry_in: Duration, message: impl Into<String>) -> Self {
        Self { retry_in: Some(retry_in), ..Self::new(ErrorCode::RateLimited, message) }
    }

    pub(super) fn limit(name: &'static str, maximum: u64, message: String) -> Self {
        Self { limit: Some((name, maximum)), ..Self::new(ErrorCode::LimitExceeded, message) }
    }

    pub(super) fn into_error(self) -> ServerError {
        let retry_after_seconds = self.retry_after_seconds();
        let mut error = ServerError::new(self.message, None);
        error.locations = self.locations;
        set_code(&mut error, self.code);
        if let Some((name, maximum)) = self.limit {
            let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
            extensions.set("limit", name);
            extensions.set("maximum", maximum);
        }
        if let Some(seconds) = retry_after_seconds {
            let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
            extensions.set("retryAfterSeconds", seconds);
        }
        error
    }

    /// The same, with the cost beside the code: for a WebSocket's `error`, which has no `extensions` of its own.
    pub(super) fn into_error_with_cost(mut self) -> ServerError {
        let cost = self.cost.take();
        let mut error = self.into_error();
        if let Some(cost) = cost {
            let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
            extensions.set("cost", cost.value(SystemTime::now()));
        }
        error
    }

    /// The value of `Retry-After` (RFC 9110, section 10.2.3): whole seconds, one at least.
    pub(super) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_in.map(|wait| wait.as_millis().div_ceil(1_000).clamp(1, u128::from(u64::MAX)) as u64)
    }
}

pub(super) fn set_code(error: &mut ServerError, code: ErrorCode) {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.as_str());
}

/// The value of an error's `extensions.code`.
pub fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        async_graphql::Value::String(code) => Some(code),
        async_graphql::Value::Enum(code) => Some(code.as_str()),
        _ => None,
    }
}

/// A GraphQL answer that consists of errors only.
#[derive(Serialize)]
pub(super) struct ErrorBody {
    pub(super) errors: Vec<ServerError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extensions: Option<Extensions>,
}

/// What stands beside `errors` and `data`.
#[derive(Serialize)]
pub(super) struct Extensions {
    pub(super) cost: Value,
}

/// An answer with one error, as `application/json`, for places where nothing was negotiated.
pub(super) fn plain(status: StatusCode, code: ErrorCode, message: &str) -> Response {
    let error = Refusal::new(code, message).into_error();
    json(status, "application/json; charset=utf-8", &ErrorBody { errors: vec![error], extensions: None })
}

/// A JSON answer. A body that cannot be written as JSON (which no type here produces) becomes a 500.
pub(super) fn json(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Response {
    let (status, bytes) = match serde_json::to_vec(body) {
        Ok(bytes) => (status, bytes),
        Err(error) => {
            tracing::error!(error = %error, "an answer could not be written as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, br#"{"errors":[{"message":"Something went wrong on our side.","extensions":{"code":"INTERNAL"}}]}"#.to_vec())
        }
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
