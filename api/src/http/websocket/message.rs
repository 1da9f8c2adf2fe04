//! What the messages of a client hold: payloads, ids of operations, and in the first a token and a language.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::authentication::{ACCEPT_LANGUAGE_BYTES_MAX, bearer_of_value};
use super::close::{End, malformed_token};
use super::code;

/// Characters of an operation's id; clients use UUIDs or counters.
const OPERATION_ID_LENGTH_MAX: usize = 128;

/// The optional `payload` of a message, which must be an object.
pub(super) fn payload(
    message: &mut Map<String, Value>,
    kind: &str,
) -> Result<Option<Map<String, Value>>, End> {
    match message.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(End::close(code::BAD_MESSAGE, format!("The \"payload\" of {kind} must be an object"))),
    }
}

pub(super) fn operation_id(message: &mut Map<String, Value>) -> Result<Arc<str>, End> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= OPERATION_ID_LENGTH_MAX => Ok(id.into()),
        _ => {
            let reason =
                format!("Messages of operations need an \"id\" of 1 to {OPERATION_ID_LENGTH_MAX} characters");
            Err(End::close(code::BAD_MESSAGE, reason))
        }
    }
}

/// The token in the payload of `connection_init`; `None` when there is none.
pub(super) fn token_of(payload: Option<&Map<String, Value>>) -> Option<Result<String, End>> {
    let (_, value) = payload?.iter().find(|(key, _)| key.eq_ignore_ascii_case("authorization"))?;
    match value {
        Value::Null => None,
        Value::String(value) if value.is_empty() => None,
        Value::String(value) => Some(bearer_of_value(value).ok_or_else(malformed_token)),
        _ => Some(Err(malformed_token())),
    }
}

/// What browsers can't say in a handshake of theirs; `None` when it is not said here.
pub(super) fn language_of(payload: Option<&Map<String, Value>>) -> Option<String> {
    let (_, value) = payload?.iter().find(|(key, _)| key.eq_ignore_ascii_case("accept-language"))?;
    value.as_str().filter(|value| value.len() <= ACCEPT_LANGUAGE_BYTES_MAX).map(str::to_owned)
}
