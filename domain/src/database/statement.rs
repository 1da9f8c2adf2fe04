//! Statements as spans, by OpenTelemetry's conventions (<https://opentelemetry.io/docs/specs/semconv/database/database-spans/>),
//! while traces are on, of those that are sampled. Deliberately absent: values. They are parameters and are not looked at;
//! what a statement spells out in quotes is blanked.

use std::time::{Duration, SystemTime};

use sea_orm::{DatabaseBackend, DatabaseConnection};
use telemetry::trace::{self, Kind};

/// Of a statement, in bytes: the longest of ours with their lists of columns.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Watches every statement of a connection, and of the transactions that it begins.
pub(super) fn watch(connection: &mut DatabaseConnection) {
    if !trace::is_on() {
        return;
    }
    let backend = connection.get_database_backend();
    connection.set_metric_callback(move |done| {
        told(backend, &done.statement.sql, done.elapsed, done.failed);
    });
}

/// A statement that is under way.
pub(super) struct Watch(Option<SystemTime>);

impl Watch {
    pub(super) fn begin() -> Self {
        Self(trace::is_on().then(SystemTime::now))
    }

    pub(super) fn end(self, backend: DatabaseBackend, sql: &str, has_failed: bool) {
        if let Some(began_at) = self.0 {
            told(backend, sql, began_at.elapsed().unwrap_or_default(), has_failed);
        }
    }
}

fn told(backend: DatabaseBackend, sql: &str, elapsed: Duration, has_failed: bool) {
    let span = trace::child_since(Kind::Client, "SQL", SystemTime::now() - elapsed);
    if !span.is_recorded() {
        return;
    }
    let summary = summary(sql);
    span.set("db.system.name", if backend == DatabaseBackend::Postgres { "postgresql" } else { "sqlite" });
    if let Some(operation) = summary.split(' ').next() {
        span.set("db.operation.name", operation.to_owned());
    }
    span.set("db.query.text", without_literals(sql));
    span.rename(summary);
    if has_failed {
        span.fail("database");
    }
}

/// What it does and to which table: `SELECT run`, `INSERT job`. Of a statement that begins otherwise its first word.
fn summary(sql: &str) -> String {
    let mut words = sql.split([' ', '\n', '(', ',']).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_ascii_uppercase();
    let table = match first.as_str() {
        "SELECT" | "DELETE" | "WITH" => {
            words.find(|word| word.eq_ignore_ascii_case("from")).and(words.next())
        }
        "INSERT" => words.find(|word| word.eq_ignore_ascii_case("into")).and(words.next()),
        "UPDATE" => words.next(),
        _ => None,
    };
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_named = |name: &&str| !name.is_empty() && is_name(name) && !name.eq_ignore_ascii_case("select");
    match table.map(|table| table.trim_matches('"')).filter(is_named) {
        Some(table) => format!("{first} {table}"),
        None => first,
    }
}

/// The text with `?` in place of what stands in quotes, cut.
fn without_literals(sql: &str) -> String {
    let cut = &sql[..sql.floor_char_boundary(TEXT_BYTES_MAX)];
    let mut text = String::with_capacity(cut.len());
    for (place, part) in cut.split('\'').enumerate() {
        match place % 2 {
            0 => text.push_str(part),
            _ => text.push('?'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{TEXT_BYTES_MAX, summary, without_literals};

    #[test]
    fn a_statement_is_named_by_what_it_does_and_to_what() {
        let select = "SELECT \"run\".\"id\" FROM \"run\" WHERE \"run\".\"id\" = $1";
        assert_eq!(summary(select), "SELECT run");
        assert_eq!(summary("INSERT INTO \"job\" (\"id\") VALUES ($1)"), "INSERT job");
        assert_eq!(summary("UPDATE \"job\" SET \"status\" = $1"), "UPDATE job");
        assert_eq!(summary("delete from job where id = $1"), "DELETE job");
        assert_eq!(summary("SELECT clock_timestamp()"), "SELECT");
        assert_eq!(summary("SELECT x FROM (SELECT 1) y"), "SELECT", "what is in brackets has no name");
        assert_eq!((summary("SAVEPOINT s"), summary("")), ("SAVEPOINT".to_owned(), String::new()));
    }

    #[test]
    fn what_stands_in_quotes_is_not_told() {
        let sql = "SELECT * FROM job WHERE status = 'QUEUED' AND name = 'it''s a secret' AND id = $1";
        assert_eq!(without_literals(sql), "SELECT * FROM job WHERE status = ? AND name = ?? AND id = $1");
        assert_eq!(without_literals("SELECT 'cut of"), "SELECT ?");
        assert_eq!(without_literals(&"é".repeat(TEXT_BYTES_MAX)).len(), TEXT_BYTES_MAX);
    }
}
