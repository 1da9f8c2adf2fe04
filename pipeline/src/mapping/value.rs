//! Records to VRL values and back, without changing a number or a character on the way.

use connector::Record;
use serde_json::{Map, Number, Value as Json};
use vrl::value::{KeyString, ObjectMap, Value};

use super::MapError;

/// How deep a record may nest: what `serde_json` reads back.
const DEPTH_MAX: usize = 128;

pub(super) fn from_record(record: &Record) -> Result<Value, MapError> {
    object(record, &Path::Root).map(Value::Object)
}

/// Where in a record a value is; only written out when something is wrong there.
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Field(parent, name) => {
                format!("{}/{}", parent.pointer(), name.replace('~', "~0").replace('/', "~1"))
            }
            Self::Index(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }

    fn error(&self, what: &str) -> MapError {
        MapError::new(format!("{}: {what}", self.pointer()))
    }
}

fn object<'a>(
    fields: impl IntoIterator<Item = (&'a String, &'a Json)>,
    path: &Path<'_>,
) -> Result<ObjectMap, MapError> {
    fields
        .into_iter()
        .map(|(name, value)| {
            Ok((KeyString::from(name.as_str()), from_json(value, &Path::Field(path, name))?))
        })
        .collect()
}

fn from_json(value: &Json, path: &Path<'_>) -> Result<Value, MapError> {
    Ok(match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(*value),
        Json::String(text) => Value::from(text.as_str()),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(float)) if number.is_f64() => Value::from_f64_or_zero(float),
            _ => {
                return Err(
                    path.error("the integer is larger than 9223372036854775807, which mappings can't hold")
                );
            }
        },
        Json::Array(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| from_json(item, &Path::Index(path, index)))
                .collect::<Result<_, _>>()?,
        ),
        Json::Object(fields) => Value::Object(object(fields, path)?),
    })
}

/// # Errors
/// When it is not an object, or holds what JSON can't.
pub(super) fn into_record(value: Value) -> Result<Record, MapError> {
    match value {
        Value::Object(fields) => map(fields, &Path::Root, 1).map(Record::from),
        other => Err(MapError::new(format!("the result is of type {}, not an object", other.kind_str()))),
    }
}

fn map(fields: ObjectMap, path: &Path<'_>, depth: usize) -> Result<Map<String, Json>, MapError> {
    let mut map = Map::with_capacity(fields.len());
    for (name, value) in fields {
        let name = String::from(name);
        let value = into_json(value, &Path::Field(path, &name), depth)?;
        map.insert(name, value);
    }
    Ok(map)
}

fn into_json(value: Value, path: &Path<'_>, depth: usize) -> Result<Json, MapError> {
    if depth > DEPTH_MAX {
        return Err(MapError::new(format!("the result is nested more than {DEPTH_MAX} levels deep")));
    }
    Ok(match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::Bool(value),
        Value::Integer(integer) => Json::Number(integer.into()),
        Value::Float(float) => match Number::from_f64(float.into_inner()) {
            Some(number) => Json::Number(number),
            None => return Err(path.error("the number is infinite")),
        },
        Value::String(text) => Json::String(text.to_string()),
        Value::Bytes(bytes) => match String::from_utf8(bytes.into()) {
            Ok(text) => Json::String(text),
            Err(_) => {
                return Err(path.error("the bytes are not UTF-8 text; encode_base64 makes text of them"));
            }
        },
        Value::Timestamp(at) => Json::String(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        Value::Regex(_) => return Err(path.error("a regular expression can't be part of a record")),
        Value::Array(items) => Json::Array(
            items
                .into_iter()
                .enumerate()
                .map(|(index, item)| into_json(item, &Path::Index(path, index), depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(fields) => Json::Object(map(fields, path, depth + 1)?),
    })
}
