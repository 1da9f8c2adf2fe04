//! Scalars of the API, and ids: opaque outside, typed inside. No defaults and no ranges; the domain knows those.

use async_graphql::{ID, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, Utc};
use domain::id::{GlobalId, Kind};
use uuid::Uuid;

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// A time as RFC 3339. Answers are UTC with milliseconds, e.g. `2026-11-22T15:04:05.123Z`; inputs may have any
/// offset.
#[Scalar(name = "DateTime", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        chrono::DateTime::parse_from_rfc3339(text).map(|time| Self(time.with_timezone(&Utc))).map_err(
            |_invalid| InputValueError::custom("is not a time like 2026-11-22T15:04:05.123Z (RFC 3339)"),
        )
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(time: chrono::DateTime<Utc>) -> Self {
        Self(time)
    }
}

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BigInt(pub i64);

/// A whole number up to 2^63-1, as a JSON number. JavaScript's own numbers are exact up to 2^53-1.
#[Scalar(name = "BigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) if number.is_i64() => {
                number.as_i64().map(Self).ok_or_else(|| InputValueError::expected_type(value.clone()))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

impl From<i64> for BigInt {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<u64> for BigInt {
    /// Counts of rows; a number beyond 2^63-1 can't come.
    fn from(number: u64) -> Self {
        Self(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// Any JSON value.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(pub serde_json::Value);

/// Any JSON value: object, list, text, number, boolean or null.
#[Scalar(name = "JSON", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc8259")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value.clone().into_json() {
            Ok(json) => Ok(Self(json)),
            Err(_not_json) => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).expect("every JSON value is a value of GraphQL")
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self(value)
    }
}

/// The id of a row as callers know it.
pub(super) fn id(kind: Kind, uuid: Uuid) -> ID {
    ID(GlobalId::new(kind, uuid).to_string())
}

/// The row that an id names. What is not an id of this kind becomes nil, which names nothing: a malformed id and
/// another tenant's are answered alike.
pub(super) fn uuid(kind: Kind, id: &ID) -> Uuid {
    GlobalId::parse_as(kind, id).unwrap_or(Uuid::nil())
}

/// As [`uuid`], for an id that may be left out.
pub(super) fn optional_uuid(kind: Kind, id: Option<&ID>) -> Option<Uuid> {
    id.map(|id| uuid(kind, id))
}

/// As [`uuid`], for a list.
pub(super) fn uuids(kind: Kind, ids: &[ID]) -> Vec<Uuid> {
    ids.iter().map(|id| uuid(kind, id)).collect()
}

#[cfg(test)]
mod tests {
    use async_graphql::{ID, ScalarType, Value};
    use domain::id::Kind;
    use uuid::Uuid;

    use super::{BigInt, DateTime, Json, id, uuid};

    #[test]
    fn times_are_utc_with_milliseconds() {
        for (text, expected) in [
            ("2026-11-22T15:04:05Z", "2026-11-22T15:04:05.000Z"),
            ("2026-11-22T16:04:05.123456+01:00", "2026-11-22T15:04:05.123Z"),
        ] {
            let time = DateTime::parse(Value::from(text)).expect("a time");
            assert_eq!(time.to_value(), Value::from(expected));
        }
        for refused in
            [Value::from("2026-11-22"), Value::from("soon"), Value::from(1_790_000_000), Value::Null]
        {
            assert!(DateTime::parse(refused.clone()).is_err(), "{refused}");
        }
    }

    #[test]
    fn big_numbers_stay_whole() {
        for number in [0, -1, i64::MAX, i64::MIN] {
            assert_eq!(BigInt::parse(BigInt(number).to_value()).expect("a number").0, number);
        }
        for refused in [Value::from(1.5), Value::from(u64::MAX), Value::from("1")] {
            assert!(BigInt::parse(refused.clone()).is_err(), "{refused}");
        }
    }

    #[test]
    fn json_comes_back_as_it_went() {
        let json = serde_json::json!({ "a b": [1, 2.5, null, true, "x"], "": { "n": 18_446_744_073_709_551_615_u64 } });
        assert_eq!(Json::parse(Json(json.clone()).to_value()).expect("JSON").0, json);
    }

    #[test]
    fn only_ids_of_the_kind_name_anything() {
        let row = Uuid::from_u128(7);
        let run = id(Kind::Run, row);
        assert_eq!(uuid(Kind::Run, &run), row);
        assert_eq!(uuid(Kind::Failure, &run), Uuid::nil());
        assert_eq!(uuid(Kind::Run, &ID("run_7".to_owned())), Uuid::nil());
    }
}
