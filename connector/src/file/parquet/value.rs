//! Values of Parquet as JSON, by the types of the schema
//! (<https://github.com/apache/parquet-format/blob/master/LogicalTypes.md>): the same forms as other sources give.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde_json::{Number, Value};
use uuid::Uuid;

use crate::Record;
use crate::exact_json;

/// Digits after the point of a decimal; none has more that means it.
const SCALE_MAX: i32 = 100;
/// Bytes of a decimal: 256 bits are 32.
const DECIMAL_BYTES_MAX: usize = 64;
/// Levels of groups and lists.
const DEPTH_MAX: usize = 64;

/// What has to be known of a type beyond what its values say themselves.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Plain,
    Json,
    Uuid,
    /// Nanoseconds that one is, and whether the time is in UTC or in nobody's zone.
    Timestamp {
        unit_nanos: i64,
        utc: bool,
    },
    /// Nanoseconds that one is.
    Time {
        unit_nanos: i64,
    },
    Group(Vec<Shape>),
    List(Box<Shape>),
    Map(Box<Shape>),
}

impl Shape {
    /// Of the root of a schema, or a group in it.
    ///
    /// # Errors
    /// What of it can't be read, for the customer.
    pub(super) fn of(schema: &Type) -> Result<Self, String> {
        Self::at(schema, 0)
    }

    fn at(schema: &Type, depth: usize) -> Result<Self, String> {
        if depth > DEPTH_MAX {
            return Err(format!("its columns are nested more than {DEPTH_MAX} levels deep"));
        }
        let repeated = schema.get_basic_info().has_repetition()
            && schema.get_basic_info().repetition() == Repetition::REPEATED;
        let shape =
            if schema.is_primitive() { Self::primitive(schema)? } else { Self::group(schema, depth)? };
        Ok(if repeated { Self::List(Box::new(shape)) } else { shape })
    }

    fn primitive(schema: &Type) -> Result<Self, String> {
        let Type::PrimitiveType { physical_type, scale, type_length, .. } = schema else {
            return Ok(Self::Plain);
        };
        let info = schema.get_basic_info();
        if *scale > SCALE_MAX || *type_length > 1024 * 1024 {
            return Err(format!("the type of its column `{}` is too large", schema.name()));
        }
        let nanos = |unit: &TimeUnit| match unit {
            TimeUnit::MILLIS => 1_000_000,
            TimeUnit::MICROS => 1_000,
            TimeUnit::NANOS => 1,
        };
        Ok(match (info.logical_type_ref(), info.converted_type(), physical_type) {
            (Some(LogicalType::Uuid), _, _) => Self::Uuid,
            (Some(LogicalType::Json), _, _) | (_, ConvertedType::JSON, _) => Self::Json,
            (Some(LogicalType::Timestamp(timestamp)), _, _) => {
                Self::Timestamp { unit_nanos: nanos(&timestamp.unit), utc: timestamp.is_adjusted_to_u_t_c }
            }
            (Some(LogicalType::Time(time)), _, _) => Self::Time { unit_nanos: nanos(&time.unit) },
            (_, ConvertedType::TIMESTAMP_MILLIS, _) => Self::Timestamp { unit_nanos: 1_000_000, utc: true },
            (_, ConvertedType::TIMESTAMP_MICROS, _) => Self::Timestamp { unit_nanos: 1_000, utc: true },
            // Written by Hive, Impala and old Spark, as the time in UTC.
            (_, _, PhysicalType::INT96) => Self::Timestamp { unit_nanos: 1_000_000, utc: true },
            _ => Self::Plain,
        })
    }

    fn group(schema: &Type, depth: usize) -> Result<Self, String> {
        let fields = schema.get_fields();
        let mut names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("it has two columns `{}`", twice[0]));
        }
        if fields.is_empty() {
            return Err(format!("its column `{}` has no fields", schema.name()));
        }
        let only_of = |field: &Type| (!field.is_primitive()).then(|| field.get_fields().to_vec());
        match (schema.get_basic_info().converted_type(), fields) {
            (ConvertedType::LIST, [repeated]) => {
                let inner = match only_of(repeated).as_deref() {
                    // The usual three levels; the names are what others say.
                    Some([element]) if repeated.name() != "array" && !repeated.name().ends_with("_tuple") => {
                        Self::at(element, depth + 1)?
                    }
                    _ => match Self::at(repeated, depth + 1)? {
                        Self::List(inner) => *inner,
                        other => other,
                    },
                };
                Ok(Self::List(Box::new(inner)))
            }
            (ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE, [pair]) => match only_of(pair).as_deref() {
                Some([_, value]) => Ok(Self::Map(Box::new(Self::at(value, depth + 1)?))),
                Some([key]) => Ok(Self::List(Box::new(Self::at(key, depth + 1)?))),
                _ => Err(format!("its column `{}` is no map that can be read", schema.name())),
            },
            (ConvertedType::LIST | ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE, _) => {
                Err(format!("its column `{}` is no list or map that can be read", schema.name()))
            }
            (_, fields) => {
                let shapes = fields.iter().map(|field| Self::at(field, depth + 1));
                Ok(Self::Group(shapes.collect::<Result<_, _>>()?))
            }
        }
    }
}

/// A row as a record.
///
/// # Errors
/// What is wrong, without values.
pub(super) fn record_of(row: Row, shape: &Shape) -> Result<Record, String> {
    let shapes = match shape {
        Shape::Group(shapes) => shapes.as_slice(),
        _ => &[],
    };
    let columns = row.into_columns();
    let mut record = Record::with_capacity(columns.len());
    for (index, (name, field)) in columns.into_iter().enumerate() {
        let value = value_of(field, shapes.get(index).unwrap_or(&Shape::Plain))
            .map_err(|reason| format!("`{name}` {reason}"))?;
        record.insert(name, value);
    }
    Ok(record)
}

fn value_of(field: Field, shape: &Shape) -> Result<Value, String> {
    Ok(match (field, shape) {
        (Field::Null, _) => Value::Null,
        (Field::Bool(value), _) => Value::Bool(value),
        (
            Field::Long(value) | Field::TimestampMicros(value) | Field::TimestampMillis(value),
            Shape::Timestamp { unit_nanos, utc },
        ) => timestamp(value, *unit_nanos, *utc)?,
        (Field::Long(value) | Field::TimeMicros(value), Shape::Time { unit_nanos }) => {
            time(value, *unit_nanos)?
        }
        (Field::Int(value) | Field::TimeMillis(value), Shape::Time { unit_nanos }) => {
            time(i64::from(value), *unit_nanos)?
        }
        (Field::Byte(value), _) => Value::from(value),
        (Field::Short(value), _) => Value::from(value),
        (Field::Int(value) | Field::TimeMillis(value), _) => Value::from(value),
        (Field::Long(value) | Field::TimeMicros(value), _) => Value::from(value),
        (Field::UByte(value), _) => Value::from(value),
        (Field::UShort(value), _) => Value::from(value),
        (Field::UInt(value), _) => Value::from(value),
        (Field::ULong(value), _) => Value::from(value),
        (Field::Float16(value), _) => real(value.to_f64()),
        // By its shortest form: 0.1 is 0.1, and not 0.10000000149.
        (Field::Float(value), _) => real(value.to_string().parse().unwrap_or(f64::from(value))),
        (Field::Double(value), _) => real(value),
        (Field::TimestampMillis(value), _) => timestamp(value, 1_000_000, true)?,
        (Field::TimestampMicros(value), _) => timestamp(value, 1_000, true)?,
        (Field::Date(days), _) => NaiveDate::from_epoch_days(days)
            .map(|date| Value::String(date.to_string()))
            .ok_or_else(|| "is a date that no calendar has".to_owned())?,
        (Field::Decimal(decimal), _) => {
            exact_json::decimal(decimal_text(decimal.data(), decimal.scale())?.into())
        }
        (Field::Str(text), Shape::Json) => exact_json::parse(&text)?,
        (Field::Str(text), _) => Value::String(text),
        (Field::Bytes(bytes), Shape::Uuid) => {
            let uuid = Uuid::from_slice(bytes.data()).map_err(|_| "is no UUID".to_owned())?;
            Value::String(uuid.to_string())
        }
        (Field::Bytes(bytes), Shape::Json) => {
            exact_json::parse(std::str::from_utf8(bytes.data()).map_err(|_| "is no text".to_owned())?)?
        }
        (Field::Bytes(bytes), _) => Value::String(STANDARD.encode(bytes.data())),
        (Field::Group(row), shape) => Value::from(record_of(row, shape)?),
        (Field::ListInternal(list), shape) => {
            let inner = match shape {
                Shape::List(inner) => inner,
                other => other,
            };
            let elements = list.elements().iter().map(|element| value_of(element.clone(), inner));
            Value::Array(elements.collect::<Result<_, _>>()?)
        }
        (Field::MapInternal(map), shape) => {
            let inner = match shape {
                Shape::Map(inner) => inner,
                other => other,
            };
            let mut object = Record::with_capacity(map.len());
            for (key, value) in map.entries() {
                let key = match value_of(key.clone(), &Shape::Plain)? {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                object.insert(key, value_of(value.clone(), inner)?);
            }
            Value::from(object)
        }
    })
}

/// NaN and the infinities have no JSON number.
fn real(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => Value::String("NaN".to_owned()),
        None => Value::String(if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()),
    }
}

fn timestamp(value: i64, unit_nanos: i64, utc: bool) -> Result<Value, String> {
    let per_second = 1_000_000_000 / unit_nanos;
    let nanos = u32::try_from(value.rem_euclid(per_second) * unit_nanos).unwrap_or(0);
    let time = DateTime::from_timestamp(value.div_euclid(per_second), nanos)
        .ok_or_else(|| "is a time that no calendar has".to_owned())?;
    Ok(Value::String(if utc {
        time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    } else {
        local(time.naive_utc())
    }))
}

fn local(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

fn time(value: i64, unit_nanos: i64) -> Result<Value, String> {
    let nanos = value.checked_mul(unit_nanos).filter(|nanos| (0..86_400_000_000_000).contains(nanos));
    let nanos = nanos.ok_or_else(|| "is a time that no day has".to_owned())?;
    Ok(Value::String((NaiveTime::MIN + TimeDelta::nanoseconds(nanos)).format("%H:%M:%S%.f").to_string()))
}

/// A number of two's complement, big-endian, with a point before the last `scale` digits.
pub(super) fn decimal_text(bytes: &[u8], scale: i32) -> Result<String, String> {
    let scale =
        usize::try_from(scale).ok().filter(|&scale| scale <= 100).ok_or("has a scale that can't be read")?;
    if bytes.len() > DECIMAL_BYTES_MAX {
        return Err("is a number of too many digits".to_owned());
    }
    let negative = bytes.first().is_some_and(|&byte| byte & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            let (next, carried) = (!*byte).overflowing_add(u8::from(carry));
            *byte = next;
            carry = carried;
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|&byte| byte != 0) {
        let mut rest: u16 = 0;
        for byte in &mut magnitude {
            let value = rest * 256 + u16::from(*byte);
            *byte = u8::try_from(value / 10).unwrap_or(u8::MAX);
            rest = value % 10;
        }
        digits.push(b'0' + u8::try_from(rest).unwrap_or(0));
    }
    while digits.len() <= scale {
        digits.push(b'0');
    }
    let mut text = String::with_capacity(digits.len() + 2);
    if negative {
        text.push('-');
    }
    for (index, &digit) in digits.iter().enumerate().rev() {
        text.push(char::from(digit));
        if index == scale && scale > 0 {
            text.push('.');
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{decimal_text, real, time, timestamp};

    #[test]
    fn decimals_are_exact() {
        for (bytes, scale, text) in [
            (&[0x04, 0xD2][..], 2, "12.34"),
            (&[0xFB, 0x2E], 2, "-12.34"),
            (&[0x05], 3, "0.005"),
            (&[0x00], 2, "0.00"),
            (&[0x80], 0, "-128"),
            (&[], 0, "0"),
            (&[0x7F; 16], 0, "169473963133173273960190490760135540607"),
            (&[0xFF; 32], 1, "-0.1"),
        ] {
            assert_eq!(decimal_text(bytes, scale).as_deref(), Ok(text));
        }
        assert!(decimal_text(&[1], 101).is_err());
        assert!(decimal_text(&[1], -1).is_err());
        assert!(decimal_text(&[1; 65], 0).is_err());
    }

    #[test]
    fn times_are_rfc_3339_and_without_a_zone_where_they_have_none() {
        assert_eq!(timestamp(1_767_323_045_123, 1_000_000, true), Ok(json!("2026-01-02T03:04:05.123Z")));
        assert_eq!(timestamp(-1, 1, true), Ok(json!("1969-12-31T23:59:59.999999999Z")));
        assert_eq!(timestamp(1_767_323_045_000_000, 1_000, false), Ok(json!("2026-01-02T03:04:05")));
        assert!(timestamp(i64::MAX, 1_000_000, true).is_err());
        assert_eq!(time(3_600_500, 1_000_000), Ok(json!("01:00:00.500")));
        assert!(time(86_400_000, 1_000_000).is_err());
        assert!(time(-1, 1).is_err());
    }

    #[test]
    fn what_is_no_number_is_text() {
        assert_eq!(real(f64::NAN), json!("NaN"));
        assert_eq!(real(f64::NEG_INFINITY), json!("-Infinity"));
        assert_eq!(real(1.5), json!(1.5));
    }
}
