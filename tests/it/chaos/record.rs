//! What the records of the load are, by their place and how often they changed: some are bad, always the same ones.

use serde_json::{Value, json};

/// Longest note that a destination takes, in bytes.
pub(super) const NOTE_LENGTH_MAX: usize = 12;
/// The record at this place has the key of the one before it, on the page before.
const DUPLICATE_PLACE: usize = 100;
/// Each change changes one record of so many.
const CHANGED_EVERY: usize = 5;
/// Every so many-th record of the sandbox breaks the rules.
pub(super) const SANDBOX_INVALID_EVERY: usize = 50;

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives.
    Good,
    /// It breaks the rules of the integration.
    Invalid,
    /// The destination refuses it.
    Refused,
    /// Its key was there before.
    Duplicate,
}

/// What becomes of the record at a place.
pub(super) fn fate(place: usize) -> Fate {
    if place == DUPLICATE_PLACE {
        Fate::Duplicate
    } else if place % 97 == 13 {
        Fate::Invalid
    } else if place % 89 == 7 {
        Fate::Refused
    } else {
        Fate::Good
    }
}

/// The key of the record at a place.
pub(super) fn key(place: usize) -> String {
    let place = if fate(place) == Fate::Duplicate { place - 1 } else { place };
    format!("R-{place:05}")
}

/// How often the record at a place changed, when its owner's records changed so often. It never changes back.
pub(super) fn version(place: usize, generation: usize) -> usize {
    (generation + place % CHANGED_EVERY) / CHANGED_EVERY
}

/// The record at a place.
pub(super) fn of(owner: &str, place: usize, generation: usize) -> Value {
    let fate = fate(place);
    json!({
        "id": key(place),
        "owner": owner,
        "version": version(place, generation),
        "email": if fate == Fate::Invalid { "none".to_owned() } else { format!("person{place}@example.com") },
        "note": match fate {
            Fate::Refused => "a note that is too long",
            Fate::Duplicate => "second",
            _ => "first",
        },
    })
}

/// The key of a record of the sandbox, by its number from 1; `None` when it breaks the rules.
pub(super) fn sandbox_key(number: usize) -> Option<String> {
    (!number.is_multiple_of(SANDBOX_INVALID_EVERY)).then(|| format!("SBX-{number:06}"))
}
