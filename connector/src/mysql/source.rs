//! A table or query read in pages by keyset, in the order of its key (FULL) or of its cursor and key (INCREMENTAL).
//! Deliberately absent: one statement for all. A server that waits for a slow reader gives up (`net_write_timeout`),
//! and a transaction for hours keeps it from tidying up.

use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::mysql::MySqlTypeInfo;
use sqlx::{AssertSqlSafe, Column, Executor, MySqlConnection, SqlSafeStr, Statement};

use super::connection::{self, Opened, Use, misconfigured, quoted, system_error};
use super::table::{self, Table};
use super::value::{Key, Kind, bytes_of};
use crate::bounds::{before, no_overlap};
use crate::division::WholeRange;
use crate::keyset::{Place, after};
use crate::{
    Cursor, Egress, Item, Malformed, OpenSource, Page, Record, Source, SyncMode, SystemError,
    SystemErrorKind, compare_cursor_values, options,
};

/// Read for one page, in bytes, at most; one row more may come on top.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Rows of the first page: what a page leaves unread comes over the network all the same, so the size of rows is
/// learnt before many are asked for.
const FIRST_PAGE_ROWS: usize = 500;
/// Longest time for one page. A query without usable index sorts everything for it.
const PAGE_TIME_MAX: Duration = Duration::from_secs(300);
/// Raw text kept of a row that can't be read, in bytes.
const RAW_BYTES_MAX: usize = 2 * 1024;
/// Stands for a query in our statements.
const ALIAS: &str = "trestle_source";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    pub(super) table: Option<String>,
    query: Option<String>,
    pub(super) slices: Option<usize>,
}

/// A column that is read.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Field {
    pub(super) fn of(name: &str, info: &MySqlTypeInfo, table: Option<&Table>) -> Self {
        let column = table.and_then(|table| table.columns.iter().find(|column| column.name == *name));
        let is_json = column.is_some_and(|column| column.is_json);
        Self { name: name.to_owned(), kind: if is_json { Kind::Json } else { Kind::of(info) } }
    }
}

/// A column of the order.
pub(super) struct Ordered {
    /// As SQL.
    pub(super) sql: String,
    /// Where it stands in a row.
    pub(super) index: usize,
    /// Compared byte by byte: its own order would not tell all values apart.
    pub(super) as_bytes: bool,
}

/// Where reading goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Checkpoint {
    /// Values of the order in the last row.
    last: Vec<Key>,
    /// How many rows with exactly these were given; 1 where the order tells rows apart.
    ties: usize,
    /// Rows given so far, for people.
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    watermark: Option<Watermark>,
}

/// Where the next INCREMENTAL run begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Watermark {
    /// Of the cursor and then the keys.
    pub(super) columns: Vec<String>,
    pub(super) values: Vec<Key>,
}

struct Incremental {
    columns: Vec<String>,
    since: Option<Vec<Key>>,
    /// What belongs to the run, where that is not what stands after `since`.
    reach: Option<Reach>,
    watermark: Option<Vec<Key>>,
}

/// Bounds of the cursor's column.
enum Reach {
    From(Key),
    Within(Key, Option<Key>),
}

impl Reach {
    /// `None` where a run reads what stands after `since`, or everything.
    fn of(
        open: &OpenSource,
        since: Option<&[Key]>,
        kind: Kind,
        as_bytes: bool,
    ) -> Result<Option<Self>, SystemError> {
        let key = |value: &Value| {
            kind.key_of(value, as_bytes).ok_or_else(|| {
                let hint = format!("the cursor field has no values like {value}");
                misconfigured(hint.clone()).with_hint(hint)
            })
        };
        if let Some(range) = &open.only {
            let until = range.until.as_ref().map(key).transpose()?;
            return Ok(Some(Self::Within(key(&range.from)?, until)));
        }
        Ok(match (since, open.overlap, &open.from) {
            (Some(since), Some(overlap), _) => {
                let cursor = since.first().and_then(Key::value);
                let lowest = cursor.and_then(|cursor| before(&cursor, overlap)).ok_or_else(no_overlap)?;
                Some(Self::From(key(&lowest)?))
            }
            (None, _, Some(from)) => Some(Self::From(key(from)?)),
            (Some(_), None, _) | (None, _, None) => None,
        })
    }

    fn condition(&self, column: &str) -> String {
        match self {
            Self::From(from) => format!("({column} IS NULL OR {column} >= {})", from.sql()),
            Self::Within(from, until) => {
                let until = until.as_ref().map(|until| format!(" AND {column} < {}", until.sql()));
                format!("{column} >= {}{}", from.sql(), until.unwrap_or_default())
            }
        }
    }
}

/// A table or query that is read page by page.
pub(super) struct MysqlSource {
    connection: MySqlConnection,
    /// `SELECT columns FROM …`, without conditions.
    select: String,
    fields: Vec<Field>,
    order: Vec<Ordered>,
    /// The order has a unique index in it, so no two rows stand at the same place.
    is_total: bool,
    /// Orders rows that stand at the same place, where there are such: the server gives them in any order otherwise, and
    /// in another one for another page.
    tie_break: Vec<String>,
    incremental: Option<Incremental>,
    /// What is read of the table.
    part: Option<WholeRange>,
    last: Option<(Vec<Key>, usize)>,
    rows_read: u64,
    page_records_max: usize,
    /// Rows to ask for next.
    page_rows: usize,
}

impl MysqlSource {
    pub(super) async fn open(egress: &Egress, open: OpenSource) -> Result<Self, SystemError> {
        let options: Options = options::decode("source options", &open.options)?;
        let mut opened = connection::connect(egress, &open.access, Use::Read).await?;
        let (from, table) = match (&options.table, &options.query) {
            (Some(named), None) => {
                let (database, name) = connection::table_name(&opened.config, named)?;
                let (connection, is_mariadb) = (&mut opened.connection, opened.is_mariadb);
                let found = Table::load(connection, is_mariadb, &database, &name).await?;
                let found = found.ok_or_else(|| table::not_found(&database, &name))?;
                (found.name.clone(), Some(found))
            }
            (None, Some(query)) => (derived(&mut opened, query).await?, None),
            _ => {
                return Err(misconfigured("source options need either table or query")
                    .with_hint("give either a table or a query"));
            }
        };
        let described = describe(&mut opened.connection, &format!("SELECT * FROM {from}")).await?;
        let fields: Vec<Field> =
            described.iter().map(|(name, info)| Field::of(name, info, table.as_ref())).collect();
        let part = open.part.clone();
        let part = part.map(|part| WholeRange::read(part, open.stream.key_fields.first())).transpose()?;
        let is_ordered = open.stream.mode == SyncMode::Incremental;
        let cursor_field = open.stream.cursor_field.as_ref().filter(|_| is_ordered);
        if is_ordered && cursor_field.is_none() {
            return Err(misconfigured("INCREMENTAL without a cursor field"));
        }
        let incremental = is_ordered && part.is_none();
        let keys = open.stream.key_fields.iter();
        // Of a part, the rows of one key in the order of the cursor: the last one is the newest.
        let in_order: Vec<&String> = match &part {
            None => cursor_field.into_iter().chain(keys).collect(),
            Some(_) => keys.chain(cursor_field).collect(),
        };
        let mut names: Vec<String> = Vec::with_capacity(in_order.len());
        for field in in_order {
            if !names.contains(field) {
                names.push(field.clone());
            }
        }
        let watermarked = names.clone();
        let unique = table.as_ref().and_then(|table| table.unique.iter().find(|unique| unique.is_total));
        for column in unique.iter().flat_map(|unique| &unique.columns) {
            if !names.contains(column) && fields.iter().any(|field| field.name == *column) {
                names.push(column.clone());
            }
        }
        let is_total =
            unique.is_some_and(|unique| unique.columns.iter().all(|column| names.contains(column)));
        let order = names
            .iter()
            .map(|name| ordered(&fields, table.as_ref(), name, is_total))
            .collect::<Result<Vec<Ordered>, SystemError>>()?;
        let rest = fields.iter().filter(|field| !is_total && !names.contains(&field.name));
        let tie_break = rest.map(tie_break).collect();
        let incremental = match incremental {
            false => None,
            true => {
                let since = open.since.clone().map(|since| of_watermark(since, &watermarked)).transpose()?;
                let cursor = &order[0];
                let reach = Reach::of(&open, since.as_deref(), fields[cursor.index].kind, cursor.as_bytes)?;
                Some(Incremental { columns: watermarked, watermark: since.clone(), since, reach })
            }
        };
        let list = fields.iter().map(|field| quoted(&field.name)).collect::<Vec<_>>().join(", ");
        let page_records_max = open.page_records_max.max(1);
        let mut source = Self {
            connection: opened.connection,
            select: format!("SELECT {list} FROM {from}"),
            fields,
            order,
            is_total,
            tie_break,
            incremental,
            part,
            last: None,
            rows_read: 0,
            page_records_max,
            page_rows: page_records_max.min(FIRST_PAGE_ROWS),
        };
        if let Some(resume) = open.resume {
            source.resume(resume)?;
        }
        Ok(source)
    }

    fn resume(&mut self, resume: Cursor) -> Result<(), SystemError> {
        let checkpoint: Checkpoint = serde_json::from_value(resume).map_err(|_| unreadable("checkpoint"))?;
        if checkpoint.last.len() != self.order.len() {
            return Err(unreadable("checkpoint"));
        }
        self.last = Some((checkpoint.last, checkpoint.ties));
        self.rows_read = checkpoint.rows;
        if let (Some(incremental), Some(watermark)) = (&mut self.incremental, checkpoint.watermark) {
            incremental.watermark = Some(watermark.values);
        }
        Ok(())
    }

    /// The next page's statement.
    fn statement(&self) -> String {
        let columns: Vec<String> = self.order.iter().map(|ordered| ordered.sql.clone()).collect();
        let mut conditions = Vec::new();
        let mut limit = self.page_rows;
        if let Some(Incremental { since, reach, .. }) = &self.incremental {
            // Rows without cursor value can't be known to be old; they come each time. What is newer comes whatever the
            // overlap is: a text of digits that begins before another may be sorted behind it.
            let newer = since.as_ref().map(|since| after(&columns[..since.len()], since, false).sql);
            match (reach, newer) {
                (Some(reach), Some(newer)) => {
                    conditions.push(format!("({} OR {newer})", reach.condition(&columns[0])));
                }
                (Some(reach), None) => conditions.push(reach.condition(&columns[0])),
                (None, Some(newer)) => conditions.push(format!("({} IS NULL OR {newer})", columns[0])),
                (None, None) => {}
            }
        }
        conditions.extend(self.part.as_ref().map(|part| part.condition(&columns[0])));
        if let Some((last, ties)) = &self.last {
            // Where rows can stand at the same place: from the last one on, or some would be passed over.
            conditions.push(after(&columns, last, !self.is_total).sql);
            limit = limit.saturating_add(if self.is_total { 0 } else { *ties });
        }
        let conditions = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let order = [columns, self.tie_break.clone()].concat().join(", ");
        format!("{}{conditions} ORDER BY {order} LIMIT {limit}", self.select)
    }

    async fn page(&mut self) -> Result<(Vec<Item>, usize), SystemError> {
        let failed = |error: sqlx::Error| system_error("reading rows", error);
        let sql = self.statement();
        let mut to_skip = self.last.as_ref().filter(|_| !self.is_total).map_or(0, |(_, ties)| *ties);
        let (mut items, mut size) = (Vec::new(), 0);
        let mut rows = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch(&mut self.connection);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let mut values = Vec::with_capacity(self.fields.len());
            for index in 0..self.fields.len() {
                values.push(bytes_of(&row, index).map_err(failed)?);
            }
            let keys: Vec<Key> = self
                .order
                .iter()
                .map(|ordered| match values[ordered.index] {
                    None => Key::Null,
                    Some(bytes) => self.fields[ordered.index].kind.key(bytes, ordered.as_bytes),
                })
                .collect();
            let stands_with_last = self.last.as_ref().is_some_and(|(last, _)| *last == keys);
            if to_skip > 0 {
                to_skip = if stands_with_last { to_skip - 1 } else { 0 };
                if stands_with_last {
                    continue;
                }
            }
            self.rows_read += 1;
            size += values.iter().flatten().map(|bytes| bytes.len() + 1).sum::<usize>();
            items.push(item(&self.fields, &values, self.rows_read));
            if let Some(incremental) = &mut self.incremental
                && keys[0] != Key::Null
                && incremental.is_beyond(&keys[0])
            {
                // Rows come in order, so the last one is the newest.
                incremental.watermark = Some(keys[..incremental.columns.len()].to_vec());
            }
            self.last = Some(match self.last.take() {
                Some((_, ties)) if stands_with_last => (keys, ties + 1),
                _ => (keys, 1),
            });
            if size >= PAGE_BYTES_MAX || items.len() >= self.page_rows {
                break;
            }
        }
        Ok((items, size))
    }
}

#[async_trait]
impl Source for MysqlSource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        let read = tokio::time::timeout(PAGE_TIME_MAX, self.page()).await.map_err(|_| {
            SystemError::new(SystemErrorKind::Timeout, format!("a page took longer than {PAGE_TIME_MAX:?}"))
        });
        let (items, size) = read??;
        let Some((last, ties)) = self.last.clone().filter(|_| !items.is_empty()) else { return Ok(None) };
        let row_bytes = (size / items.len()).max(1);
        self.page_rows = (PAGE_BYTES_MAX / row_bytes).clamp(1, self.page_records_max);
        let watermark = self.incremental.as_ref().and_then(Incremental::watermark);
        let checkpoint = Checkpoint { last, ties, rows: self.rows_read, watermark };
        let checkpoint = serde_json::to_value(checkpoint).map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("storing the checkpoint: {error}"))
        })?;
        Ok(Some(Page { items, checkpoint, size_bytes: size as u64 }))
    }

    fn watermark(&self) -> Option<Cursor> {
        let watermark = self.incremental.as_ref()?.watermark()?;
        serde_json::to_value(watermark).ok()
    }
}

impl Incremental {
    /// True unless a row with this cursor overlaps with the run before: the watermark never goes back.
    fn is_beyond(&self, cursor: &Key) -> bool {
        if self.reach.is_none() {
            return true;
        }
        let since = self.since.as_ref().and_then(|since| since.first()).and_then(Key::value);
        match (cursor.value(), since) {
            (Some(cursor), Some(since)) => compare_cursor_values(&cursor, &since).is_gt(),
            _ => true,
        }
    }

    fn watermark(&self) -> Option<Watermark> {
        let values = self.watermark.clone()?;
        Some(Watermark { columns: self.columns.clone(), values })
    }
}

/// The value that a watermark stands at.
pub(super) fn cursor_value(watermark: &Cursor) -> Option<Value> {
    let watermark: Watermark = serde_json::from_value(watermark.clone()).ok()?;
    watermark.values.first()?.value()
}

fn item(fields: &[Field], values: &[Option<&[u8]>], number: u64) -> Item {
    let mut record = Record::with_capacity(fields.len());
    for (field, value) in fields.iter().zip(values) {
        match value.map(|bytes| field.kind.json(bytes)) {
            None => record.insert(field.name.clone(), Value::Null),
            Some(Ok(value)) => record.insert(field.name.clone(), value),
            Some(Err(reason)) => {
                return Item::Malformed(Malformed {
                    position: format!("row {number}"),
                    reason: format!("column `{}`: {reason}", field.name),
                    raw: Some(raw(fields, values)),
                });
            }
        };
    }
    Item::Record(record)
}

/// The row as text, with what can't be read as it stands in an order.
fn raw(fields: &[Field], values: &[Option<&[u8]>]) -> String {
    let mut text = String::new();
    for (field, value) in fields.iter().zip(values) {
        let shown = match value.map(|bytes| (field.kind.json(bytes), field.kind.key(bytes, false))) {
            None => "null".to_owned(),
            Some((Ok(value), _)) => value.to_string(),
            Some((Err(_), Key::Date(text) | Key::DateTime(text) | Key::Text(text))) => text,
            Some((Err(_), _)) => "?".to_owned(),
        };
        text.push_str(&format!("{}: {shown}\n", field.name));
    }
    text.truncate(text.floor_char_boundary(RAW_BYTES_MAX));
    text
}

pub(super) fn ordered(
    fields: &[Field],
    table: Option<&Table>,
    name: &str,
    is_total: bool,
) -> Result<Ordered, SystemError> {
    let Some(index) = fields.iter().position(|field| field.name == name) else {
        let there = fields.iter().map(|field| format!("`{}`", field.name)).collect::<Vec<_>>().join(", ");
        return Err(misconfigured(format!("column {name:?} is not in the source"))
            .with_hint(format!("the source has no column `{name}`; its columns are {there}")));
    };
    let column = table.and_then(|table| table.columns.iter().find(|column| column.name == name));
    let is_text = matches!(fields[index].kind, Kind::Text | Kind::Json);
    // By its own collation `a` and `A` may stand at one place: fine where the unique index tells rows apart, and that
    // is the order which an index serves.
    let as_bytes = is_text && (!is_total || column.is_none_or(|column| column.sorts_oddly()));
    let sql = if as_bytes {
        format!("CAST(CONVERT({} USING utf8mb4) AS BINARY)", quoted(name))
    } else {
        quoted(name)
    };
    Ok(Ordered { sql, index, as_bytes })
}

/// Short, because a server sorts by the first 1,024 bytes only (`max_sort_length`).
fn tie_break(field: &Field) -> String {
    let name = quoted(&field.name);
    match field.kind {
        Kind::Text | Kind::Json => format!("MD5(CONVERT({name} USING utf8mb4))"),
        Kind::Bytes => format!("MD5({name})"),
        _ => name,
    }
}

/// The query as a table. It is prepared by itself first, which proves that it is one SELECT.
async fn derived(opened: &mut Opened, query: &str) -> Result<String, SystemError> {
    let query = query.trim().trim_end_matches(';');
    let columns = describe(&mut opened.connection, query).await?;
    if columns.is_empty() {
        return Err(
            misconfigured("the query gives no columns").with_hint("the query is not one valid SELECT")
        );
    }
    // The line break ends a comment on the query's last line.
    Ok(format!("({query}\n) AS {ALIAS}"))
}

/// Names and types of what a statement gives.
pub(super) async fn describe(
    connection: &mut MySqlConnection,
    sql: &str,
) -> Result<Vec<(String, MySqlTypeInfo)>, SystemError> {
    let statement = connection
        .prepare(AssertSqlSafe(sql.to_owned()).into_sql_str())
        .await
        .map_err(|error| system_error("describing the source", error))?;
    if statement.parameters().is_some_and(|parameters| parameters.right_or(0) > 0) {
        return Err(
            misconfigured("the query has parameters").with_hint("the query must not have parameters (`?`)")
        );
    }
    let columns = statement.columns().iter();
    Ok(columns.map(|column| (column.name().to_owned(), column.type_info().clone())).collect())
}

fn of_watermark(since: Cursor, columns: &[String]) -> Result<Vec<Key>, SystemError> {
    let watermark: Watermark = serde_json::from_value(since).map_err(|_| unreadable("watermark"))?;
    if watermark.columns == columns && watermark.values.len() == columns.len() {
        return Ok(watermark.values);
    }
    // Of another key only the cursor's value counts, and that only if it is the same column. Rows with just that value
    // come again.
    match (watermark.columns.first(), watermark.values.into_iter().next()) {
        (Some(cursor), Some(value)) if Some(cursor) == columns.first() => {
            let nulls = std::iter::repeat_n(Key::Null, columns.len() - 1);
            Ok(std::iter::once(value).chain(nulls).collect())
        }
        _ => Err(unreadable("watermark")),
    }
}

fn unreadable(what: &str) -> SystemError {
    misconfigured(format!("the {what} was made with other options"))
        .with_hint("the key or cursor fields of the stream were changed; read it anew from the beginning")
}
