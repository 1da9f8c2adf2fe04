//! A table or query read in pages by keyset, in the order of its key (FULL) or of its cursor and key
//! (INCREMENTAL). No read transaction stays open between pages, so others can write meanwhile.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Atomic};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Column, Executor, SqlSafeStr, Statement};

use super::failure::system_error;
use super::query::single_select;
use super::table::{self, Table, missing_columns, quoted};
use super::value::{Stored, bind};
use crate::bounds::{before, no_overlap};
use crate::division::WholeRange;
use crate::keyset::after;
use crate::{
    Cursor, Item, Malformed, OpenSource, Page, Record, Source, SyncMode, SystemError, SystemErrorKind,
};

/// Read for one page, in bytes, at most; one row more may come on top.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest time for one page. A query without usable index sorts everything for it.
const PAGE_TIME_MAX: Duration = Duration::from_secs(300);
/// Steps of SQLite's virtual machine between two looks at the clock, about a millisecond.
const STEPS_BETWEEN_CHECKS: i32 = 10_000;

/// A table or query that is read page by page.
pub(super) struct SqliteSource {
    connection: SqliteConnection,
    deadline: Deadline,
    /// `SELECT columns FROM …`, without conditions.
    select: String,
    /// Names of the fields, in the order of the columns; a row may have the row id behind them.
    fields: Vec<String>,
    /// The order: as SQL, and where each stands in a row.
    order: Vec<(String, usize)>,
    incremental: Option<Incremental>,
    /// What is read of the table.
    part: Option<WholeRange>,
    /// Values of the order's columns in the last row, and how many rows had them.
    last: Option<(Vec<Stored>, usize)>,
    rows_read: u64,
    page_records_max: usize,
}

struct Incremental {
    /// Number of columns at the front of the order that make the watermark: the cursor and the key.
    columns: usize,
    since: Option<Vec<Stored>>,
    /// What belongs to the run, where that is not what stands after `since`.
    reach: Option<Reach>,
    watermark: Option<Vec<Stored>>,
}

/// Bounds of the cursor's column.
enum Reach {
    From(Stored),
    Within(Stored, Option<Stored>),
}

impl Reach {
    /// `None` where a run reads what stands after `since`, or everything.
    fn of(open: &OpenSource, since: Option<&[Stored]>) -> Result<Option<Self>, SystemError> {
        let stored = |value: &Value| Stored::of_json(value).map_err(|_too_large| beyond());
        if let Some(range) = &open.only {
            let until = range.until.as_ref().map(stored).transpose()?;
            return Ok(Some(Self::Within(stored(&range.from)?, until)));
        }
        Ok(match (since, open.overlap, &open.from) {
            (Some(since), Some(overlap), _) => {
                let cursor = since.first().cloned().and_then(Stored::into_json);
                let lowest = cursor.and_then(|cursor| before(&cursor, overlap)).ok_or_else(no_overlap)?;
                Some(Self::From(stored(&lowest)?))
            }
            (None, _, Some(from)) => Some(Self::From(stored(from)?)),
            (Some(_), None, _) | (None, _, None) => None,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    last: Vec<Value>,
    ties: usize,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    watermark: Option<Value>,
}

/// When the statement that runs is to stop; SQLite asks in its own thread.
#[derive(Clone)]
struct Deadline {
    start: Instant,
    at_ms: Arc<AtomicU64>,
}

impl Deadline {
    fn set(&self, from_now: Duration) {
        let at = self.start.elapsed() + from_now;
        self.at_ms.store(u64::try_from(at.as_millis()).unwrap_or(u64::MAX), Atomic::Relaxed);
    }

    fn is_ahead(&self) -> bool {
        self.start.elapsed().as_millis() < u128::from(self.at_ms.load(Atomic::Relaxed))
    }
}

impl SqliteSource {
    /// Opens at the beginning, after `since`, or at the checkpoint.
    pub(super) async fn open(
        mut connection: SqliteConnection,
        table: Option<String>,
        query: Option<String>,
        open: OpenSource,
    ) -> Result<Self, SystemError> {
        let deadline = Deadline { start: Instant::now(), at_ms: Arc::default() };
        deadline.set(PAGE_TIME_MAX);
        let watched = deadline.clone();
        connection
            .lock_handle()
            .await
            .map_err(|error| system_error("opening the database", &error))?
            .set_progress_handler(STEPS_BETWEEN_CHECKS, move || watched.is_ahead());
        let (select, fields, has_rowid) = match (table, query) {
            (Some(name), None) => of_table(&mut connection, &name).await?,
            (None, Some(query)) => of_query(&mut connection, &query).await?,
            _ => {
                let hint = "one of `table`, `query` is needed";
                return Err(SystemError::new(SystemErrorKind::Misconfigured, hint).with_hint(hint));
            }
        };
        let cursor_field = match (open.stream.mode, open.stream.cursor_field.clone()) {
            (SyncMode::Full, _) => None,
            (SyncMode::Incremental, Some(field)) => Some(field),
            (SyncMode::Incremental, None) => {
                return Err(SystemError::new(
                    SystemErrorKind::Misconfigured,
                    "INCREMENTAL without a cursor field",
                ));
            }
        };
        let part = open.part.clone();
        let part = part.map(|part| WholeRange::read(part, open.stream.key_fields.first())).transpose()?;
        let keys = open.stream.key_fields.iter();
        // Of a part, the rows of one key in the order of the cursor: the last one is the newest.
        let in_order: Vec<&String> = match &part {
            None => cursor_field.iter().chain(keys).collect(),
            Some(_) => keys.chain(&cursor_field).collect(),
        };
        let mut names: Vec<String> = Vec::with_capacity(in_order.len());
        for field in in_order {
            if !names.contains(field) {
                names.push(field.clone());
            }
        }
        if let Some(error) = missing_columns(&fields, &names) {
            return Err(error);
        }
        // BINARY whatever the column says: by NOCASE `a` and `A` would be one, and one of them skipped.
        let mut order: Vec<(String, usize)> = names
            .iter()
            .filter_map(|name| Some((quoted(name), fields.iter().position(|field| field == name)?)))
            .map(|(name, index)| (format!("{name} COLLATE BINARY"), index))
            .collect();
        let incremental = match cursor_field.filter(|_| part.is_none()) {
            None => None,
            Some(_) => {
                let since = open.since.as_ref().map(|since| of_watermark(since, order.len())).transpose()?;
                let reach = Reach::of(&open, since.as_deref())?;
                Some(Incremental { columns: order.len(), watermark: since.clone(), since, reach })
            }
        };
        if has_rowid {
            order.push(("_rowid_".to_owned(), fields.len()));
        }
        let mut source = Self {
            connection,
            deadline,
            select,
            fields,
            order,
            incremental,
            part,
            last: None,
            rows_read: 0,
            page_records_max: open.page_records_max.max(1),
        };
        if let Some(resume) = open.resume {
            source.resume(resume)?;
        }
        Ok(source)
    }

    fn resume(&mut self, resume: Cursor) -> Result<(), SystemError> {
        let checkpoint: Checkpoint = serde_json::from_value(resume).map_err(|_| unreadable("checkpoint"))?;
        let last: Option<Vec<Stored>> = checkpoint.last.iter().map(Stored::of_cursor).collect();
        let last =
            last.filter(|last| last.len() == self.order.len()).ok_or_else(|| unreadable("checkpoint"))?;
        self.last = Some((last, checkpoint.ties));
        self.rows_read = checkpoint.rows;
        if let (Some(incremental), Some(watermark)) = (&mut self.incremental, checkpoint.watermark) {
            incremental.watermark = Some(of_watermark(&watermark, incremental.columns)?);
        }
        Ok(())
    }

    /// SQL and parameters of the next page.
    fn statement(&self) -> (String, Vec<Stored>) {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        let columns: Vec<String> = self.order.iter().map(|(column, _)| column.clone()).collect();
        if let Some(Incremental { columns: count, since, reach, .. }) = &self.incremental {
            let cursor = &columns[0];
            let newer = since.as_ref().map(|since| after(&columns[..*count], since, false));
            match reach {
                Some(Reach::Within(from, until)) => {
                    conditions.push(format!("{cursor} >= {}", from.parameter()));
                    values.push(from.clone());
                    if let Some(until) = until {
                        conditions.push(format!("{cursor} < {}", until.parameter()));
                        values.push(until.clone());
                    }
                }
                // Rows without cursor value can't be known to be old; they come each time.
                reach => {
                    let mut any = vec![format!("{cursor} IS NULL")];
                    if let Some(Reach::From(from)) = reach {
                        any.push(format!("{cursor} >= {}", from.parameter()));
                        values.push(from.clone());
                    }
                    // What is newer comes whatever the overlap is: a text of digits that begins before another may be
                    // sorted behind it.
                    if let Some(newer) = newer {
                        any.push(newer.sql);
                        values.extend(newer.values);
                    }
                    if any.len() > 1 {
                        conditions.push(format!("({})", any.join(" OR ")));
                    }
                }
            }
        }
        conditions.extend(self.part.as_ref().map(|part| part.condition(&columns[0])));
        let mut limit = self.page_records_max;
        if let Some((last, ties)) = &self.last {
            // From the last row on, not after it: rows with an equal key must not be passed over.
            let condition = after(&columns, last, true);
            conditions.push(condition.sql);
            values.extend(condition.values);
            limit = limit.saturating_add(*ties);
        }
        let conditions = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let sql = format!("{}{conditions} ORDER BY {} LIMIT {limit}", self.select, columns.join(", "));
        (sql, values)
    }

    async fn rows(&mut self) -> Result<(Vec<Vec<Stored>>, usize), SystemError> {
        let failure = |error: sqlx::Error| system_error("reading rows", &error);
        let (sql, values) = self.statement();
        let column_count = self.fields.len()
            + usize::from(self.order.last().is_some_and(|(_, at)| *at == self.fields.len()));
        self.deadline.set(PAGE_TIME_MAX);
        let mut rows = Vec::new();
        let mut size = 0;
        // Only as many as were given out already are skipped: some may be gone by now.
        let mut to_skip = self.last.as_ref().map_or(0, |(_, ties)| *ties);
        let mut stream = bind(sqlx::query(AssertSqlSafe(sql)), &values).fetch(&mut self.connection);
        while let Some(row) = stream.try_next().await.map_err(failure)? {
            let row = stored(&row, column_count).map_err(failure)?;
            if to_skip > 0
                && let Some((last, _)) = &self.last
            {
                if self.order.iter().zip(last).all(|((_, at), last)| row[*at].stands_with(last)) {
                    to_skip -= 1;
                    continue;
                }
                to_skip = 0;
            }
            size += row.iter().map(Stored::size_bytes).sum::<usize>();
            rows.push(row);
            if size >= PAGE_BYTES_MAX || rows.len() >= self.page_records_max {
                break;
            }
        }
        Ok((rows, size))
    }

    fn item(&self, row: Vec<Stored>) -> Item {
        let mut record = Record::with_capacity(self.fields.len());
        for (name, value) in self.fields.iter().zip(row) {
            let Some(value) = value.into_json() else {
                return Item::Malformed(Malformed {
                    position: format!("row {}", self.rows_read),
                    reason: format!("the text in column `{name}` is not valid UTF-8"),
                    raw: None,
                });
            };
            record.insert(name.clone(), value);
        }
        Item::Record(record)
    }
}

#[async_trait]
impl Source for SqliteSource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        let (rows, size) = self.rows().await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let key: Vec<Stored> = self.order.iter().map(|(_, at)| row[*at].clone()).collect();
            self.rows_read += 1;
            if let Some(incremental) = &mut self.incremental
                && key[0] != Stored::Null
                && incremental.since.as_ref().is_none_or(|since| is_beyond(&key, since))
            {
                // Rows come in order, so the last one is the newest, if it does not overlap with the run before.
                incremental.watermark = Some(key[..incremental.columns].to_vec());
            }
            self.last = Some(match self.last.take() {
                Some((last, ties)) if last.iter().zip(&key).all(|(last, key)| last.stands_with(key)) => {
                    (key, ties + 1)
                }
                _ => (key, 1),
            });
            items.push(self.item(row));
        }
        let (last, ties) = self.last.clone().unwrap_or_default();
        let checkpoint = Checkpoint {
            last: last.iter().map(Stored::to_cursor).collect(),
            ties,
            rows: self.rows_read,
            watermark: self.watermark(),
        };
        let checkpoint = serde_json::to_value(checkpoint).map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("writing the checkpoint: {error}"))
        })?;
        Ok(Some(Page { items, checkpoint, size_bytes: size as u64 }))
    }

    fn watermark(&self) -> Option<Cursor> {
        let watermark = self.incremental.as_ref()?.watermark.as_ref()?;
        let (cursor, key) = watermark.split_first()?;
        Some(
            json!({"cursor": cursor.to_cursor(), "key": key.iter().map(Stored::to_cursor).collect::<Vec<_>>()}),
        )
    }
}

/// True when a row with this key stands after `since`.
fn is_beyond(key: &[Stored], since: &[Stored]) -> bool {
    let differs = key.iter().zip(since).map(|(key, since)| key.compare(since)).find(|order| order.is_ne());
    differs.is_some_and(Ordering::is_gt)
}

/// The value that a watermark stands at.
pub(super) fn cursor_value(watermark: &Cursor) -> Option<Value> {
    watermark.get("cursor").and_then(Stored::of_cursor).and_then(Stored::into_json)
}

fn beyond() -> SystemError {
    let hint = "a whole number beyond 2^63 can't be compared with the cursor field";
    SystemError::new(SystemErrorKind::Misconfigured, hint).with_hint(hint)
}

async fn of_table(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<(String, Vec<String>, bool), SystemError> {
    let Some(table) = Table::find(connection, name).await? else {
        return Err(table::not_found(connection, name).await?);
    };
    let mut columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
    if table.has_rowid {
        columns.push("_rowid_".to_owned());
    }
    let select = format!("SELECT {} FROM {}", columns.join(", "), quoted(&table.name));
    Ok((select, table.columns, table.has_rowid))
}

async fn of_query(
    connection: &mut SqliteConnection,
    query: &str,
) -> Result<(String, Vec<String>, bool), SystemError> {
    let query = single_select(query)
        .map_err(|hint| SystemError::new(SystemErrorKind::Misconfigured, hint.clone()).with_hint(hint))?;
    // On lines of its own: the query may end in a comment.
    let select = format!("SELECT * FROM (\n{query}\n)");
    let statement = connection
        .prepare(AssertSqlSafe(select.clone()).into_sql_str())
        .await
        .map_err(|error| system_error("preparing the query", &error))?;
    let columns: Vec<String> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    let select = format!(
        "SELECT {} FROM (\n{query}\n)",
        columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
    );
    Ok((select, columns, false))
}

fn stored(row: &SqliteRow, columns: usize) -> Result<Vec<Stored>, sqlx::Error> {
    (0..columns).map(|index| Stored::of_column(row, index)).collect()
}

/// The cursor value and the key of `{"cursor": …, "key": […]}`.
fn of_watermark(watermark: &Value, columns: usize) -> Result<Vec<Stored>, SystemError> {
    let key = watermark.get("key").and_then(Value::as_array).into_iter().flatten();
    let values: Option<Vec<Stored>> =
        watermark.get("cursor").into_iter().chain(key).map(Stored::of_cursor).collect();
    values.filter(|values| values.len() == columns).ok_or_else(|| unreadable("watermark"))
}

fn unreadable(what: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, format!("the {what} was made with other options"))
        .with_hint("the key or cursor fields of the stream were changed; read it anew from the beginning")
}
