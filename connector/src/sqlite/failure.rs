//! SQLite's errors in our words: which concern the whole database, and which a single record.
//! Codes: <https://sqlite.org/rescode.html>.

use crate::{FieldError, RecordError, RecordErrorKind, SystemError, SystemErrorKind};

const SQLITE_ERROR: i32 = 1;
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_INTERRUPT: i32 = 9;
const SQLITE_IOERR: i32 = 10;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_TOOBIG: i32 = 18;
const SQLITE_CONSTRAINT: i32 = 19;
const SQLITE_MISMATCH: i32 = 20;
const SQLITE_NOTADB: i32 = 26;
const SQLITE_CONSTRAINT_CHECK: i32 = 275;
const SQLITE_CONSTRAINT_FOREIGNKEY: i32 = 787;
const SQLITE_CONSTRAINT_NOTNULL: i32 = 1299;
const SQLITE_CONSTRAINT_PRIMARYKEY: i32 = 1555;
const SQLITE_CONSTRAINT_TRIGGER: i32 = 1811;
const SQLITE_CONSTRAINT_UNIQUE: i32 = 2067;
const SQLITE_CONSTRAINT_DATATYPE: i32 = 3091;

/// Kept of what the database said about a record, in bytes.
const DETAIL_BYTES_MAX: usize = 2048;

/// The error as one of the whole database. `what` is what was done: `reading the table`.
pub(crate) fn system_error(what: &str, error: &sqlx::Error) -> SystemError {
    let (kind, hint) = match code(error).map(|code| code & 0xFF) {
        Some(SQLITE_BUSY | SQLITE_LOCKED) => {
            (SystemErrorKind::Unavailable, Some("the database is locked by another program".to_owned()))
        }
        Some(SQLITE_INTERRUPT) => (SystemErrorKind::Timeout, None),
        Some(SQLITE_IOERR | SQLITE_FULL) => (SystemErrorKind::Unavailable, None),
        Some(SQLITE_READONLY) => {
            (SystemErrorKind::Misconfigured, Some("the database can't be written".to_owned()))
        }
        Some(SQLITE_CORRUPT) => (SystemErrorKind::Malformed, Some("the database file is damaged".to_owned())),
        Some(SQLITE_NOTADB) => {
            (SystemErrorKind::Malformed, Some("the file is not a SQLite database".to_owned()))
        }
        Some(SQLITE_ERROR) => (SystemErrorKind::Misconfigured, missing_name(error)),
        _ => (SystemErrorKind::Internal, None),
    };
    let error = SystemError::new(kind, format!("{what}: {error}"));
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// True when the error concerns the values of a record, and other records can pass.
pub(super) fn concerns_record(error: &sqlx::Error) -> bool {
    matches!(code(error).map(|code| code & 0xFF), Some(SQLITE_CONSTRAINT | SQLITE_MISMATCH | SQLITE_TOOBIG))
}

/// True when a foreign key is broken, which SQLite may say as late as at the commit.
pub(super) fn is_foreign_key(error: &sqlx::Error) -> bool {
    code(error) == Some(SQLITE_CONSTRAINT_FOREIGNKEY)
}

/// The error as one of a single record.
pub(super) fn record_error(error: &sqlx::Error) -> RecordError {
    let message = error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default();
    let (rule, text) = match code(error) {
        Some(SQLITE_CONSTRAINT_NOTNULL) => ("not_null", "must not be empty"),
        Some(SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY) => {
            ("unique", "another record of the destination has this value already")
        }
        Some(SQLITE_CONSTRAINT_FOREIGNKEY) => {
            ("foreign_key", "refers to something that the destination does not have")
        }
        Some(SQLITE_CONSTRAINT_CHECK) => ("check", "breaks a rule of the destination"),
        Some(SQLITE_CONSTRAINT_DATATYPE | SQLITE_MISMATCH) => {
            ("type", "is not of the type that the destination stores")
        }
        Some(SQLITE_CONSTRAINT_TRIGGER) => ("trigger", "is refused by a rule of the destination"),
        Some(SQLITE_TOOBIG) => ("maxLength", "is larger than the destination can hold"),
        _ => ("rejected", "is refused by the destination"),
    };
    let columns = columns_of(&message);
    let paths = if columns.is_empty() {
        vec![String::new()]
    } else {
        columns.iter().map(|name| pointer(name)).collect()
    };
    let field_errors =
        paths.into_iter().map(|path| FieldError { path, rule: rule.to_owned(), message: text.to_owned() });
    RecordError { field_errors: field_errors.collect(), ..rejected(Vec::new(), error.to_string()) }
}

/// A refused record.
pub(super) fn rejected(field_errors: Vec<FieldError>, mut detail: String) -> RecordError {
    detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
    RecordError { kind: RecordErrorKind::Rejected, field_errors, http_status: None, detail, exchange: None }
}

/// JSON Pointer to a top-level field.
pub(super) fn pointer(field: &str) -> String {
    format!("/{}", field.replace('~', "~0").replace('/', "~1"))
}

fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// From `no such column: amount`, what the customer can mend.
fn missing_name(error: &sqlx::Error) -> Option<String> {
    let message = error.as_database_error()?.message();
    for (prefix, what) in [("no such column: ", "column"), ("no such table: ", "table")] {
        if let Some(name) = message.strip_prefix(prefix) {
            return Some(format!("the database has no {what} `{name}`"));
        }
    }
    Some("the database does not understand the statement".to_owned())
}

/// The columns of `NOT NULL constraint failed: orders.email` and its like.
fn columns_of(message: &str) -> Vec<String> {
    let constraint = ["NOT NULL constraint failed: ", "UNIQUE constraint failed: "]
        .into_iter()
        .find_map(|prefix| message.strip_prefix(prefix));
    if let Some(columns) = constraint {
        let columns = columns.split(", ").filter_map(|column| column.split_once('.'));
        return columns.map(|(_, column)| column.to_owned()).collect();
    }
    // Of a STRICT table: `cannot store TEXT value in INTEGER column orders.amount`.
    let strict = message.strip_prefix("cannot store ").and_then(|rest| rest.split_once(" column "));
    strict
        .and_then(|(_, column)| column.split_once('.'))
        .map(|(_, column)| vec![column.to_owned()])
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::columns_of;

    #[test]
    fn columns_are_found_in_messages() {
        assert_eq!(columns_of("NOT NULL constraint failed: orders.email"), ["email"]);
        assert_eq!(columns_of("UNIQUE constraint failed: orders.country, orders.vat"), ["country", "vat"]);
        assert_eq!(columns_of("cannot store TEXT value in INTEGER column orders.amount"), ["amount"]);
        assert!(columns_of("CHECK constraint failed: amount > 0").is_empty());
        assert!(columns_of("FOREIGN KEY constraint failed").is_empty());
    }
}
