//! Why a row can't be stored: the field, the rule, and words a customer can use.
//! Deliberately absent: values, and the server's own text in the customer's words.

use super::cell::Refusal;
use super::connection::{database_error, message};
use super::table::{ColumnKind, Table, TableColumn};
use crate::destination::still_referred_to;
use crate::{FieldError, RecordError, RecordErrorKind};

/// Text for engineers, in bytes.
const DETAIL_BYTES_MAX: usize = 2 * 1024;

/// True when an error is about the values of a row, not about the system: data exceptions, broken
/// constraints, two rows of one key, limits of a row, and what triggers raise.
pub(super) fn is_about_rows(error: &sqlx::Error) -> bool {
    database_error(error).is_some_and(|error| {
        matches!(error.code().get(..2), Some("21" | "22" | "23" | "27" | "44" | "54" | "P0"))
            || error.code() == "42804"
    })
}

/// The answer for a record with these errors.
pub(super) fn fields(field_errors: Vec<FieldError>) -> RecordError {
    let named = field_errors.iter().map(|error| format!("{} {}", error.path, error.rule)).collect::<Vec<_>>();
    rejected(named.join(", "), field_errors)
}

/// The answer for the row that the server refused.
pub(super) fn row(error: &sqlx::Error, table: &Table, field_errors: Vec<FieldError>) -> RecordError {
    let Some(server) = database_error(error) else { return rejected(error.to_string(), field_errors) };
    let detail = format!("{} {}", server.code(), message(server));
    if !field_errors.is_empty() {
        return rejected(detail, field_errors);
    }
    let constraint = server.constraint().unwrap_or_default();
    let of_constraint = || table.constraints.get(constraint).map(|c| c.columns.clone()).unwrap_or_default();
    let (columns, rule, words) = match server.code() {
        "23502" => {
            let column = server.column().map(str::to_owned).into_iter().collect();
            (column, "not_null", "a value is required")
        }
        "23505" => (of_constraint(), "unique", "another record has this value already"),
        "23503" => (of_constraint(), "foreign_key", "it refers to a record that does not exist"),
        "23514" => (of_constraint(), "check", "a rule of the table does not allow this value"),
        "23P01" => (of_constraint(), "exclusion", "it overlaps with another record"),
        "22P05" => (Vec::new(), "nul_character", "a text contains a NUL character"),
        "22001" => (Vec::new(), "maxLength", "a text is too long"),
        "22003" => (Vec::new(), "range", "a number is out of range"),
        "22007" | "22008" | "22P02" => (Vec::new(), "type", "a value does not have its column's type"),
        code if code.starts_with("P0") => (Vec::new(), "check", "a rule of the table refuses this record"),
        code if code.starts_with("54") => (Vec::new(), "maxLength", "the record is too large for the table"),
        _ => (Vec::new(), "invalid", "the table does not take this record"),
    };
    let field_errors = if columns.is_empty() {
        vec![FieldError { path: String::new(), rule: rule.to_owned(), message: words.to_owned() }]
    } else {
        columns.iter().map(|column| field(column, rule, words)).collect()
    };
    rejected(detail, field_errors)
}

/// The answer for a row that the server does not let go.
pub(super) fn removal(error: &sqlx::Error, table: &Table) -> RecordError {
    let is_referred_to = database_error(error).is_some_and(|error| error.code() == "23503");
    let refused = row(error, table, Vec::new());
    if is_referred_to { still_referred_to(refused) } else { refused }
}

/// An error of one field.
pub(super) fn field(name: &str, rule: &str, message: &str) -> FieldError {
    let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    FieldError { path, rule: rule.to_owned(), message: message.to_owned() }
}

/// A value that was refused before it was sent.
pub(super) fn cell(column: &TableColumn, refused: Refusal) -> FieldError {
    let name = &column.name;
    match refused {
        Refusal::NotNull => field(name, "not_null", "a value is required"),
        Refusal::NulCharacter => field(name, "nul_character", "the text contains a NUL character"),
        Refusal::NotBase64 => field(name, "type", "binary data must be base64 text"),
        Refusal::NotOfType => cast(name, column.kind, "22P02"),
        Refusal::OutOfRange => cast(name, column.kind, "22003"),
        Refusal::TooLong => match column.kind {
            ColumnKind::Text { chars_max } => too_long(name, chars_max),
            _ => too_long(name, None),
        },
    }
}

/// A value that its column's type refuses, by the SQLSTATE of a cast.
pub(super) fn cast(name: &str, kind: ColumnKind, code: &str) -> FieldError {
    match code {
        "22003" | "22008" => field(name, "range", "the value is out of range"),
        "22P05" => field(name, "nul_character", "the text contains a NUL character"),
        "22001" => too_long(name, None),
        _ => {
            let words = match kind {
                ColumnKind::Bool => "must be true or false",
                ColumnKind::Int { .. } => "must be a whole number",
                ColumnKind::Float { .. } | ColumnKind::Numeric => "must be a number",
                ColumnKind::Timestamp => "must be a date and time",
                ColumnKind::Date => "must be a date",
                ColumnKind::Uuid => "must be a UUID",
                ColumnKind::Json { .. } => "must be valid JSON",
                ColumnKind::Array => "must be a list of the column's type",
                _ => "does not have the column's type",
            };
            field(name, "type", words)
        }
    }
}

fn too_long(name: &str, max: Option<usize>) -> FieldError {
    let words =
        max.map_or_else(|| "is too long".to_owned(), |max| format!("must have at most {max} characters"));
    field(name, "maxLength", &words)
}

fn rejected(mut detail: String, field_errors: Vec<FieldError>) -> RecordError {
    detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
    RecordError { kind: RecordErrorKind::Rejected, field_errors, http_status: None, detail, exchange: None }
}
