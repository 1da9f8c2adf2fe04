//! JSON in which no object has a key twice. serde_json takes the last one, other readers the first: what a proxy in
//! front has looked at must be what is executed (RFC 8259, section 4).

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Marks the error of a key that stands twice; the key's text follows.
const TWICE: &str = "the key stands twice: ";

/// A value whose objects have each key once.
pub(super) struct Strict(pub(super) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

/// The key that stands twice, if that is what is wrong.
pub(super) fn key_twice(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let key = text.strip_prefix(TWICE)?;
    // serde_json adds the place.
    Some(key.rsplit_once(" at line ").map_or(key, |(key, _)| key).to_owned())
}

struct StrictVisitor;

impl<'de> DeserializeSeed<'de> for StrictVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(StrictVisitor)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("{TWICE}{key}")));
            }
            let value = access.next_value_seed(StrictVisitor)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::{Strict, key_twice};
    use serde_json::Value;

    #[test]
    fn what_has_each_key_once_is_read_as_ever() {
        for text in [
            r#"{"a":[1,-1,1.5,"x",null,true,{"a":{}}],"b":18446744073709551615}"#,
            "[]",
            "null",
            "\"\\u0000\"",
        ] {
            let strict: Strict = serde_json::from_str(text).expect(text);
            assert_eq!(strict.0, serde_json::from_str::<Value>(text).expect(text));
        }
        assert!(serde_json::from_str::<Strict>(&"[".repeat(1_000)).is_err(), "the depth stays bounded");
    }

    #[test]
    fn a_key_that_stands_twice_is_named() {
        for (text, key) in [
            (r#"{"a":1,"b":2,"a":1}"#, "a"),
            (r#"{"a":{"x at line y":1,"x at line y":1}}"#, "x at line y"),
            (r#"[{"b":1,"\u0062":1}]"#, "b"),
        ] {
            let error = serde_json::from_str::<Strict>(text).err().expect(text);
            assert_eq!(key_twice(&error).as_deref(), Some(key), "{error}");
        }
        assert!(serde_json::from_str::<Strict>("{").is_err_and(|error| key_twice(&error).is_none()));
    }
}
