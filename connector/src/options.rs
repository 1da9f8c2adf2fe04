//! From validated JSON to the typed options of a connector. Deliberately absent: the validation itself,
//! which the registry does by schema before anything is opened.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{SystemError, SystemErrorKind};

/// The `keyFields` of a destination's options, which are those of the source where there are none.
pub(crate) fn key_fields(options: &Value, of_source: &[String]) -> Vec<String> {
    let own = options.get("keyFields").and_then(Value::as_array);
    let own: Vec<String> =
        own.into_iter().flatten().filter_map(|field| Some(field.as_str()?.to_owned())).collect();
    if own.is_empty() { of_source.to_vec() } else { own }
}

/// Decodes config or options that the schema let pass. `what` names them: `source options`.
///
/// # Errors
/// `Misconfigured` when they don't have the shape after all, e.g. stored by an older version.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, value: &Value) -> Result<T, SystemError> {
    let value = if value.is_null() { Value::Object(serde_json::Map::new()) } else { value.clone() };
    serde_json::from_value(value)
        .map_err(|error| SystemError::new(SystemErrorKind::Misconfigured, format!("{what}: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::key_fields;

    #[test]
    fn key_fields_are_those_of_the_source_unless_others_are_given() {
        let of_source = ["id".to_owned()];
        for options in [json!({}), json!(null), json!({"keyFields": []})] {
            assert_eq!(key_fields(&options, &of_source), ["id"], "{options}");
        }
        assert_eq!(key_fields(&json!({"keyFields": ["a", "b"]}), &of_source), ["a", "b"]);
    }
}
