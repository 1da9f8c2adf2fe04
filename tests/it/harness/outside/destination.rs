//! The writing side of the outside system: an upsert by key that counts.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{DESTINATION_PATH, Request, State};

/// One stored record.
pub(super) struct Stored {
    pub(super) record: Value,
    pub(super) effects: u64,
}

/// The key of the record that `request` writes: the last part of the path, or the key field of the body.
pub(super) fn key(request: &Request, key_field: &str) -> Option<String> {
    let path = request.target.split('?').next()?.strip_prefix(DESTINATION_PATH)?;
    if let Some(key) = path.strip_prefix('/').filter(|key| !key.is_empty()) {
        return Some(key.to_owned());
    }
    match &request.body[key_field] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Stores the record: 201 when its key is new, else 200; 422 when it has no key.
pub(super) fn write(state: &mut State, request: &Request) -> Response {
    let Some(key) = key(request, &state.key_field) else {
        let message = format!("the record has no field `{}`", state.key_field);
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": message}))).into_response();
    };
    let idempotency_key = request.headers.get("idempotency-key");
    if let Some(idempotency_key) = idempotency_key {
        *state.deliveries.entry(idempotency_key.clone()).or_default() += 1;
    }
    let answer = Json(json!({"id": key}));
    let before = state.stored.get(&key);
    if before.is_some_and(|stored| stored.record == request.body) {
        return (StatusCode::OK, answer).into_response();
    }
    if let Some(idempotency_key) = idempotency_key {
        *state.effects.entry(idempotency_key.clone()).or_default() += 1;
    }
    let effects = before.map_or(0, |stored| stored.effects) + 1;
    state.stored.insert(key, Stored { record: request.body.clone(), effects });
    (if effects == 1 { StatusCode::CREATED } else { StatusCode::OK }, answer).into_response()
}
