//! Rows as `COPY … TO STDOUT` writes them (text format) to JSON values, by column type.
//! Deliberately absent: types that JSON has no better form for than PostgreSQL's text (intervals,
//! ranges, geometry, enums); they stay text.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};

use crate::exact_json;

/// How a column's text becomes JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Float,
    Numeric,
    Timestamp,
    TimestampTz,
    Json,
    Bytea,
    Array(Box<Kind>),
    Text,
}

impl Kind {
    /// By the type's object id, stable for built-in types (pg_type.dat).
    pub(super) fn of(oid: u32, element: Option<u32>) -> Self {
        match oid {
            16 => Self::Bool,
            20 | 21 | 23 | 26 => Self::Int,
            700 | 701 => Self::Float,
            1700 => Self::Numeric,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            114 | 3802 => Self::Json,
            17 => Self::Bytea,
            _ => match element {
                Some(element) => Self::Array(Box::new(Self::of(element, None))),
                None => Self::Text,
            },
        }
    }

    /// A value of this kind.
    ///
    /// # Errors
    /// Says what is wrong, without the value.
    pub(super) fn value(&self, text: Cow<'_, str>) -> Result<Value, String> {
        Ok(match self {
            Self::Text => Value::String(text.into_owned()),
            Self::Int => match text.parse::<i64>() {
                Ok(number) => Value::from(number),
                Err(_) => Value::String(text.into_owned()),
            },
            Self::Bool => Value::Bool(text == "t" || text == "true"),
            // NaN and the infinities have no JSON number.
            Self::Float => match text.parse::<f64>().ok().and_then(Number::from_f64) {
                Some(number) => Value::Number(number),
                None => Value::String(text.into_owned()),
            },
            Self::Numeric => exact_json::decimal(text),
            Self::Timestamp => timestamp(text, ""),
            Self::TimestampTz => timestamp(text, "Z"),
            Self::Json => exact_json::parse(&text)?,
            Self::Bytea => match text.strip_prefix("\\x").and_then(unhex) {
                Some(bytes) => Value::String(STANDARD.encode(bytes)),
                None => return Err("binary data is not in the expected form".to_owned()),
            },
            Self::Array(element) => array(&text, element)?,
        })
    }
}

/// A field's text as COPY escapes it; `None` for NULL (`\N`).
///
/// # Errors
/// When it is not UTF-8: databases with the encoding SQL_ASCII check nothing.
pub(super) fn unescape(field: &[u8]) -> Result<Option<Cow<'_, str>>, String> {
    let not_utf8 = || "text is not UTF-8".to_owned();
    if !field.contains(&b'\\') {
        return std::str::from_utf8(field).map(|text| Some(Cow::Borrowed(text))).map_err(|_| not_utf8());
    }
    if field == b"\\N" {
        return Ok(None);
    }
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        plain.push(match bytes.next() {
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 0x0b,
            Some(&other) => other,
            None => b'\\',
        });
    }
    String::from_utf8(plain).map(|text| Some(Cow::Owned(text))).map_err(|_| not_utf8())
}

/// RFC 3339 where the time is one (years 1 to 9999): `infinity` and years BC stay as they are.
fn timestamp(text: Cow<'_, str>, zone: &str) -> Value {
    let bytes = text.as_bytes();
    let plain = bytes.len() >= 19 && bytes[4] == b'-' && bytes[10] == b' ' && !text.ends_with("BC");
    let time = if zone.is_empty() { Some(&*text) } else { text.strip_suffix("+00") };
    match time {
        Some(time) if plain => Value::String(format!("{}T{}{zone}", &time[..10], &time[11..])),
        _ => Value::String(text.into_owned()),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// `{1,NULL,"a b",{2}}` (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO).
fn array(text: &str, element: &Kind) -> Result<Value, String> {
    // Bounds other than 1 are written before the braces: `[0:1]={…}`.
    let start = if text.starts_with('[') { text.find('=').map_or(0, |at| at + 1) } else { 0 };
    let mut rest = &text[start..];
    let value = array_level(&mut rest, element)?;
    if rest.is_empty() { Ok(value) } else { Err("an array is not in the expected form".to_owned()) }
}

fn array_level(rest: &mut &str, element: &Kind) -> Result<Value, String> {
    let broken = || "an array is not in the expected form".to_owned();
    *rest = rest.strip_prefix('{').ok_or_else(broken)?;
    let mut values = Vec::new();
    if let Some(after) = rest.strip_prefix('}') {
        *rest = after;
        return Ok(Value::Array(values));
    }
    loop {
        match rest.as_bytes().first() {
            // PostgreSQL has at most 6 dimensions, which bounds the recursion.
            Some(b'{') => values.push(array_level(rest, element)?),
            Some(b'"') => {
                let mut plain = String::new();
                let mut chars = rest.char_indices().skip(1);
                let end = loop {
                    match chars.next() {
                        Some((_, '\\')) => plain.push(chars.next().ok_or_else(broken)?.1),
                        Some((at, '"')) => break at,
                        Some((_, other)) => plain.push(other),
                        None => return Err(broken()),
                    }
                };
                *rest = &rest[end + 1..];
                values.push(element.value(Cow::Owned(plain))?);
            }
            _ => {
                let end = rest.find([',', '}']).ok_or_else(broken)?;
                let plain = &rest[..end];
                *rest = &rest[end..];
                values.push(if plain == "NULL" {
                    Value::Null
                } else {
                    element.value(Cow::Borrowed(plain))?
                });
            }
        }
        if let Some(after) = rest.strip_prefix(',') {
            *rest = after;
        } else {
            *rest = rest.strip_prefix('}').ok_or_else(broken)?;
            return Ok(Value::Array(values));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::{Value, json};

    use super::{Kind, unescape};

    fn decoded(kind: &Kind, text: &str) -> Result<Value, String> {
        kind.value(Cow::Borrowed(text))
    }

    #[test]
    fn numbers_stay_exact() {
        assert_eq!(decoded(&Kind::Int, "-9223372036854775808"), Ok(json!(i64::MIN)));
        assert_eq!(decoded(&Kind::Numeric, "12.50"), Ok(json!(12.5)));
        assert_eq!(decoded(&Kind::Numeric, "100"), Ok(json!(100)));
        assert_eq!(
            decoded(&Kind::Numeric, "0.1000000000000000055511"),
            Ok(json!("0.1000000000000000055511"))
        );
        assert_eq!(decoded(&Kind::Numeric, "123456789012345678.25"), Ok(json!("123456789012345678.25")));
        assert_eq!(decoded(&Kind::Numeric, "99999999999999999999"), Ok(json!("99999999999999999999")));
        assert_eq!(decoded(&Kind::Numeric, "NaN"), Ok(json!("NaN")));
        assert_eq!(decoded(&Kind::Float, "NaN"), Ok(json!("NaN")));
        assert_eq!(decoded(&Kind::Float, "-Infinity"), Ok(json!("-Infinity")));
        assert_eq!(decoded(&Kind::Float, "1e+300"), Ok(json!(1e300)));
        assert!(decoded(&Kind::Json, "{\"a\": 123456789012345678901234567890}").is_err());
    }

    #[test]
    fn times_become_rfc_3339_where_they_can() {
        assert_eq!(
            decoded(&Kind::TimestampTz, "2026-01-02 03:04:05.1234+00"),
            Ok(json!("2026-01-02T03:04:05.1234Z"))
        );
        assert_eq!(decoded(&Kind::Timestamp, "2026-01-02 03:04:05"), Ok(json!("2026-01-02T03:04:05")));
        for text in ["infinity", "-infinity", "0044-03-15 10:00:00+00 BC", "10000-01-01 00:00:00+00"] {
            assert_eq!(decoded(&Kind::TimestampTz, text), Ok(json!(text)));
        }
    }

    #[test]
    fn arrays_binary_and_json() {
        let ints = Kind::of(1007, Some(23));
        assert_eq!(decoded(&ints, "{1,NULL,-3}"), Ok(json!([1, null, -3])));
        assert_eq!(decoded(&ints, "[0:1]={{1},{2}}"), Ok(json!([[1], [2]])));
        assert_eq!(decoded(&ints, "{}"), Ok(json!([])));
        let texts = Kind::of(1009, Some(25));
        assert_eq!(
            decoded(&texts, r#"{a,"b c","d\"e","NULL",NULL,"",ü}"#),
            Ok(json!(["a", "b c", "d\"e", "NULL", null, "", "ü"]))
        );
        for broken in ["{", "{1", "{1}x", "1", "{\"a}"] {
            assert!(decoded(&ints, broken).is_err(), "{broken}");
        }
        assert_eq!(decoded(&Kind::Bytea, "\\x00ff10"), Ok(json!("AP8Q")));
        assert_eq!(decoded(&Kind::Json, "{\"b\": [1, null]}"), Ok(json!({"b": [1, null]})));
        assert_eq!(decoded(&Kind::Bool, "t"), Ok(json!(true)));
    }

    #[test]
    fn copy_escapes_are_undone() {
        let plain = |field: &[u8]| unescape(field).map(|text| text.map(Cow::into_owned));
        assert_eq!(plain(b"\\N"), Ok(None));
        assert_eq!(plain(b"\\\\N"), Ok(Some("\\N".to_owned())));
        assert_eq!(plain(b"a\\tb\\nc\\\\d\\r"), Ok(Some("a\tb\nc\\d\r".to_owned())));
        assert_eq!(plain(b""), Ok(Some(String::new())));
        assert!(plain(b"\xff").is_err());
    }
}
