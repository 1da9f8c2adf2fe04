//! One value on its way into one column: checked here as far as that is certain, so that one bad value
//! rarely costs the others of its batch a second try. Deliberately absent: the server's own rules
//! (constraints, triggers), which only the server knows.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::table::{ColumnKind, TableColumn};

/// A value in the form in which it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Text that the server very likely reads as the column's type.
    Text(Cow<'a, str>),
    /// Text that it probably refuses: its record is tried apart from the others.
    Suspect(Cow<'a, str>),
}

/// Why a value can't go into its column, whatever the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NotNull,
    NulCharacter,
    NotBase64,
    /// No text like it is a value of the column's type.
    NotOfType,
    OutOfRange,
    TooLong,
}

impl Refusal {
    /// The server would say the same.
    pub(super) fn is_the_servers(self) -> bool {
        matches!(self, Self::NotOfType | Self::OutOfRange | Self::TooLong)
    }
}

impl<'a> Cell<'a> {
    /// `value` for `column`.
    ///
    /// # Errors
    /// When it certainly can't be stored there.
    pub(super) fn of(value: &'a Value, column: &TableColumn) -> Result<Self, Refusal> {
        if value.is_null() {
            return if column.not_null { Err(Refusal::NotNull) } else { Ok(Self::Null) };
        }
        let cell = Self::sent(value, column.kind)?;
        match &cell {
            Self::Text(text) | Self::Suspect(text) if text.contains('\0') => Err(Refusal::NulCharacter),
            _ => Ok(cell),
        }
    }

    fn sent(value: &'a Value, kind: ColumnKind) -> Result<Self, Refusal> {
        let text = || match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        };
        let judged = |text: Cow<'a, str>, plausible: bool| {
            if plausible { Self::Text(text) } else { Self::Suspect(text) }
        };
        Ok(match kind {
            ColumnKind::Bool => match value {
                Value::Bool(flag) => Self::Bool(*flag),
                Value::String(text) => match text.as_str() {
                    "true" | "t" | "True" | "TRUE" | "1" => Self::Bool(true),
                    "false" | "f" | "False" | "FALSE" | "0" => Self::Bool(false),
                    other => Self::Suspect(Cow::Borrowed(other)),
                },
                _ => Self::Suspect(text()),
            },
            ColumnKind::Int { min, max } => match whole(value) {
                Some(number) if (min..=max).contains(&number) => Self::Int(number),
                Some(_) => return Err(Refusal::OutOfRange),
                None if is_no_number(&text(), false) => return Err(Refusal::NotOfType),
                None => Self::Suspect(text()),
            },
            ColumnKind::Float { single } => {
                let number = match value {
                    Value::Number(number) => number.as_f64(),
                    Value::String(text) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
                    _ => None,
                };
                let limit = if single { f64::from(f32::MAX) } else { f64::MAX };
                match number {
                    Some(number) if number.abs() <= limit => Self::Float(number),
                    _ if is_no_number(&text(), true) => return Err(Refusal::NotOfType),
                    _ => Self::Suspect(text()),
                }
            }
            ColumnKind::Numeric => {
                let text = text();
                if is_no_number(&text, true) {
                    return Err(Refusal::NotOfType);
                }
                let plausible = is_decimal(&text);
                judged(text, plausible)
            }
            ColumnKind::Text { chars_max } => {
                let text = text();
                let fits =
                    |text: &str| chars_max.is_none_or(|max| text.len() <= max || text.chars().count() <= max);
                // Spaces at the end beyond the length are cut, by the SQL standard.
                if !fits(text.trim_end_matches(' ')) {
                    return Err(Refusal::TooLong);
                }
                let plausible = fits(&text);
                judged(text, plausible)
            }
            ColumnKind::Json { binary } => json(value, binary)?,
            ColumnKind::Timestamp => {
                let text = text();
                let plausible = is_timestamp(text.as_bytes());
                judged(text, plausible)
            }
            ColumnKind::Date => {
                let text = text();
                let plausible = is_date(text.as_bytes()) == Some(10) && text.len() == 10;
                judged(text, plausible)
            }
            ColumnKind::Uuid => {
                let text = text();
                let plausible = uuid::Uuid::try_parse(&text).is_ok();
                judged(text, plausible)
            }
            ColumnKind::Bytea => match value {
                Value::String(text) if text.starts_with("\\x") => Self::Text(Cow::Borrowed(text)),
                Value::String(text) => {
                    Self::Text(Cow::Owned(hex(&STANDARD.decode(text).map_err(|_| Refusal::NotBase64)?)))
                }
                _ => return Err(Refusal::NotBase64),
            },
            ColumnKind::Array => match value {
                Value::Array(items) => {
                    let mut literal = String::new();
                    array(items, &mut literal);
                    Self::Text(Cow::Owned(literal))
                }
                _ => Self::Suspect(text()),
            },
            ColumnKind::Other => Self::Text(text()),
        })
    }

    /// `value` as it is, for the server to say what is wrong with it.
    pub(super) fn as_is(value: &'a Value) -> Self {
        match value {
            Value::String(text) => Self::Suspect(Cow::Borrowed(text)),
            other => Self::Suspect(Cow::Owned(other.to_string())),
        }
    }

    /// As text, for a column whose values are sent as text.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
            Self::Int(number) => Some(Cow::Owned(number.to_string())),
            Self::Float(number) => Some(Cow::Owned(number.to_string())),
            Self::Text(text) | Self::Suspect(text) => Some(Cow::Borrowed(text)),
        }
    }

    /// Appends it as COPY's text format writes it.
    pub(super) fn copy_text(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("\\N"),
            Self::Bool(flag) => out.push(if *flag { 't' } else { 'f' }),
            Self::Int(number) => out.push_str(&number.to_string()),
            Self::Float(number) => out.push_str(&format!("{number:?}")),
            Self::Text(text) | Self::Suspect(text) => {
                let mut rest: &str = text;
                while let Some(at) = rest.find(['\\', '\t', '\n', '\r']) {
                    out.push_str(&rest[..at]);
                    out.push_str(match rest.as_bytes()[at] {
                        b'\t' => "\\t",
                        b'\n' => "\\n",
                        b'\r' => "\\r",
                        _ => "\\\\",
                    });
                    rest = &rest[at + 1..];
                }
                out.push_str(rest);
            }
        }
    }

    pub(super) fn is_suspect(&self) -> bool {
        matches!(self, Self::Suspect(_))
    }
}

/// True of text that no version of the server reads as a number
/// (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-CONSTANTS-NUMERIC>): newer ones know `0x1F`,
/// `0o17`, `0b11` and `1_000` too.
fn is_no_number(text: &str, fractional: bool) -> bool {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let number = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let is_part = |byte: &u8| {
        byte.is_ascii_hexdigit()
            || matches!(byte, b'x' | b'X' | b'o' | b'O' | b'_')
            || (fractional && matches!(byte, b'.' | b'+' | b'-'))
    };
    match number.first() {
        None => true,
        Some(b'n' | b'N' | b'i' | b'I') => !fractional,
        Some(first) => {
            let begins = first.is_ascii_digit() || (fractional && *first == b'.');
            !begins || !number.iter().all(is_part)
        }
    }
}

/// 2^53: whole floats up to here are exact.
const FLOAT_WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let number = number.as_f64()?;
            (number.fract() == 0.0 && number.abs() <= FLOAT_WHOLE_MAX).then_some(number as i64)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Text that looks like a JSON object or list and is one is stored as such: files know only text.
/// Any other text is a JSON string.
fn json<'a>(value: &'a Value, binary: bool) -> Result<Cell<'a>, Refusal> {
    let document = match value {
        Value::String(text)
            if text.starts_with(['{', '['])
                && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() =>
        {
            Cow::Borrowed(text.as_str())
        }
        other => Cow::Owned(other.to_string()),
    };
    // jsonb holds real text, and so no NUL.
    if binary && document.contains("\\u0000") {
        Ok(Cell::Suspect(document))
    } else {
        Ok(Cell::Text(document))
    }
}

fn is_decimal(text: &str) -> bool {
    const DIGITS_MAX: usize = 1000;
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && mantissa.len() <= DIGITS_MAX
        && exponent.is_none_or(|exponent| exponent.parse::<i16>().is_ok_and(|exponent| exponent.abs() <= 300))
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

/// The length of a date `YYYY-MM-DD` at the start.
fn is_date(bytes: &[u8]) -> Option<usize> {
    let date = bytes.get(..10)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (year > 0 && (1..=days).contains(&day)).then_some(10)
}

/// A date, or RFC 3339 with or without a zone, `T` or a space.
fn is_timestamp(bytes: &[u8]) -> bool {
    let plausible = || {
        let rest = &bytes[is_date(bytes)?..];
        if rest.is_empty() {
            return Some(true);
        }
        if !matches!(rest[0], b'T' | b't' | b' ') || *rest.get(3)? != b':' {
            return Some(false);
        }
        let mut valid = number(rest.get(1..3)?)? < 24 && number(rest.get(4..6)?)? < 60;
        let mut rest = &rest[6..];
        if rest.first() == Some(&b':') {
            valid &= number(rest.get(1..3)?)? < 60;
            rest = &rest[3..];
            if rest.first() == Some(&b'.') {
                let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                valid &= digits > 0;
                rest = &rest[1 + digits..];
            }
        }
        Some(
            valid
                && match rest {
                    [] | [b'Z' | b'z'] => true,
                    [b'+' | b'-', hours @ ..] => {
                        let (hours, minutes) = match hours {
                            [_, _] => (number(hours)?, 0),
                            [_, _, b':', minutes @ ..] if minutes.len() == 2 => {
                                (number(&hours[..2])?, number(minutes)?)
                            }
                            [_, _, minutes @ ..] if minutes.len() == 2 => {
                                (number(&hours[..2])?, number(minutes)?)
                            }
                            _ => return Some(false),
                        };
                        hours < 15 && minutes < 60
                    }
                    _ => false,
                },
        )
    };
    plausible().unwrap_or(false)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

/// `{1,NULL,"a b"}`. serde_json's limit of 128 levels bounds the recursion.
fn array(items: &[Value], literal: &mut String) {
    literal.push('{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            literal.push(',');
        }
        match item {
            Value::Null => literal.push_str("NULL"),
            Value::Array(items) => array(items, literal),
            Value::Bool(flag) => literal.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) => literal.push_str(&number.to_string()),
            Value::String(text) => quote(text, literal),
            Value::Object(_) => quote(&item.to_string(), literal),
        }
    }
    literal.push('}');
}

fn quote(text: &str, literal: &mut String) {
    literal.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            literal.push('\\');
        }
        literal.push(character);
    }
    literal.push('"');
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::{Value, json};

    use super::{Cell, Refusal, is_decimal, is_timestamp};
    use crate::postgres::table::{ColumnKind, TableColumn};

    fn column(kind: ColumnKind, not_null: bool) -> TableColumn {
        TableColumn {
            name: "c".to_owned(),
            kind,
            type_name: String::new(),
            type_full: String::new(),
            not_null,
            has_default: false,
            writable: true,
            identity_always: false,
        }
    }

    fn text(text: &str) -> Result<Cell<'_>, Refusal> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn suspect(text: &str) -> Result<Cell<'_>, Refusal> {
        Ok(Cell::Suspect(Cow::Borrowed(text)))
    }

    #[test]
    fn values_take_the_form_of_their_column() {
        let int = ColumnKind::Int { min: -32768, max: 32767 };
        let sent = |value: &'static str, kind| {
            let value: &'static Value = Box::leak(Box::new(serde_json::from_str(value).unwrap_or_default()));
            Cell::of(value, &column(kind, false))
        };
        assert_eq!(sent("7", int), Ok(Cell::Int(7)));
        assert_eq!(sent("\"7\"", int), Ok(Cell::Int(7)));
        assert_eq!(sent("7.0", int), Ok(Cell::Int(7)));
        assert_eq!(sent("7.5", int), Err(Refusal::NotOfType));
        assert_eq!(sent("40000", int), Err(Refusal::OutOfRange));
        assert_eq!(sent("\"\"", int), Err(Refusal::NotOfType));
        assert_eq!(sent("\"1.5\"", ColumnKind::Float { single: false }), Ok(Cell::Float(1.5)));
        assert_eq!(sent("1e39", ColumnKind::Float { single: true }), suspect("1e+39"));
        assert_eq!(sent("\"NaN\"", ColumnKind::Float { single: false }), suspect("NaN"));
        assert_eq!(sent("\"0x1F\"", int), suspect("0x1F"));
        assert_eq!(sent("\"abc \"", ColumnKind::Text { chars_max: Some(3) }), suspect("abc "));
        assert_eq!(sent("\"f\"", ColumnKind::Bool), Ok(Cell::Bool(false)));
        assert_eq!(sent("{\"a\":1}", ColumnKind::Text { chars_max: None }), text("{\"a\":1}"));
        assert_eq!(sent("\"äöü\"", ColumnKind::Text { chars_max: Some(3) }), text("äöü"));
        assert_eq!(sent("\"abcd\"", ColumnKind::Text { chars_max: Some(3) }), Err(Refusal::TooLong));
        assert_eq!(sent("\"{\\\"a\\\":1}\"", ColumnKind::Json { binary: true }), text("{\"a\":1}"));
        assert_eq!(sent("\"plain\"", ColumnKind::Json { binary: true }), text("\"plain\""));
        assert_eq!(sent("\"AP8Q\"", ColumnKind::Bytea), text("\\x00ff10"));
        assert_eq!(sent("\"*\"", ColumnKind::Bytea), Err(Refusal::NotBase64));
        assert_eq!(sent("[1,null,\"a\\\"b\",[true]]", ColumnKind::Array), text("{1,NULL,\"a\\\"b\",{true}}"));
        assert_eq!(sent("\"a\\u0000b\"", ColumnKind::Other), Err(Refusal::NulCharacter));
        assert_eq!(Cell::of(&json!(null), &column(int, true)), Err(Refusal::NotNull));
        assert_eq!(Cell::of(&json!(null), &column(int, false)), Ok(Cell::Null));
    }

    #[test]
    fn copy_text_reads_back() {
        let written = |cell: Cell<'_>| {
            let mut out = String::new();
            cell.copy_text(&mut out);
            out
        };
        assert_eq!(written(Cell::Null), "\\N");
        assert_eq!(written(Cell::Float(1e300)), "1e300");
        assert_eq!(written(Cell::Int(i64::MIN)), "-9223372036854775808");
        for text in ["", "\\N", "\\.", "a\tb\nc\rd\\e", "ü\\ü"] {
            let escaped = written(Cell::Text(Cow::Borrowed(text)));
            let read = crate::postgres::decode::unescape(escaped.as_bytes());
            assert_eq!(read, Ok(Some(Cow::Borrowed(text))), "{escaped}");
        }
    }

    #[test]
    fn plausible_times_and_decimals_are_told_from_others() {
        for time in [
            "2026-01-31",
            "2024-02-29T00:00:00Z",
            "2026-12-31 23:59:59.123456+05:30",
            "2026-01-01T00:00-0800",
            "2026-01-01 00:00:00+00",
        ] {
            assert!(is_timestamp(time.as_bytes()), "{time}");
        }
        for time in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+99",
            "01/02/2026",
            "2026-01-01Tx",
            "2026-01-01 1",
        ] {
            assert!(!is_timestamp(time.as_bytes()), "{time}");
        }
        for decimal in ["0", "-1.50", ".5", "5.", "1e10", "+3", "12345678901234567890.1"] {
            assert!(is_decimal(decimal), "{decimal}");
        }
        for decimal in ["", ".", "-", "1,5", "abc", "1e999", "0x1", "NaN", " 1"] {
            assert!(!is_decimal(decimal), "{decimal}");
        }
    }
}
