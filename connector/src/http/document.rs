//! A reply as JSON, each record still as text, so that one bad record does not spoil its page.
//! Deliberately absent: what the records mean.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::client::{Reply, address};
use crate::{Item, Malformed, SystemError, SystemErrorKind, exact_json};

/// Raw text kept of something that is not a record, in bytes.
pub(crate) const RAW_BYTES_MAX: usize = 2 * 1024;

/// A reply that is JSON.
pub(crate) struct Document<'a> {
    root: &'a RawValue,
}

impl<'a> Document<'a> {
    /// # Errors
    /// `Malformed`, with a hint that says what came instead.
    pub(crate) fn parse(reply: &'a Reply) -> Result<Self, SystemError> {
        let text = std::str::from_utf8(&reply.body).map_err(|error| {
            malformed(reply, format!("the reply is not UTF-8: {error}"), "the reply is not text")
        })?;
        let text = text.trim_start_matches('\u{feff}').trim();
        match serde_json::from_str(text) {
            Ok(root) => Ok(Self { root }),
            Err(error) => {
                let hint = if text.is_empty() {
                    "the reply is empty, not JSON"
                } else if text.starts_with('<') {
                    "the reply is a web page or XML, not JSON: perhaps a page to sign in, or the wrong address"
                } else {
                    "the reply is not JSON"
                };
                Err(malformed(reply, format!("the reply is not JSON: {error}"), hint))
            }
        }
    }

    /// See [`point`].
    pub(crate) fn at(&self, pointer: &str) -> Option<&'a RawValue> {
        point(self.root, pointer)
    }
}

/// What a JSON Pointer (RFC 6901) points to; `None` when it is not there.
pub(crate) fn point<'a>(root: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    let mut current = root;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        current = match current.get().as_bytes().first()? {
            b'{' => serde_json::from_str::<HashMap<String, &RawValue>>(current.get()).ok()?.remove(&token)?,
            b'[' => {
                let index = index(&token)?;
                serde_json::from_str::<Vec<&RawValue>>(current.get()).ok()?.get(index).copied()?
            }
            _ => return None,
        };
    }
    Some(current)
}

/// A place in an array: digits without zeros in front (RFC 6901, section 4).
fn index(token: &str) -> Option<usize> {
    let is_canonical =
        token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    is_canonical.then(|| token.parse().ok()).flatten()
}

/// The elements of a JSON array; `None` when it is something else.
pub(crate) fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// A record at its position, or what stands where one should be.
pub(crate) fn item(text: &str, position: String) -> Item {
    let reason = match exact_json::parse(text) {
        Ok(Value::Object(record)) => return Item::Record(record.into()),
        Ok(_) => "it is not an object".to_owned(),
        Err(reason) => reason,
    };
    let raw = text[..text.floor_char_boundary(RAW_BYTES_MAX)].to_owned();
    Item::Malformed(Malformed { position, reason, raw: Some(raw) })
}

/// Where the element of a page is.
pub(crate) fn position(page: u64, index: usize) -> String {
    format!("page {page}, item {}", index + 1)
}

pub(crate) fn malformed(reply: &Reply, detail: String, hint: impl Into<String>) -> SystemError {
    let mut error =
        SystemError::new(SystemErrorKind::Malformed, format!("{}: {detail}", address(&reply.url)))
            .with_hint(hint);
    error.http_status = Some(reply.status.as_u16());
    error.exchange = reply.capture();
    error
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::point;

    #[test]
    fn a_pointer_finds_what_it_names_and_nothing_else() {
        let json = r#"{"a": [{"b/c": 1}, {"~": 2}], "": {"0": 3}, "d": "x", "d": "y"}"#;
        let root: &RawValue = serde_json::from_str(json).expect("JSON");
        for (pointer, found) in [
            ("", Some(json)),
            ("/a/0/b~1c", Some("1")),
            ("/a/1/~0", Some("2")),
            ("//0", Some("3")),
            ("/d", Some("\"y\"")),
            ("/a/00", None),
            ("/a/+1", None),
            ("/a/-", None),
            ("/a/2", None),
            ("/a/", None),
            ("/d/0", None),
        ] {
            assert_eq!(point(root, pointer).map(RawValue::get), found, "{pointer}");
        }
    }
}
