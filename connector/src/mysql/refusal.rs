//! Why a row can't be stored: the field, the rule, and words a customer can use.
//! Deliberately absent: values, and the server's own text in the customer's words.

use super::connection::{database_error, message};
use super::table::Table;
use crate::destination::still_referred_to;
use crate::{FieldError, RecordError, RecordErrorKind};

/// Text for engineers, in bytes.
const DETAIL_BYTES_MAX: usize = 2 * 1024;

/// True when an error is about the values of a row, not about the system
/// (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>): constraints, values that do not fit,
/// and what triggers raise (SQLSTATE 45000).
pub(super) fn is_about_rows(error: &sqlx::Error) -> bool {
    database_error(error).is_some_and(|error| {
        matches!(
            error.number(),
            1048 | 1062
                | 1118
                | 1263
                | 1264
                | 1265
                | 1292
                | 1364
                | 1365
                | 1366
                | 1369
                | 1406
                | 1411
                | 1416
                | 1451
                | 1452
                | 1525
                | 1526
                | 1557
                | 1586
                | 1644
                | 1690
                | 3140
                | 3141
                | 3156
                | 3157
                | 3819
                | 3903
                | 4025
        ) || error.code() == Some("45000")
    })
}

/// The answer for a row that the server does not let go.
pub(super) fn removal(error: &sqlx::Error, table: &Table) -> RecordError {
    let is_referred_to = database_error(error).is_some_and(|error| error.number() == 1451);
    let refused = row(error, table);
    if is_referred_to { still_referred_to(refused) } else { refused }
}

/// The answer for a record with these errors.
pub(super) fn fields(field_errors: Vec<FieldError>) -> RecordError {
    let named = field_errors.iter().map(|error| format!("{} {}", error.path, error.rule)).collect::<Vec<_>>();
    rejected(named.join(", "), field_errors)
}

/// The answer for the row that the server refused.
pub(super) fn row(error: &sqlx::Error, table: &Table) -> RecordError {
    let Some(server) = database_error(error) else { return rejected(error.to_string(), Vec::new()) };
    let text = server.message();
    let detail = format!("{} {}", server.number(), message(server));
    let of_column = || column_in(text).into_iter().collect::<Vec<_>>();
    let (columns, rule, words) = match server.number() {
        1048 | 1364 => (field_in(text).into_iter().collect(), "not_null", "a value is required"),
        1062 | 1557 | 1586 => (of_index(text, table), "unique", "another record has this value already"),
        1451 => {
            (of_constraint(text), "foreign_key", "another record refers to the one that it would replace")
        }
        1452 => (of_constraint(text), "foreign_key", "it refers to a record that does not exist"),
        1369 | 3819 | 4025 => (Vec::new(), "check", "a rule of the table does not allow this record"),
        1264 | 1690 => (of_column(), "range", "the value is out of range"),
        1406 => (of_column(), "maxLength", "is too long"),
        1118 => (Vec::new(), "maxLength", "the record is too large for the table"),
        1265 | 1292 | 1366 | 1411 | 1416 | 1525 | 3140 | 3141 | 3156 | 3157 | 3903 => (
            of_column(),
            "type",
            "the value does not have the column's type, or holds characters that it can't store",
        ),
        1644 => (Vec::new(), "check", "a rule of the table refuses this record"),
        _ => (Vec::new(), "invalid", "the table does not take this record"),
    };
    let field_errors = if columns.is_empty() {
        vec![FieldError { path: String::new(), rule: rule.to_owned(), message: words.to_owned() }]
    } else {
        columns.iter().map(|column| field(column, rule, words)).collect()
    };
    rejected(detail, field_errors)
}

/// An error of one field.
pub(super) fn field(name: &str, rule: &str, message: &str) -> FieldError {
    let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    FieldError { path, rule: rule.to_owned(), message: message.to_owned() }
}

/// `Column 'x' cannot be null`, `Field 'x' doesn't have a default value`.
fn field_in(message: &str) -> Option<String> {
    message.split('\'').nth(1).map(str::to_owned)
}

/// The last `column 'x'`: a value that comes before may look like one. MariaDB writes `` `db`.`table`.`x` ``.
fn column_in(message: &str) -> Option<String> {
    let named = &message[message.rfind("column ")? + "column ".len()..];
    if let Some(quoted) = named.strip_prefix('\'') {
        return quoted.split('\'').next().map(str::to_owned);
    }
    let path = named.strip_prefix('`')?.split("` at row").next()?;
    path.trim_end_matches('`').rsplit("`.`").next().map(str::to_owned)
}

/// `… for key 'orders.email'` (MySQL 8), `… for key 'email'` (MariaDB).
fn of_index(message: &str, table: &Table) -> Vec<String> {
    let named = message.rsplit_once(" for key '").map(|(_, named)| named.trim_end_matches('\''));
    let index = named.map(|named| named.rsplit('.').next().unwrap_or(named));
    let unique = table.unique.iter().find(|unique| Some(unique.name.as_str()) == index);
    unique.map(|unique| unique.columns.clone()).unwrap_or_default()
}

/// `… FOREIGN KEY (`a`, `b`) REFERENCES …`
fn of_constraint(message: &str) -> Vec<String> {
    let columns = message.split_once("FOREIGN KEY (").and_then(|(_, rest)| rest.split_once(") REFERENCES"));
    let columns = columns.map_or("", |(columns, _)| columns).split(", ");
    columns.map(|column| column.trim_matches('`').to_owned()).filter(|column| !column.is_empty()).collect()
}

fn rejected(mut detail: String, field_errors: Vec<FieldError>) -> RecordError {
    detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
    RecordError { kind: RecordErrorKind::Rejected, field_errors, http_status: None, detail, exchange: None }
}

#[cfg(test)]
mod tests {
    use super::{column_in, field_in, of_constraint};

    #[test]
    fn columns_are_found_in_messages() {
        let named = |message: &str| column_in(message).unwrap_or_default();
        assert_eq!(named("Data too long for column 'name' at row 3"), "name");
        assert_eq!(
            named("Incorrect integer value: 'column 'b'' for column `shop`.`orders`.`amount` at row 1"),
            "amount"
        );
        assert_eq!(named("Out of range value for column 'amount' at row 1"), "amount");
        assert_eq!(named("Division by 0"), "");
        assert_eq!(field_in("Column 'email' cannot be null").as_deref(), Some("email"));
        let message = "Cannot add or update a child row: a foreign key constraint fails (`shop`.`lines`, CONSTRAINT `c` \
                       FOREIGN KEY (`country`, `number`) REFERENCES `orders` (`country`, `number`))";
        assert_eq!(of_constraint(message), ["country", "number"]);
    }
}
