//! How endpoints beside GraphQL say no: `{"error": {"code", "message"}}`, in words for whoever builds what asks.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// No, with a code for programs and words for people.
pub(crate) fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({"error": {"code": code, "message": message}}))).into_response()
}

/// The same for now: it is worth asking again after so many seconds.
pub(crate) fn later(status: StatusCode, code: &str, message: &str, seconds: u64) -> Response {
    let mut response = refused(status, code, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
