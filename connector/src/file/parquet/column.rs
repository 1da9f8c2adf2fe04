//! Types of the columns that are written: what fits into each, and which one fits what was seen. Deliberately absent:
//! groups and lists, for which a type would have to be known before the first record; they are JSON text here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::Type;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use uuid::Uuid;

use crate::exact_json;

/// Whole numbers up to here are exact as doubles: 2^53.
const EXACT_MAX: u64 = 1 << 53;
/// Digits of a decimal that 128 bits hold.
const PRECISION_MAX: i32 = 38;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum ColumnType {
    Boolean,
    Int64,
    Double,
    String,
    /// Any value, as JSON text.
    Json,
    /// Microseconds, in UTC.
    Timestamp,
    /// Microseconds, in nobody's zone.
    LocalTimestamp,
    Date,
    Decimal {
        precision: i32,
        scale: i32,
    },
    Uuid,
    /// Base64 in records.
    Binary,
}

/// A value as a column holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Boolean(bool),
    /// Also microseconds.
    Int64(i64),
    /// Days since 1970.
    Date(i32),
    Double(f64),
    Bytes(Vec<u8>),
    /// Of exactly 16 bytes.
    Fixed(Vec<u8>),
}

/// A type as the options name it: `decimal(12,2)`.
impl TryFrom<String> for ColumnType {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Ok(match name.as_str() {
            "boolean" => Self::Boolean,
            "int64" => Self::Int64,
            "double" => Self::Double,
            "string" => Self::String,
            "json" => Self::Json,
            "timestamp" => Self::Timestamp,
            "localTimestamp" => Self::LocalTimestamp,
            "date" => Self::Date,
            "uuid" => Self::Uuid,
            "binary" => Self::Binary,
            other => {
                let digits = other.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
                let (precision, scale) = digits
                    .and_then(|digits| digits.split_once(','))
                    .and_then(|(precision, scale)| Some((precision.parse().ok()?, scale.parse().ok()?)))
                    .filter(|&(precision, scale)| {
                        (1..=PRECISION_MAX).contains(&precision) && (0..=precision).contains(&scale)
                    })
                    .ok_or_else(|| format!("{other:?} is no type of a column"))?;
                Self::Decimal { precision, scale }
            }
        })
    }
}

impl From<ColumnType> for String {
    fn from(column: ColumnType) -> Self {
        match column {
            ColumnType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            ColumnType::Boolean => "boolean".to_owned(),
            ColumnType::Int64 => "int64".to_owned(),
            ColumnType::Double => "double".to_owned(),
            ColumnType::String => "string".to_owned(),
            ColumnType::Json => "json".to_owned(),
            ColumnType::Timestamp => "timestamp".to_owned(),
            ColumnType::LocalTimestamp => "localTimestamp".to_owned(),
            ColumnType::Date => "date".to_owned(),
            ColumnType::Uuid => "uuid".to_owned(),
            ColumnType::Binary => "binary".to_owned(),
        }
    }
}

impl ColumnType {
    /// The type of a column that is there; `None` for one that would not be the same when it is written again.
    pub(crate) fn of(field: &Type) -> Option<Self> {
        let Type::PrimitiveType { physical_type, precision, scale, .. } = field else { return None };
        let info = field.get_basic_info();
        if info.repetition() == Repetition::REPEATED {
            return None;
        }
        let decimal = (1..=PRECISION_MAX).contains(precision) && (0..=*precision).contains(scale);
        Some(match (info.logical_type_ref(), info.converted_type(), physical_type) {
            (_, ConvertedType::DECIMAL, _) if decimal => {
                Self::Decimal { precision: *precision, scale: *scale }
            }
            (_, ConvertedType::DECIMAL, _) => return None,
            (Some(LogicalType::Timestamp(timestamp)), _, _) if !timestamp.is_adjusted_to_u_t_c => {
                Self::LocalTimestamp
            }
            (Some(LogicalType::Timestamp(_)), _, _)
            | (_, ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS, _) => Self::Timestamp,
            // Read to the millisecond, and there may be more.
            (_, _, PhysicalType::INT96) => return None,
            (Some(LogicalType::Time(_)), _, _)
            | (_, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS | ConvertedType::INTERVAL, _) => {
                return None;
            }
            (Some(LogicalType::Uuid), _, _) => Self::Uuid,
            (Some(LogicalType::Float16), _, _) | (_, _, PhysicalType::FLOAT | PhysicalType::DOUBLE) => {
                Self::Double
            }
            (_, ConvertedType::DATE, _) => Self::Date,
            (_, ConvertedType::JSON, _) => Self::Json,
            (_, ConvertedType::UTF8 | ConvertedType::ENUM, _) => Self::String,
            (_, _, PhysicalType::BOOLEAN) => Self::Boolean,
            (_, _, PhysicalType::INT32 | PhysicalType::INT64) => Self::Int64,
            (_, _, PhysicalType::BYTE_ARRAY | PhysicalType::FIXED_LEN_BYTE_ARRAY) => Self::Binary,
        })
    }

    /// The column of a schema.
    pub(super) fn field(self, name: &str) -> ParquetResult<Type> {
        let (physical, logical, length) = match self {
            Self::Boolean => (PhysicalType::BOOLEAN, None, 0),
            Self::Int64 => (PhysicalType::INT64, None, 0),
            Self::Double => (PhysicalType::DOUBLE, None, 0),
            Self::String => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String), 0),
            Self::Json => (PhysicalType::BYTE_ARRAY, Some(LogicalType::Json), 0),
            Self::Binary => (PhysicalType::BYTE_ARRAY, None, 0),
            Self::Timestamp => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS)), 0),
            Self::LocalTimestamp => {
                (PhysicalType::INT64, Some(LogicalType::timestamp(false, TimeUnit::MICROS)), 0)
            }
            Self::Date => (PhysicalType::INT32, Some(LogicalType::Date), 0),
            Self::Uuid => (PhysicalType::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid), 16),
            Self::Decimal { precision, scale } => {
                (PhysicalType::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(scale, precision)), 16)
            }
        };
        let mut builder = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .with_length(length);
        if let Self::Decimal { precision, scale } = self {
            builder = builder.with_precision(precision).with_scale(scale);
        }
        builder.build()
    }

    /// A value in the form in which reading the file gives it.
    ///
    /// # Errors
    /// Why it does not fit: a clause, without the value.
    pub(crate) fn canonical(self, value: &Value) -> Result<Value, String> {
        Ok(match self.cell(value)? {
            Cell::Null => Value::Null,
            Cell::Boolean(value) => Value::Bool(value),
            Cell::Double(double) => Number::from_f64(double).map_or_else(|| value.clone(), Value::Number),
            Cell::Date(days) => {
                NaiveDate::from_epoch_days(days).map_or(Value::Null, |date| date.to_string().into())
            }
            Cell::Int64(number) => match self {
                Self::Timestamp | Self::LocalTimestamp => shown_micros(number, self == Self::Timestamp),
                _ => Value::from(number),
            },
            Cell::Fixed(bytes) => match self {
                Self::Decimal { scale, .. } => decimal_value(&bytes, scale),
                _ => Uuid::from_slice(&bytes).map_or(Value::Null, |uuid| uuid.to_string().into()),
            },
            Cell::Bytes(bytes) => match self {
                Self::Binary => STANDARD.encode(bytes).into(),
                Self::Json => value.clone(),
                _ => String::from_utf8_lossy(&bytes).into_owned().into(),
            },
        })
    }

    /// A value as the column holds it. Texts of what is meant do too, for a CSV file knows nothing else.
    pub(super) fn cell(self, value: &Value) -> Result<Cell, String> {
        if value.is_null() {
            return Ok(Cell::Null);
        }
        let text = value.as_str();
        let not = |what: &str| format!("is not {what}");
        Ok(match self {
            Self::Boolean => match (value, text) {
                (Value::Bool(value), _) => Cell::Boolean(*value),
                (_, Some("true")) => Cell::Boolean(true),
                (_, Some("false")) => Cell::Boolean(false),
                _ => return Err(not("true or false")),
            },
            Self::Int64 => {
                let number = match value {
                    Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
                    _ => text.and_then(|text| text.parse().ok()),
                };
                Cell::Int64(number.ok_or_else(|| not("a whole number of 64 bits"))?)
            }
            Self::Double => {
                Cell::Double(double(value).ok_or_else(|| not("a number that a double holds exactly"))?)
            }
            Self::String => Cell::Bytes(text.map_or_else(|| value.to_string(), str::to_owned).into_bytes()),
            Self::Json => Cell::Bytes(value.to_string().into_bytes()),
            Self::Timestamp => {
                let time = text.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
                let time = time.ok_or_else(|| not("a time with a zone, as `2026-01-02T03:04:05Z`"))?;
                Cell::Int64(micros(time.timestamp_micros(), time.timestamp_subsec_nanos())?)
            }
            Self::LocalTimestamp => {
                let time =
                    text.and_then(|text| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok());
                let time =
                    time.ok_or_else(|| not("a time without a zone, as `2026-01-02T03:04:05`"))?.and_utc();
                Cell::Int64(micros(time.timestamp_micros(), time.timestamp_subsec_nanos())?)
            }
            Self::Date => {
                let date = text.and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
                Cell::Date(date.ok_or_else(|| not("a date, as `2026-01-02`"))?.to_epoch_days())
            }
            Self::Decimal { precision, scale } => {
                let number = match (value, text) {
                    (Value::Number(number), _) => match number.as_f64() {
                        Some(double) if number.is_f64() => unscaled(&double.to_string(), precision, scale),
                        _ => unscaled(&number.to_string(), precision, scale),
                    },
                    (_, Some(text)) => unscaled(text, precision, scale),
                    _ => None,
                };
                let number = number.ok_or_else(|| {
                    not(&format!("a number of {precision} digits, {scale} of them after the point"))
                })?;
                Cell::Fixed(number.to_be_bytes().to_vec())
            }
            Self::Uuid => {
                let uuid = text.and_then(|text| Uuid::parse_str(text).ok()).ok_or_else(|| not("a UUID"))?;
                Cell::Fixed(uuid.as_bytes().to_vec())
            }
            Self::Binary => {
                Cell::Bytes(text.and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| not("Base64"))?)
            }
        })
    }
}

/// What was seen of a column whose type nobody said.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    boolean: bool,
    whole: bool,
    /// A whole number that no double holds.
    large: bool,
    real: bool,
    text: bool,
    other: bool,
    /// The type that the column had before, as long as all fits.
    before: Option<ColumnType>,
}

impl Seen {
    /// Of a column that had a type before.
    pub(crate) fn of(before: Option<ColumnType>) -> Self {
        Self { before, ..Self::default() }
    }

    /// Sees one more value.
    pub(crate) fn see(&mut self, value: &Value) {
        if self.before.is_some_and(|before| before.cell(value).is_err()) {
            self.before = None;
        }
        match value {
            Value::Null => {}
            Value::Bool(_) => self.boolean = true,
            Value::String(_) => self.text = true,
            Value::Array(_) | Value::Object(_) => self.other = true,
            Value::Number(number) => match number.as_i64() {
                Some(whole) => {
                    self.whole = true;
                    self.large |= whole.unsigned_abs() > EXACT_MAX;
                }
                None if number.is_f64() => self.real = true,
                None => self.other = true,
            },
        }
    }

    /// The narrowest type that holds all: JSON text where nothing else does.
    pub(crate) fn column_type(&self) -> ColumnType {
        if let Some(before) = self.before {
            return before;
        }
        let number = self.whole || self.real;
        match (self.boolean, number, self.text) {
            _ if self.other => ColumnType::Json,
            (false, false, _) => ColumnType::String,
            (true, false, false) => ColumnType::Boolean,
            (false, true, false) if !self.real => ColumnType::Int64,
            (false, true, false) if !self.large => ColumnType::Double,
            _ => ColumnType::Json,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the number is whole and within the range where that is exact"
)]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= EXACT_MAX as f64).then_some(number as i64)
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64(),
        Value::Number(number) => {
            let magnitude = number.as_i64().map(i64::unsigned_abs).or_else(|| number.as_u64())?;
            number.as_f64().filter(|_| magnitude <= EXACT_MAX)
        }
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => {
                let number: f64 = text.parse().ok()?;
                let words =
                    text.bytes().any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E'));
                (number.is_finite() && !words).then_some(number)
            }
        },
        _ => None,
    }
}

fn micros(micros: i64, subsec_nanos: u32) -> Result<i64, String> {
    if subsec_nanos.is_multiple_of(1_000) {
        Ok(micros)
    } else {
        Err("is a time of more digits than microseconds have".to_owned())
    }
}

fn shown_micros(micros: i64, utc: bool) -> Value {
    match DateTime::from_timestamp_micros(micros) {
        Some(time) if utc => time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
        Some(time) => time.naive_utc().format("%Y-%m-%dT%H:%M:%S%.f").to_string().into(),
        None => Value::Null,
    }
}

fn decimal_value(bytes: &[u8], scale: i32) -> Value {
    super::value::decimal_text(bytes, scale).map_or(Value::Null, |text| exact_json::decimal(text.into()))
}

/// The digits of a plain decimal number, as one whole number of `scale` digits more; `None` when it has too many.
fn unscaled(text: &str, precision: i32, scale: i32) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    if (before.is_empty() && after.is_empty())
        || !before.bytes().chain(after.bytes()).all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let scale = usize::try_from(scale).ok()?;
    let after = after.trim_end_matches('0');
    if after.len() > scale {
        return None;
    }
    let all = format!("{before}{after:0<scale$}");
    let all = all.trim_start_matches('0');
    if all.len() > usize::try_from(precision).ok()? {
        return None;
    }
    let number: i128 = if all.is_empty() { 0 } else { all.parse().ok()? };
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ColumnType, Seen};

    const MONEY: ColumnType = ColumnType::Decimal { precision: 10, scale: 2 };

    #[test]
    fn types_have_names() {
        for name in [
            "boolean",
            "int64",
            "double",
            "string",
            "json",
            "timestamp",
            "localTimestamp",
            "date",
            "decimal(38,0)",
            "uuid",
            "binary",
        ] {
            let column = ColumnType::try_from(name.to_owned());
            assert_eq!(column.map(String::from), Ok(name.to_owned()));
        }
        for name in ["", "int", "decimal", "decimal(39,0)", "decimal(2,3)", "decimal(0,0)", "decimal(1)"] {
            assert!(ColumnType::try_from(name.to_owned()).is_err(), "{name}");
        }
    }

    #[test]
    fn what_fits_becomes_what_reading_gives() {
        for (column, value, expected) in [
            (ColumnType::Boolean, json!("true"), json!(true)),
            (ColumnType::Int64, json!("-5"), json!(-5)),
            (ColumnType::Int64, json!(5.0), json!(5)),
            (ColumnType::Double, json!(5), json!(5.0)),
            (ColumnType::Double, json!("1e3"), json!(1000.0)),
            (ColumnType::Double, json!("NaN"), json!("NaN")),
            (ColumnType::String, json!(5), json!("5")),
            (ColumnType::Json, json!({"a": [1]}), json!({"a": [1]})),
            (ColumnType::Timestamp, json!("2026-01-02T05:04:05.5+02:00"), json!("2026-01-02T03:04:05.500Z")),
            (ColumnType::LocalTimestamp, json!("2026-01-02T03:04:05"), json!("2026-01-02T03:04:05")),
            (ColumnType::Date, json!("2026-01-02"), json!("2026-01-02")),
            (MONEY, json!("12.3"), json!(12.3)),
            (MONEY, json!(-0.05), json!(-0.05)),
            (MONEY, json!(7), json!(7.0)),
            (
                ColumnType::Decimal { precision: 38, scale: 0 },
                json!("99999999999999999999999999999999999999"),
                json!("99999999999999999999999999999999999999"),
            ),
            (
                ColumnType::Uuid,
                json!("67E55044-10B1-426F-9247-BB680E5FE0C8"),
                json!("67e55044-10b1-426f-9247-bb680e5fe0c8"),
            ),
            (ColumnType::Binary, json!("AP8Q"), json!("AP8Q")),
            (ColumnType::Date, Value::Null, Value::Null),
        ] {
            assert_eq!(column.canonical(&value), Ok(expected), "{column:?} {value}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (column, value) in [
            (ColumnType::Boolean, json!(1)),
            (ColumnType::Int64, json!(5.5)),
            (ColumnType::Int64, json!(u64::MAX)),
            (ColumnType::Double, json!(9_007_199_254_740_993_i64)),
            (ColumnType::Double, json!("inf")),
            (ColumnType::Timestamp, json!("2026-01-02T03:04:05")),
            (ColumnType::Timestamp, json!("2026-01-02T03:04:05.123456789Z")),
            (ColumnType::LocalTimestamp, json!("2026-01-02T03:04:05Z")),
            (ColumnType::Date, json!("02.01.2026")),
            (MONEY, json!("1.005")),
            (MONEY, json!("123456789.00")),
            (MONEY, json!("")),
            (MONEY, json!("1e3")),
            (ColumnType::Uuid, json!("x")),
            (ColumnType::Binary, json!("%")),
        ] {
            assert!(column.canonical(&value).is_err(), "{column:?} {value}");
        }
    }

    #[test]
    fn the_narrowest_type_holds_all() {
        for (values, expected) in [
            (json!([]), ColumnType::String),
            (json!([null, null]), ColumnType::String),
            (json!([true, null]), ColumnType::Boolean),
            (json!([1, null, i64::MAX]), ColumnType::Int64),
            (json!([1, 1.5]), ColumnType::Double),
            (json!([i64::MAX, 1.5]), ColumnType::Json),
            (json!([1, u64::MAX]), ColumnType::Json),
            (json!(["a", "1"]), ColumnType::String),
            (json!(["a", 1]), ColumnType::Json),
            (json!([true, 1]), ColumnType::Json),
            (json!([{"a": 1}]), ColumnType::Json),
            (json!([[1]]), ColumnType::Json),
        ] {
            let mut seen = Seen::default();
            for value in values.as_array().into_iter().flatten() {
                seen.see(value);
            }
            assert_eq!(seen.column_type(), expected, "{values}");
        }
        let mut seen = Seen::of(Some(MONEY));
        seen.see(&json!(12.5));
        assert_eq!(seen.column_type(), MONEY, "what fits stays what it was");
        seen.see(&json!(0.001));
        assert_eq!(seen.column_type(), ColumnType::Double);
    }
}
