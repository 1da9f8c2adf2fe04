//! Statements as spans, by OpenTelemetry's conventions (<https://opentelemetry.io/docs/specs/semconv/database/database-spans/>),
//! while traces are on, of those that are sampled; and how long those that need no transaction wait for a connection.
//! Deliberately absent: values. They are parameters and are not looked at; what a statement spells out in quotes is blanked.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use sea_orm::{DatabaseBackend, DatabaseConnection};
use telemetry::trace::{self, Kind};

use super::reader::{FENCE_BEGINS, FENCE_ENDS};

/// Of a statement, in bytes: the longest of ours with their lists of columns.
const TEXT_BYTES_MAX: usize = 4 * 1024;
/// What may stand where a table does, and is none.
const NO_TABLES: [&str; 4] = ["select", "values", "unnest", "json_each"];

tokio::task_local! {
    /// Of which pool a connection was asked for, and when; and whether there was one.
    static ASKED: (&'static str, Instant, Cell<bool>);
}

/// Watches every statement of a connection, and of the transactions that it begins.
pub(super) fn watch(connection: &mut DatabaseConnection) {
    let backend = connection.get_database_backend();
    connection.set_metric_callback(move |done| {
        // It began when there was a connection for it.
        let waited = ASKED.try_with(|(pool, asked, was_there)| {
            was_there.set(true);
            (*pool, asked.elapsed().saturating_sub(done.elapsed))
        });
        if let Ok((pool, waited)) = waited {
            telemetry::instruments().connection_wait.record(&[pool], waited);
        }
        told_if_on(backend, &done.statement.sql, done.elapsed, done.failed);
    });
}

/// A single statement that takes a connection of this pool for itself, and tells how long it waited for it, also in vain.
pub(super) async fn asked<T>(pool: &'static str, statement: impl Future<Output = T>) -> T {
    let statement = async move {
        let answer = statement.await;
        ASKED.with(|(pool, asked, was_there)| {
            // Without a connection nothing is done that is watched.
            if !was_there.get() {
                telemetry::instruments().connection_wait.record(&[*pool], asked.elapsed());
            }
        });
        answer
    };
    ASKED.scope((pool, Instant::now(), Cell::new(false)), statement).await
}

/// Makes a span of a statement that has been answered, or not.
pub(super) fn told_if_on(backend: DatabaseBackend, sql: &str, elapsed: Duration, has_failed: bool) {
    if trace::is_on() {
        told(backend, sql, elapsed, has_failed);
    }
}

fn told(backend: DatabaseBackend, sql: &str, elapsed: Duration, has_failed: bool) {
    let span = trace::child_since(Kind::Client, "SQL", SystemTime::now() - elapsed);
    if !span.is_recorded() {
        return;
    }
    let sql = behind_fence(sql);
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

/// What was asked, without the fence that it is read behind.
fn behind_fence(sql: &str) -> &str {
    let fenced = sql.strip_suffix(FENCE_ENDS).and_then(|sql| sql.split_once(FENCE_BEGINS));
    fenced.map_or(sql, |(_fence, asked)| asked)
}

/// What it does and to which table: `SELECT run`, `INSERT job`. Of a statement that begins otherwise its first word.
fn summary(sql: &str) -> String {
    let mut words = sql.split([' ', '\n', '(', ',']).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_ascii_uppercase();
    let before = match first.as_str() {
        "SELECT" | "DELETE" | "WITH" => Some("from"),
        "INSERT" => Some("into"),
        _ => None,
    };
    let table = match before {
        Some(before) => loop {
            // The first that is one: also `EXTRACT(… FROM …)` has the word.
            if !words.any(|word| word.eq_ignore_ascii_case(before)) {
                break None;
            }
            if let Some(table) = words.next().and_then(table) {
                break Some(table);
            }
        },
        None => words.next().filter(|_word| first == "UPDATE").and_then(table),
    };
    match table {
        Some(table) => format!("{first} {table}"),
        None => first,
    }
}

/// The table that a word names.
fn table(word: &str) -> Option<&str> {
    let name = word.trim_matches('"');
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_none = name.is_empty() || NO_TABLES.iter().any(|none| none.eq_ignore_ascii_case(name));
    (is_name && !is_none).then_some(name)
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
    use super::{FENCE_BEGINS, FENCE_ENDS, TEXT_BYTES_MAX, behind_fence, summary, without_literals};

    #[test]
    fn a_statement_is_named_by_what_it_does_and_to_what() {
        let select = "SELECT \"run\".\"id\" FROM \"run\" WHERE \"run\".\"id\" = $1";
        assert_eq!(summary(select), "SELECT run");
        assert_eq!(summary("INSERT INTO \"job\" (\"id\") VALUES ($1)"), "INSERT job");
        assert_eq!(summary("UPDATE \"job\" SET \"status\" = $1"), "UPDATE job");
        assert_eq!(summary("delete from job where id = $1"), "DELETE job");
        assert_eq!(summary("SELECT clock_timestamp()"), "SELECT");
        assert_eq!(summary("SELECT x FROM (SELECT 1) y"), "SELECT", "what is in brackets has no name");
        let pages = "SELECT \"found\".\"id\" FROM unnest($1) AS \"parent\" INNER JOIN LATERAL (SELECT \"failure\".\"id\" \
                     FROM \"failure\" WHERE \"failure\".\"run_id\" = \"parent\".\"parent\" LIMIT $2) AS \"found\" ON TRUE";
        assert_eq!(summary(pages), "SELECT failure", "a page for each parent");
        assert_eq!(summary("SELECT extract(epoch FROM j.\"at\") FROM \"job\" AS j"), "SELECT job");
        assert_eq!((summary("SAVEPOINT s"), summary("")), ("SAVEPOINT".to_owned(), String::new()));
    }

    #[test]
    fn what_is_read_behind_the_fence_is_told_without_it() {
        let asked = "SELECT \"run\".\"id\" FROM \"run\" WHERE \"run\".\"id\" = $1";
        let fence = "SELECT fenced.* FROM (SELECT set_config('trestle.tenants', $2, true) AS named OFFSET 0) AS fence";
        assert_eq!(behind_fence(&format!("{fence}{FENCE_BEGINS}{asked}{FENCE_ENDS}")), asked);
        assert_eq!(behind_fence(asked), asked);
    }

    #[test]
    fn what_stands_in_quotes_is_not_told() {
        let sql = "SELECT * FROM job WHERE status = 'QUEUED' AND name = 'it''s a secret' AND id = $1";
        assert_eq!(without_literals(sql), "SELECT * FROM job WHERE status = ? AND name = ?? AND id = $1");
        assert_eq!(without_literals("SELECT 'cut of"), "SELECT ?");
        assert_eq!(without_literals(&"é".repeat(TEXT_BYTES_MAX)).len(), TEXT_BYTES_MAX);
    }
}
