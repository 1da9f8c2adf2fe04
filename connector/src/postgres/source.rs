//! Streams a table or a query in the order of its keys, with `COPY … TO STDOUT`.
//! Deliberately absent: a query per page. One statement runs until the end; a resumed source begins
//! behind the checkpoint's keys.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Column, Executor, PgConnection, Row, SqlSafeStr, Statement};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::connection::{self, Use, literal, misconfigured, quoted, system_error};
use super::decode::{self, Kind};
use super::division::KeyRange;
use crate::bounds::{before, no_overlap};
use crate::{
    Cursor, CursorRange, Egress, FieldNames, Item, Malformed, OpenSource, Page, Record, Source, SyncMode,
    SystemError, SystemErrorKind, options,
};

/// Rows handed from the reader at once, in bytes; amortises the hand-over.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks read ahead; with the chunk size it bounds the memory to about 1 MiB, beside single huge rows.
const CHUNKS_AHEAD: usize = 4;
/// A page ends early at this size in bytes, however few rows it has.
const PAGE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How long the server may be silent, e.g. while it sorts.
const SILENCE_MAX: Duration = Duration::from_secs(600);
/// Raw text kept of a row that can't be read, in bytes.
const RAW_BYTES_MAX: usize = 2 * 1024;
/// Stands for the table or query in our statements; unlikely as a column's name.
const ALIAS: &str = "trestle_source";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    pub(super) table: Option<String>,
    query: Option<String>,
    pub(super) slices: Option<usize>,
}

/// Where reading goes on. Rows with a null in the keys come first, in a pass of their own: they have no
/// place in the order of the keys.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// Rows given so far, for people.
    rows: u64,
    /// Rows of the first pass that were given; `None` when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nulls: Option<u64>,
    /// The rows are being read that overlap with the run before: between both passes, in one of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    overlap: bool,
    /// Key values of the last row, as PostgreSQL writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Vec<String>>,
    /// How many rows with exactly these keys were given: keys need not be unique in a source.
    #[serde(default)]
    ties: u64,
}

/// Where the next INCREMENTAL run begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Watermark {
    pub(super) columns: Vec<String>,
    pub(super) values: Vec<String>,
}

pub(super) struct SourceColumn {
    name: String,
    kind: Kind,
}

/// A column that orders the rows.
pub(super) struct KeysetColumn {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) nullable: bool,
}

enum Chunk {
    Rows(Vec<u8>),
    PassEnd,
}

/// A table or query that is being read.
pub(super) struct PostgresSource {
    columns: Vec<SourceColumn>,
    /// Of the columns; `None` where two have one name.
    names: Option<Arc<FieldNames>>,
    keyset: Vec<KeysetColumn>,
    incremental: bool,
    since: Option<Watermark>,
    page_records_max: usize,
    chunks: mpsc::Receiver<Result<Chunk, sqlx::Error>>,
    chunk: Vec<u8>,
    chunk_at: usize,
    position: Checkpoint,
    /// Rows to leave out at the start, as long as they have the checkpoint's keys.
    skip_ties: u64,
    _reader: JoinSet<()>,
}

impl PostgresSource {
    pub(super) async fn open(egress: &Egress, open: OpenSource) -> Result<Self, SystemError> {
        let options: Options = options::decode("source options", &open.options)?;
        let (mut connection, config) = connection::connect(egress, &open.access, Use::Read).await?;
        let (from, table) = match (&options.table, &options.query) {
            (Some(table), None) => {
                let (schema, table) = connection::table_name(&config, table)?;
                let name = format!("{}.{}", quoted(&schema), quoted(&table));
                (name.clone(), Some(name))
            }
            // The line break ends a comment on the query's last line.
            (None, Some(query)) => (format!("({}\n)", query.trim().trim_end_matches(';')), None),
            _ => {
                return Err(misconfigured("source options need either table or query")
                    .with_hint("give either a table or a query"));
            }
        };
        let (columns, oids) = describe(&mut connection, &from).await?;
        let part: Option<KeyRange> = match open.part {
            None => None,
            Some(part) => Some(serde_json::from_value(part).map_err(|error| {
                SystemError::new(SystemErrorKind::Internal, format!("the part can't be read: {error}"))
            })?),
        };
        let is_ordered = open.stream.mode == SyncMode::Incremental;
        let incremental = is_ordered && part.is_none();
        let cursor_field = open.stream.cursor_field.iter().filter(|_| is_ordered);
        let keys = open.stream.key_fields.iter();
        // Of a part, the rows of one key in the order of the cursor: the last one is the newest.
        let in_order: Vec<&String> = match &part {
            None => cursor_field.chain(keys).collect(),
            Some(_) => keys.chain(cursor_field).collect(),
        };
        let mut names: Vec<&String> = Vec::new();
        for name in in_order {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let keyset = keyset(&mut connection, &columns, &oids, &names, table.as_deref()).await?;
        let mut position: Checkpoint = match open.resume.clone() {
            None => Checkpoint { nulls: Some(0), ..Checkpoint::default() },
            Some(checkpoint) => serde_json::from_value(checkpoint).map_err(|error| {
                SystemError::new(SystemErrorKind::Internal, format!("the checkpoint can't be read: {error}"))
            })?,
        };
        let is_later = part.as_ref().is_some_and(|part| part.from.is_some());
        if is_later || keyset.iter().all(|column| !column.nullable) {
            position.nulls = None;
        }
        let since: Option<Watermark> = match open.since.filter(|_| incremental) {
            None => None,
            Some(since) => Some(serde_json::from_value(since).map_err(|error| {
                SystemError::new(SystemErrorKind::Internal, format!("the watermark can't be read: {error}"))
            })?),
        };
        let overlap = open.overlap.filter(|_| since.is_some());
        if open.resume.is_none() {
            position.overlap = overlap.is_some();
        }
        let reach =
            Reach { since: since.as_ref(), overlap, from: open.from.as_ref(), only: open.only.as_ref() };
        let of_part = part.map_or(Ok(Vec::new()), |part| part.conditions(ALIAS, &keyset))?;
        let statements = statements(&from, &columns, &keyset, incremental, &reach, of_part, &position)?;
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        // Aborted with the source: dropping the connection makes the server stop.
        let mut reader = JoinSet::new();
        reader.spawn(read(connection, statements, sender));
        Ok(Self {
            names: FieldNames::new(columns.iter().map(|column| column.name.clone())),
            columns,
            keyset,
            incremental,
            since,
            page_records_max: open.page_records_max.max(1),
            chunks,
            chunk: Vec::new(),
            chunk_at: 0,
            skip_ties: position.ties,
            position,
            _reader: reader,
        })
    }

    /// Makes sure that an unread row is in `chunk`. False at the end.
    async fn fill(&mut self) -> Result<bool, SystemError> {
        while self.chunk_at >= self.chunk.len() {
            let received = tokio::time::timeout(SILENCE_MAX, self.chunks.recv()).await.map_err(|_| {
                SystemError::new(
                    SystemErrorKind::Timeout,
                    format!("the server sent nothing for {SILENCE_MAX:?}"),
                )
            })?;
            match received {
                None => return Ok(false),
                Some(Err(error)) => return Err(system_error("reading rows", error)),
                Some(Ok(Chunk::Rows(rows))) => {
                    self.chunk = rows;
                    self.chunk_at = 0;
                }
                Some(Ok(Chunk::PassEnd)) if self.position.nulls.is_some() => self.position.nulls = None,
                // What follows has an order of its own to go on in.
                Some(Ok(Chunk::PassEnd)) if self.position.overlap => {
                    self.skip_ties = 0;
                    self.position = Checkpoint { rows: self.position.rows, ..Checkpoint::default() };
                }
                Some(Ok(Chunk::PassEnd)) => {}
            }
        }
        Ok(true)
    }

    /// Decodes the row at `chunk_at` and moves behind it. `None` when the row was given before the
    /// checkpoint already.
    fn take_row(&mut self) -> (u64, Option<Item>) {
        let rest = &self.chunk[self.chunk_at..];
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let row = &rest[..end];
        let size = row.len() as u64 + 1;
        let mut keys: Vec<Option<String>> = vec![None; self.keyset.len()];
        let mut values = Vec::with_capacity(self.columns.len());
        let mut broken = None;
        for ((index, column), field) in self.columns.iter().enumerate().zip(row.split(|byte| *byte == b'\t'))
        {
            let text = match decode::unescape(field) {
                Ok(text) => text,
                Err(reason) => {
                    broken.get_or_insert(format!("column `{}`: {reason}", column.name));
                    continue;
                }
            };
            let Some(text) = text else {
                values.push(serde_json::Value::Null);
                continue;
            };
            if let Some(key) = self.keyset.iter().position(|key| key.index == index) {
                keys[key] = Some(text.clone().into_owned());
            }
            match column.kind.value(text) {
                Ok(value) => values.push(value),
                Err(reason) => {
                    broken.get_or_insert(format!("column `{}`: {reason}", column.name));
                }
            }
        }
        let item = match broken {
            None => Item::Record(match &self.names {
                Some(names) => Record::of(names, values),
                None => self.columns.iter().map(|column| column.name.clone()).zip(values).collect(),
            }),
            Some(reason) => Item::Malformed(Malformed {
                position: format!("row {}", self.position.rows + 1),
                reason,
                raw: Some(String::from_utf8_lossy(&row[..row.len().min(RAW_BYTES_MAX)]).into_owned()),
            }),
        };
        self.chunk_at += end + 1;

        if let Some(nulls) = &mut self.position.nulls {
            *nulls += 1;
        } else {
            // No null here, by the statement's WHERE; a key that is not UTF-8 keeps the place before it.
            let keys: Option<Vec<String>> = keys.into_iter().collect();
            if keys.is_some() && keys == self.position.after {
                if self.skip_ties > 0 {
                    self.skip_ties -= 1;
                    return (size, None);
                }
                self.position.ties += 1;
            } else if keys.is_some() {
                self.skip_ties = 0;
                self.position.after = keys;
                self.position.ties = 1;
            }
        }
        self.position.rows += 1;
        (size, Some(item))
    }
}

#[async_trait]
impl Source for PostgresSource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        let mut items = Vec::new();
        let mut size_bytes = 0;
        while items.len() < self.page_records_max && size_bytes < PAGE_BYTES_MAX && self.fill().await? {
            let (size, item) = self.take_row();
            size_bytes += size;
            items.extend(item);
        }
        if items.is_empty() {
            return Ok(None);
        }
        let checkpoint: Cursor = serde_json::to_value(&self.position).map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("storing the checkpoint: {error}"))
        })?;
        Ok(Some(Page { items, checkpoint, size_bytes }))
    }

    fn watermark(&self) -> Option<Cursor> {
        if !self.incremental {
            return None;
        }
        let watermark = match &self.position.after {
            Some(values) if !self.position.overlap => Some(Watermark {
                columns: self.keyset.iter().map(|column| column.name.clone()).collect(),
                values: values.clone(),
            }),
            _ => self.since.clone(),
        };
        watermark.and_then(|watermark| serde_json::to_value(watermark).ok())
    }
}

/// The value that a watermark stands at, as PostgreSQL writes it.
pub(super) fn cursor_value(watermark: &Cursor) -> Option<Value> {
    watermark.get("values").and_then(|values| values.get(0)).cloned()
}

/// Runs the statements one after the other and hands their rows over in chunks.
async fn read(
    mut connection: PgConnection,
    statements: Vec<String>,
    sender: mpsc::Sender<Result<Chunk, sqlx::Error>>,
) {
    for statement in statements {
        if let Err(error) = copy(&mut connection, &statement, &sender).await {
            if sender.send(Err(error)).await.is_err() {
                tracing::debug!("the source was closed while it failed");
            }
            return;
        }
        if sender.send(Ok(Chunk::PassEnd)).await.is_err() {
            return;
        }
    }
}

async fn copy(
    connection: &mut PgConnection,
    statement: &str,
    sender: &mpsc::Sender<Result<Chunk, sqlx::Error>>,
) -> Result<(), sqlx::Error> {
    let mut rows = connection.copy_out_raw(statement).await?;
    let mut chunk = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
    loop {
        // Whatever is there is handed over before waiting for more.
        let next = match rows.next().now_or_never() {
            Some(next) => next,
            None => {
                if !chunk.is_empty() {
                    let full = std::mem::take(&mut chunk);
                    if sender.send(Ok(Chunk::Rows(full))).await.is_err() {
                        return Ok(());
                    }
                }
                rows.next().await
            }
        };
        match next {
            Some(row) => chunk.extend_from_slice(&row?),
            None => break,
        }
        if chunk.len() >= CHUNK_BYTES {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8));
            if sender.send(Ok(Chunk::Rows(full))).await.is_err() {
                return Ok(());
            }
        }
    }
    if !chunk.is_empty() && sender.send(Ok(Chunk::Rows(chunk))).await.is_err() {
        tracing::debug!("the source was closed before its end");
    }
    Ok(())
}

/// The columns and their types. Preparing also proves that the query is one SELECT: the statements
/// built around it stay one statement.
pub(super) async fn describe(
    connection: &mut PgConnection,
    from: &str,
) -> Result<(Vec<SourceColumn>, Vec<u32>), SystemError> {
    let sql = format!("SELECT * FROM {from} AS {ALIAS}");
    let statement = (&mut *connection)
        .prepare(AssertSqlSafe(sql).into_sql_str())
        .await
        .map_err(|error| system_error("describing the source", error))?;
    let oids: Vec<u32> =
        statement.columns().iter().map(|column| column.type_info().oid().map_or(0, |oid| oid.0)).collect();
    // Arrays of anything: category A, and the comma as delimiter (only `box` has another).
    let sql = "SELECT a.oid::int8, e.oid::int8 FROM pg_type a JOIN pg_type e ON e.oid = a.typelem \
               WHERE a.typcategory = 'A' AND a.typdelim = ',' AND a.oid::int8 = ANY($1)";
    let wanted: Vec<i64> = oids.iter().map(|oid| i64::from(*oid)).collect();
    let rows = sqlx::query(sql)
        .bind(&wanted)
        .fetch_all(connection)
        .await
        .map_err(|error| system_error("reading the column types", error))?;
    let mut elements = std::collections::HashMap::new();
    for row in rows {
        let read = |error| system_error("reading the column types", error);
        elements.insert(row.try_get::<i64, _>(0).map_err(read)?, row.try_get::<i64, _>(1).map_err(read)?);
    }
    let mut columns: Vec<SourceColumn> = Vec::with_capacity(oids.len());
    for (column, oid) in statement.columns().iter().zip(&oids) {
        if columns.iter().any(|other| other.name == column.name()) {
            return Err(misconfigured(format!("two columns are named {:?}", column.name()))
                .with_hint(format!("two columns of the query are named `{}`", column.name())));
        }
        let element = elements.get(&i64::from(*oid)).and_then(|element| u32::try_from(*element).ok());
        columns.push(SourceColumn { name: column.name().to_owned(), kind: Kind::of(*oid, element) });
    }
    Ok((columns, oids))
}

pub(super) async fn keyset(
    connection: &mut PgConnection,
    columns: &[SourceColumn],
    oids: &[u32],
    names: &[&String],
    table: Option<&str>,
) -> Result<Vec<KeysetColumn>, SystemError> {
    let failed = |error| system_error("reading the key columns", error);
    let mut keyset = Vec::with_capacity(names.len());
    for name in names {
        let index = columns.iter().position(|column| column.name == **name).ok_or_else(|| {
            misconfigured(format!("column {name:?} is not in the source"))
                .with_hint(format!("the source has no column `{name}`"))
        })?;
        // Without a table, or for a view, any column may be null.
        let sql = "SELECT format_type($1::int8::oid, -1), coalesce((SELECT a.attnotnull FROM pg_attribute a \
                   WHERE a.attrelid = to_regclass($2) AND a.attname = $3 AND NOT a.attisdropped), false)";
        let row = sqlx::query(sql)
            .bind(i64::from(oids[index]))
            .bind(table)
            .bind(name)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        let not_null: bool = row.try_get(1).map_err(failed)?;
        let type_name: String = row.try_get(0).map_err(failed)?;
        keyset.push(KeysetColumn { index, name: (*name).clone(), type_name, nullable: !not_null });
    }
    Ok(keyset)
}

/// What a run reads of the cursor's column.
struct Reach<'a> {
    since: Option<&'a Watermark>,
    overlap: Option<u64>,
    from: Option<&'a Value>,
    only: Option<&'a CursorRange>,
}

/// A value of the cursor's column, as SQL.
fn typed(value: &Value, cursor: &KeysetColumn) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{}::{}", literal(&text), cursor.type_name)
}

/// So many seconds, or so much, before a value of the cursor's column, as SQL.
fn before_as_sql(value: &str, overlap: u64, cursor: &KeysetColumn) -> Result<String, SystemError> {
    let type_name = cursor.type_name.as_str();
    let sql = |wide: &str| format!("({}::{wide} - {overlap}::{wide})", literal(value));
    Ok(match type_name {
        "smallint" | "integer" | "bigint" => sql("bigint"),
        "numeric" | "real" | "double precision" => sql(type_name),
        "date" | "timestamp without time zone" | "timestamp with time zone" => {
            format!("({}::{type_name} - interval '{overlap} seconds')", literal(value))
        }
        _ => {
            let before = before(&Value::String(value.to_owned()), overlap).ok_or_else(no_overlap)?;
            typed(&before, cursor)
        }
    })
}

/// What is left to read: the rows with a null in the keys, those that overlap with the run before, then the others in
/// order.
fn statements(
    from: &str,
    columns: &[SourceColumn],
    keyset: &[KeysetColumn],
    incremental: bool,
    reach: &Reach<'_>,
    of_part: Vec<String>,
    position: &Checkpoint,
) -> Result<Vec<String>, SystemError> {
    let column = |name: &str| format!("{ALIAS}.{}", quoted(name));
    let list = columns.iter().map(|c| column(&c.name)).collect::<Vec<_>>().join(", ");
    let order = keyset.iter().map(|c| column(&c.name)).collect::<Vec<_>>().join(", ");
    let nullable: Vec<&KeysetColumn> = keyset.iter().filter(|c| c.nullable).collect();
    let mut statements = Vec::new();

    // Of another configuration of the stream only the cursor's value counts, and that only if it is the
    // same column.
    let names: Vec<&str> = keyset.iter().map(|c| c.name.as_str()).collect();
    let since =
        reach.since.filter(|since| since.columns.first().map(String::as_str) == names.first().copied());
    let cursor_literal = since.zip(keyset.first()).and_then(|(since, cursor)| {
        since.values.first().map(|value| format!("{}::{}", literal(value), cursor.type_name))
    });

    let cursor = keyset.first().filter(|_| incremental);
    // The lowest value of the cursor's column that is read, where rows are not read from after a watermark.
    let lowest =
        match (cursor, reach.only, since.and_then(|since| since.values.first()), reach.overlap, reach.from) {
            (Some(cursor), Some(range), ..) => Some(typed(&range.from, cursor)),
            (Some(cursor), None, Some(value), Some(overlap), _) => {
                Some(before_as_sql(value, overlap, cursor)?)
            }
            (Some(cursor), None, None, _, Some(from)) => Some(typed(from, cursor)),
            _ => None,
        };
    let until = cursor.zip(reach.only.and_then(|range| range.until.as_ref()));
    let until = until.map(|(cursor, until)| format!("{} < {}", column(&cursor.name), typed(until, cursor)));

    if let Some(given) = position.nulls {
        let is_null = |c: &&KeysetColumn| format!("{} IS NULL", column(&c.name));
        let mut condition = nullable.iter().map(is_null).collect::<Vec<_>>().join(" OR ");
        if let (Some(cursor), Some(_)) = (cursor, reach.only) {
            let cursor = column(&cursor.name);
            let from = lowest.iter().map(|lowest| format!("{cursor} >= {lowest}"));
            let conditions: Vec<String> = from.chain(until.clone()).collect();
            condition = format!("({condition}) AND {}", conditions.join(" AND "));
        } else if let (true, Some(value)) = (incremental, lowest.as_ref().or(cursor_literal.as_ref())) {
            // A null cursor says nothing about newer or older: leaving it out would lose it.
            let cursor = column(&keyset[0].name);
            condition = format!("({condition}) AND ({cursor} IS NULL OR {cursor} >= {value})");
        }
        let nulls_first = keyset.iter().map(|c| format!("{} NULLS FIRST", column(&c.name)));
        let nulls_first = nulls_first.collect::<Vec<_>>().join(", ");
        statements.push(format!(
            "COPY (SELECT {list} FROM {from} AS {ALIAS} WHERE {condition} \
             ORDER BY {nulls_first}, ({ALIAS}.*)::text COLLATE \"C\" OFFSET {given}) TO STDOUT"
        ));
    }

    let not_null: Vec<String> = nullable.iter().map(|c| format!("{} IS NOT NULL", column(&c.name))).collect();
    let values = |values: &[String]| {
        let typed =
            values.iter().zip(keyset).map(|(value, c)| format!("{}::{}", literal(value), c.type_name));
        typed.collect::<Vec<_>>().join(", ")
    };
    let after = position.after.as_ref().filter(|after| after.len() == keyset.len());
    let after = after.map(|after| format!("({order}) >= ({})", values(after)));
    let since = since.map(|since| match cursor_literal {
        _ if since.columns == names && since.values.len() == keyset.len() => {
            format!("({order}) > ({})", values(&since.values))
        }
        Some(value) => format!("{} >= {value}", column(&keyset[0].name)),
        None => "true".to_owned(),
    });
    let mut pass = |conditions: Vec<String>| {
        let conditions: Vec<String> = not_null.iter().cloned().chain(conditions).collect();
        let condition = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
        statements.push(format!(
            "COPY (SELECT {list} FROM {from} AS {ALIAS} WHERE {condition} ORDER BY {order}) TO STDOUT"
        ));
    };
    let lowest = lowest.map(|lowest| format!("{} >= {lowest}", column(&keyset[0].name)));
    match since {
        // The watermark moves with what stands after it only.
        Some(since) if position.overlap => {
            let overlapping = lowest.into_iter().chain([format!("NOT ({since})")]).chain(after);
            pass(overlapping.collect());
            pass(vec![since]);
        }
        // What stands behind the checkpoint stands behind the watermark.
        Some(since) => pass(vec![after.unwrap_or(since)]),
        None => pass(lowest.into_iter().chain(until).chain(of_part).chain(after).collect()),
    }
    Ok(statements)
}
