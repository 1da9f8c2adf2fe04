//! Keyset pagination in both directions: what a caller asks for, and what they get.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use sea_orm::Value;
use uuid::Uuid;

use crate::error::{Error, Result};

/// Most rows of a page.
pub const PAGE_ROWS_MAX: u64 = 100;
/// Rows of a page when the caller names no number.
pub const PAGE_ROWS_DEFAULT: u64 = 20;
/// Longest cursor that is looked at, in bytes; ours are far shorter.
const CURSOR_BYTES_MAX: usize = 1_024;

/// Relay's four arguments, as the caller gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageArguments {
    /// Rows from the beginning, or after `after`.
    pub first: Option<i32>,
    /// Cursor to begin behind.
    pub after: Option<String>,
    /// Rows from the end, or before `before`.
    pub last: Option<i32>,
    /// Cursor to end ahead of.
    pub before: Option<String>,
}

/// The same, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRequest {
    pub(crate) backward: bool,
    pub(crate) limit: u64,
    pub(crate) after: Option<Position>,
    pub(crate) before: Option<Position>,
}

/// Ascending or descending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest or oldest first.
    Ascending,
    /// Largest or newest first.
    #[default]
    Descending,
}

/// Place of a row in an order: the value of the order's column, where that is not the id, and the id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Position {
    pub(crate) value: Option<Value>,
    pub(crate) id: Uuid,
}

/// Some rows of a list, in its order.
#[derive(Clone, Debug, Default)]
pub struct Page<T> {
    /// Each row with the cursor that stands for its place.
    pub edges: Vec<Edge<T>>,
    /// Whether rows follow the last one.
    pub has_next: bool,
    /// Whether rows stand before the first one.
    pub has_previous: bool,
}

/// A row and its place.
#[derive(Clone, Debug)]
pub struct Edge<T> {
    /// Opaque; valid for the same list in the same order.
    pub cursor: String,
    /// The row.
    pub node: T,
}

impl<T> Page<T> {
    /// The same page of something made from each row.
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> Page<U> {
        Page {
            edges: self
                .edges
                .into_iter()
                .map(|edge| Edge { cursor: edge.cursor, node: make(edge.node) })
                .collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

impl PageArguments {
    /// Checks the arguments for a list in the named order.
    ///
    /// # Errors
    /// [`Error::Argument`] names the argument and what would be right.
    pub fn check(&self, order: &'static str) -> Result<PageRequest> {
        if self.first.is_some() && self.last.is_some() {
            return Err(argument("last", "can't be combined with `first`: ask for one direction"));
        }
        let (backward, asked, name) = match (self.first, self.last) {
            (_, Some(last)) => (true, Some(last), "last"),
            (first, None) => (self.before.is_some() && first.is_none(), first, "first"),
        };
        let limit = match asked {
            None => PAGE_ROWS_DEFAULT,
            Some(number) => {
                u64::try_from(number).ok().filter(|number| (1..=PAGE_ROWS_MAX).contains(number)).ok_or_else(
                    || argument(name, &format!("is {number}; it must be from 1 to {PAGE_ROWS_MAX}")),
                )?
            }
        };
        let position = |name: &'static str, cursor: &Option<String>| match cursor {
            None => Ok(None),
            Some(text) => decode(order, text)
                .map(Some)
                .ok_or_else(|| argument(name, "is not a cursor of this list in this order")),
        };
        Ok(PageRequest {
            backward,
            limit,
            after: position("after", &self.after)?,
            before: position("before", &self.before)?,
        })
    }
}

fn argument(argument: &'static str, message: &str) -> Error {
    Error::Argument { argument, message: message.to_owned() }
}

/// A cursor: the order's name, the value's type and the value, the id; base64url, so that nobody builds on it.
pub(crate) fn encode(order: &str, position: &Position) -> String {
    let value = match &position.value {
        None => String::new(),
        Some(Value::ChronoDateTimeUtc(Some(time))) => format!("t{}", time.timestamp_micros()),
        Some(Value::String(Some(text))) => format!("s{text}"),
        Some(Value::BigInt(Some(number))) => format!("i{number}"),
        // No list is ordered by anything else; such a cursor is refused when it comes back.
        Some(_) => "?".to_owned(),
    };
    URL_SAFE_NO_PAD.encode(format!("{order}\n{}\n{value}", position.id.simple()))
}

fn decode(order: &str, cursor: &str) -> Option<Position> {
    if cursor.len() > CURSOR_BYTES_MAX {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let mut parts = text.splitn(3, '\n');
    if parts.next()? != order {
        return None;
    }
    let id = Uuid::parse_str(parts.next()?).ok()?;
    let value = parts.next()?;
    let value = match value.split_at_checked(1) {
        None => None,
        Some(("t", micros)) => Some(DateTime::<Utc>::from_timestamp_micros(micros.parse().ok()?)?.into()),
        Some(("s", text)) if !text.contains('\0') => Some(text.to_owned().into()),
        Some(("i", number)) => Some(number.parse::<i64>().ok()?.into()),
        Some(_) => return None,
    };
    Some(Position { value, id })
}

#[cfg(test)]
mod tests {
    use super::{PageArguments, Position, decode, encode};
    use chrono::DateTime;
    use uuid::Uuid;

    #[test]
    fn cursors_come_back_and_only_for_their_order() {
        let time = DateTime::from_timestamp_millis(1_790_000_000_123).expect("a time");
        for value in [None, Some(time.into()), Some("ä\nb".to_owned().into()), Some((-4_i64).into())] {
            let position = Position { value, id: Uuid::from_u128(5) };
            assert_eq!(decode("name", &encode("name", &position)), Some(position.clone()));
            assert_eq!(decode("created", &encode("name", &position)), None);
        }
        for garbage in ["", "x", "AAAA", "äöü", &"A".repeat(5_000)] {
            assert_eq!(decode("name", garbage), None);
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        for first in [0, -1, 101, 1_000_000] {
            let error =
                PageArguments { first: Some(first), ..Default::default() }.check("id").expect_err("refused");
            assert_eq!(error.to_string(), format!("`first` is {first}; it must be from 1 to 100"));
        }
        let both = PageArguments { first: Some(1), last: Some(1), ..Default::default() };
        assert!(both.check("id").is_err());
    }
}
