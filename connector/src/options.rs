//! From validated JSON to the typed options of a connector. Deliberately absent: the validation itself,
//! which the registry does by schema before anything is opened.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{SystemError, SystemErrorKind};

/// Decodes config or options that the schema let pass. `what` names them: `source options`.
///
/// # Errors
/// `Misconfigured` when they don't have the shape after all, e.g. stored by an older version.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, value: &Value) -> Result<T, SystemError> {
    let value = if value.is_null() { Value::Object(serde_json::Map::new()) } else { value.clone() };
    serde_json::from_value(value)
        .map_err(|error| SystemError::new(SystemErrorKind::Misconfigured, format!("{what}: {error}")))
}
