//! One record that did not arrive, and why. Deliberately absent: words for people, who acts and
//! whether it can be retried; the error catalogue has these for each code.

use connector::{Captured, FieldError, Malformed, Record, RecordError, RecordKey};
use uuid::Uuid;

/// Where in its way a record failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// Reading it, and telling which record it is.
    Extract,
    /// The mapping program.
    Map,
    /// The record rules.
    Validate,
    /// Writing it.
    Load,
    /// On our side.
    Platform,
}

/// `source.malformed`: something stands where a record should be, and is not one.
pub const SOURCE_MALFORMED: &str = "source.malformed";
/// `record.missing_key`: a key field is absent or null.
pub const RECORD_MISSING_KEY: &str = "record.missing_key";
/// `record.unusable_key`: a key is too long to be kept, or holds a NUL character.
pub const RECORD_UNUSABLE_KEY: &str = "record.unusable_key";
/// `record.duplicate_key`: another record of this run has the same key.
pub const RECORD_DUPLICATE_KEY: &str = "record.duplicate_key";
/// `record.duplicate_across_slices`: a record that another slice of this run has read has the same key.
pub const RECORD_DUPLICATE_ACROSS_SLICES: &str = "record.duplicate_across_slices";
/// `record.mapping_failed`: the mapping program failed on this record.
pub const RECORD_MAPPING_FAILED: &str = "record.mapping_failed";
/// `record.schema_violation`: the record breaks rules.
pub const RECORD_SCHEMA_VIOLATION: &str = "record.schema_violation";

/// `destination.removal_refused`: the destination does not let a record go that is gone from the source.
pub const DESTINATION_REMOVAL_REFUSED: &str = "destination.removal_refused";
/// `record.duplicate_value`: another record of this run has the same value where none may.
pub const RECORD_DUPLICATE_VALUE: &str = "record.duplicate_value";
/// `record.missing_reference`: it refers to a record that is not known.
pub const RECORD_MISSING_REFERENCE: &str = "record.missing_reference";
/// `record.quarantined`: nothing is wrong with it, but its page may not be written.
pub const RECORD_QUARANTINED: &str = "record.quarantined";

/// Longest key, in bytes: beside tenant, integration and stream it has to fit into an entry of an index, of which
/// PostgreSQL's are the smallest, with 2,704 bytes.
const KEY_BYTES_MAX: usize = 2_000;

/// A record that did not arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordFailure {
    /// Where it failed.
    pub stage: Stage,
    /// Code of the error catalogue, e.g. `record.schema_violation` or `destination.rejected`.
    pub code: String,
    /// Which record; `None` when that can't be told.
    pub key: Option<RecordKey>,
    /// Where in the source, for what is not a record: `line 4711`.
    pub position: Option<String>,
    /// Which fields broke which rules.
    pub field_errors: Vec<FieldError>,
    /// Status of the destination's reply, for HTTP.
    pub http_status: Option<u16>,
    /// For engineers, without values of the record.
    pub detail: String,
    /// The record as it was read; `None` for what is not a record.
    pub record: Option<Record>,
    /// The record as it was mapped, where it got so far and there is a mapping.
    pub mapped: Option<Record>,
    /// The raw text of what is not a record, cut to 2 KiB.
    pub raw: Option<String>,
    /// Calls to the destination that held this record; 0 when it never got there.
    pub attempts: u32,
    /// The failure that was retried, in a retry.
    pub retried: Option<Uuid>,
    /// The request that was refused and its reply, for HTTP; of the first ones alone.
    pub exchange: Option<Captured>,
}

impl RecordFailure {
    fn new(stage: Stage, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            stage,
            code: code.into(),
            key: None,
            position: None,
            field_errors: Vec::new(),
            http_status: None,
            detail: detail.into(),
            record: None,
            mapped: None,
            raw: None,
            attempts: 0,
            retried: None,
            exchange: None,
        }
    }

    pub(crate) fn malformed(malformed: Malformed) -> Self {
        Self {
            position: Some(malformed.position),
            raw: malformed.raw,
            ..Self::new(Stage::Extract, SOURCE_MALFORMED, malformed.reason)
        }
    }

    pub(crate) fn missing_key(record: Record, key_fields: &[String]) -> Self {
        let field_errors = key_fields
            .iter()
            .filter(|field| record.get(field).is_none_or(serde_json::Value::is_null))
            .map(|field| field_error(field, "required", "is needed to tell which record this is"))
            .collect();
        Self {
            field_errors,
            record: Some(record),
            ..Self::new(Stage::Extract, RECORD_MISSING_KEY, "a key field is absent or null")
        }
    }

    pub(crate) fn unusable_key(why: UnusableKey, record: Record, key_fields: &[String]) -> Self {
        let (rule, message) = match why {
            UnusableKey::TooLong => (
                "maxLength",
                format!("is too long to tell which record this is: at most {KEY_BYTES_MAX} bytes"),
            ),
            UnusableKey::Nul => ("nul", "contains a NUL character".to_owned()),
        };
        Self {
            field_errors: key_fields.iter().map(|field| field_error(field, rule, &message)).collect(),
            record: Some(record),
            ..Self::new(Stage::Extract, RECORD_UNUSABLE_KEY, "the key can't be kept")
        }
    }

    pub(crate) fn duplicate_key(key: RecordKey, key_fields: &[String], record: Record) -> Self {
        let field_errors = key_fields
            .iter()
            .map(|field| field_error(field, "unique", "must be unique: another record has the same value"))
            .collect();
        Self {
            key: Some(key),
            field_errors,
            record: Some(record),
            ..Self::new(Stage::Extract, RECORD_DUPLICATE_KEY, "another record of this run has the same key")
        }
    }

    /// A record that was written at the same time as another one of its key; found when it is not at hand any more.
    pub fn duplicate_across_slices(key: RecordKey) -> Self {
        let detail = "another slice of this run has written a record with the same key";
        Self { key: Some(key), attempts: 1, ..Self::new(Stage::Load, RECORD_DUPLICATE_ACROSS_SLICES, detail) }
    }

    pub(crate) fn mapping_failed(key: RecordKey, record: Record, detail: String) -> Self {
        Self { key: Some(key), record: Some(record), ..Self::new(Stage::Map, RECORD_MAPPING_FAILED, detail) }
    }

    pub(crate) fn schema_violation(key: RecordKey, record: Record, field_errors: Vec<FieldError>) -> Self {
        let detail = format!("{} rules are broken", field_errors.len());
        Self {
            key: Some(key),
            field_errors,
            record: Some(record),
            ..Self::new(Stage::Validate, RECORD_SCHEMA_VIOLATION, detail)
        }
    }

    pub(crate) fn removal_refused(key: RecordKey, error: RecordError, attempts: u32) -> Self {
        Self {
            key: Some(key),
            field_errors: error.field_errors,
            http_status: error.http_status,
            exchange: error.exchange,
            attempts,
            ..Self::new(Stage::Load, DESTINATION_REMOVAL_REFUSED, error.detail)
        }
    }

    pub(crate) fn duplicate_value(key: RecordKey, record: Record, field_errors: Vec<FieldError>) -> Self {
        let detail = "another record of this run has the same value";
        Self {
            key: Some(key),
            field_errors,
            record: Some(record),
            ..Self::new(Stage::Validate, RECORD_DUPLICATE_VALUE, detail)
        }
    }

    pub(crate) fn missing_reference(key: RecordKey, record: Record, field_errors: Vec<FieldError>) -> Self {
        let detail = "what it refers to is not known, or not in the table";
        Self {
            key: Some(key),
            field_errors,
            record: Some(record),
            ..Self::new(Stage::Validate, RECORD_MISSING_REFERENCE, detail)
        }
    }

    pub(crate) fn quarantined(key: RecordKey, record: Record, mapped: Option<Record>) -> Self {
        let detail = "the quality gate closed before its page was written";
        Self {
            key: Some(key),
            record: Some(record),
            mapped,
            ..Self::new(Stage::Validate, RECORD_QUARANTINED, detail)
        }
    }

    pub(crate) fn refused(key: RecordKey, record: Record, error: RecordError, attempts: u32) -> Self {
        Self {
            key: Some(key),
            field_errors: error.field_errors,
            http_status: error.http_status,
            exchange: error.exchange,
            record: Some(record),
            attempts,
            ..Self::new(Stage::Load, format!("destination.{}", error.kind.code()), error.detail)
        }
    }
}

/// Why a key can't be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnusableKey {
    TooLong,
    Nul,
}

impl UnusableKey {
    /// `None` when it can be kept.
    pub(crate) fn of(key: &RecordKey) -> Option<Self> {
        if key.canonical().len() > KEY_BYTES_MAX {
            Some(Self::TooLong)
        } else if key.reference().contains('\0') {
            Some(Self::Nul)
        } else {
            None
        }
    }
}

pub(crate) fn field_error(field: &str, rule: &str, message: &str) -> FieldError {
    let path = format!("/{}", field.replace('~', "~0").replace('/', "~1"));
    FieldError { path, rule: rule.to_owned(), message: message.to_owned() }
}
