//! What a fuzzer looks at from inside (`fuzz/`); built for it alone.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::exact_json;
use crate::http::document::point;

/// What a JSON Pointer points to in JSON text, as the `http` connector finds it; `None` when it is not there.
///
/// # Errors
/// The text is not JSON.
pub fn json_pointer(json: &str, pointer: &str) -> Result<Option<String>, serde_json::Error> {
    let root: &RawValue = serde_json::from_str(json)?;
    Ok(point(root, pointer).map(|raw| raw.get().to_owned()))
}

/// JSON text as a value whose whole numbers are exact.
///
/// # Errors
/// Why it is not one, in words.
pub fn exact_json(text: &str) -> Result<Value, String> {
    exact_json::parse(text)
}
