//! Packs `write_receipt`, a row for each record, into `receipt_block`, a row for some fifty neighbouring keys: PostgreSQL
//! took longer to keep the receipts of a record than to keep the record. What a block's bytes are, `domain` says.

use std::ops::ControlFlow;

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, blob_null, integer, text, text_null, uuid};
use sea_orm_migration::sea_orm::prelude::{DateTimeUtc, Uuid};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend, QueryResult, Statement};
use sea_orm_migration::sea_query::{ColumnDef, Query, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time};
use crate::constraints::{one_of, primary_key};
use crate::isolation::{isolate, open};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Rows that are read at once.
const ROWS: usize = 5_000;
/// Rows of a statement that writes: SQLite takes 32,766 parameters.
const WRITTEN_ROWS: usize = 500;
/// Bytes of a block, about.
const BLOCK_BYTES: usize = 1_250;
const ACTIONS: [&str; 3] = ["CREATED", "UPDATED", "UNCHANGED"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // In the order of bytes, which is the program's.
        let mut first_key = text("first_key");
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            first_key = ColumnDef::new("first_key").text().not_null().extra("COLLATE \"C\"").take();
        }
        manager
            .create_table(
                Table::create()
                    .table("receipt_block")
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(first_key)
                    .col(integer("entry_count"))
                    .col(blob("entries"))
                    .primary_key(&mut primary_key(&["tenant_id", "integration_id", "stream", "first_key"]))
                    .to_owned(),
            )
            .await?;
        on_postgres(manager, "ALTER TABLE receipt_block SET (fillfactor = 50)").await?;
        isolate(manager, "receipt_block", "tenant_id").await?;
        see_everything(manager).await?;

        let mut packer = Packer::default();
        let mut rows = Reader::open(
            "write_receipt",
            "source_key",
            "tenant_id, integration_id, stream, source_key, destination_key, payload_hash, action, run_id, in_doubt",
        );
        while let ControlFlow::Continue(read) = rows.next(manager).await? {
            for row in read {
                packer.push(&row)?;
            }
            packer.write(manager, false).await?;
        }
        packer.write(manager, true).await?;
        manager.drop_table(Table::drop().table("write_receipt").to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("write_receipt")
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(text("source_key"))
                    .col(text_null("destination_key"))
                    .col(blob("payload_hash"))
                    .col(text("action"))
                    .col(uuid("run_id"))
                    .col(time("written_at"))
                    .col(blob_null("in_doubt"))
                    .primary_key(&mut primary_key(&["tenant_id", "integration_id", "stream", "source_key"]))
                    .check(one_of("write_receipt", "action", &ACTIONS))
                    .to_owned(),
            )
            .await?;
        on_postgres(manager, "ALTER TABLE write_receipt SET (fillfactor = 50)").await?;
        isolate(manager, "write_receipt", "tenant_id").await?;
        see_everything(manager).await?;

        let mut rows = Reader::open(
            "receipt_block",
            "first_key",
            "tenant_id, integration_id, stream, first_key, entries",
        );
        while let ControlFlow::Continue(read) = rows.next(manager).await? {
            for row in read {
                unpack(manager, &row).await?;
            }
        }
        open(manager, "receipt_block").await?;
        manager.drop_table(Table::drop().table("receipt_block").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn on_postgres(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Postgres {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}

/// The fence also binds the role that owns the tables.
async fn see_everything(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    on_postgres(manager, "SET LOCAL trestle.tenants = '*'").await
}

/// All rows of a table by stream and key, some at a time.
struct Reader {
    table: &'static str,
    key: &'static str,
    columns: &'static str,
    after: Option<(Uuid, Uuid, String, String)>,
    is_open: bool,
}

impl Reader {
    fn open(table: &'static str, key: &'static str, columns: &'static str) -> Self {
        Self { table, key, columns, after: None, is_open: false }
    }

    /// Breaks at the end.
    async fn next(
        &mut self,
        manager: &SchemaManager<'_>,
    ) -> Result<ControlFlow<(), Vec<QueryResult>>, DbErr> {
        let connection = manager.get_connection();
        let Self { table, key, columns, .. } = self;
        let rows = match manager.get_database_backend() {
            DatabaseBackend::Postgres => {
                // A cursor: the order of the old index depends on the locale of the database. Its name is the table's, for the
                // driver keeps of a statement which columns it gave the last time.
                if !self.is_open {
                    let sql = format!(
                        "DECLARE all_of_{table} NO SCROLL CURSOR FOR SELECT {columns} FROM {table} \
                         ORDER BY tenant_id, integration_id, stream COLLATE \"C\", {key} COLLATE \"C\""
                    );
                    connection.execute_unprepared(&sql).await?;
                    self.is_open = true;
                }
                let fetch = Statement::from_string(
                    DatabaseBackend::Postgres,
                    format!("FETCH {ROWS} FROM all_of_{table}"),
                );
                connection.query_all_raw(fetch).await?
            }
            backend => {
                let order = format!("ORDER BY tenant_id, integration_id, stream, {key} LIMIT {ROWS}");
                let statement = match self.after.clone() {
                    None => Statement::from_string(backend, format!("SELECT {columns} FROM {table} {order}")),
                    Some((tenant, integration, stream, after)) => Statement::from_sql_and_values(
                        backend,
                        format!(
                            "SELECT {columns} FROM {table} \
                             WHERE (tenant_id, integration_id, stream, {key}) > ($1, $2, $3, $4) {order}"
                        ),
                        [tenant.into(), integration.into(), stream.into(), after.into()],
                    ),
                };
                connection.query_all_raw(statement).await?
            }
        };
        let Some(last) = rows.last() else {
            on_postgres(manager, &format!("CLOSE all_of_{table}")).await?;
            return Ok(ControlFlow::Break(()));
        };
        self.after = Some((
            last.try_get_by_index(0)?,
            last.try_get_by_index(1)?,
            last.try_get_by_index(2)?,
            last.try_get_by_index(3)?,
        ));
        Ok(ControlFlow::Continue(rows))
    }
}

type StreamOf = (Uuid, Uuid, String);

#[derive(Default)]
struct Packer {
    stream: Option<StreamOf>,
    first_key: String,
    last_key: String,
    runs: Vec<Uuid>,
    count: i32,
    bytes: Vec<u8>,
    done: Vec<(StreamOf, String, i32, Vec<u8>)>,
}

impl Packer {
    fn push(&mut self, row: &QueryResult) -> Result<(), DbErr> {
        let stream: StreamOf = (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let key: String = row.try_get_by_index(3)?;
        let destination_key: Option<String> = row.try_get_by_index(4)?;
        let payload_hash: Vec<u8> = row.try_get_by_index(5)?;
        let action: String = row.try_get_by_index(6)?;
        let run: Uuid = row.try_get_by_index(7)?;
        let in_doubt: Option<Vec<u8>> = row.try_get_by_index(8)?;
        if self.stream.as_ref() != Some(&stream) {
            self.end_block();
            self.first_key.clear();
            self.stream = Some(stream);
        } else if self.bytes.len() >= BLOCK_BYTES {
            self.end_block();
            self.first_key.clone_from(&key);
        }
        if self.bytes.is_empty() {
            self.bytes.push(1);
        }
        let shared = self.last_key.bytes().zip(key.bytes()).take_while(|(last, next)| last == next).count();
        number(&mut self.bytes, shared);
        number(&mut self.bytes, key.len() - shared);
        self.bytes.extend_from_slice(&key.as_bytes()[shared..]);
        let place = ACTIONS.iter().position(|known| *known == action).unwrap_or_default() as u8;
        let flags = place | u8::from(destination_key.is_some()) << 2 | u8::from(in_doubt.is_some()) << 3;
        self.bytes.push(flags);
        match self.runs.iter().position(|known| *known == run) {
            Some(place) => number(&mut self.bytes, place),
            None => {
                number(&mut self.bytes, self.runs.len());
                self.bytes.extend_from_slice(run.as_bytes());
                self.runs.push(run);
            }
        }
        self.bytes.extend_from_slice(&payload_hash);
        if let Some(key) = destination_key {
            number(&mut self.bytes, key.len());
            self.bytes.extend_from_slice(key.as_bytes());
        }
        self.bytes.extend(in_doubt.into_iter().flatten());
        self.last_key = key;
        self.count += 1;
        Ok(())
    }

    fn end_block(&mut self) {
        if let Some(stream) = &self.stream {
            let block = (stream.clone(), self.first_key.clone(), self.count, std::mem::take(&mut self.bytes));
            self.done.push(block);
        }
        self.last_key.clear();
        self.runs.clear();
        self.count = 0;
    }

    /// Writes what is complete; at the end all of it.
    async fn write(&mut self, manager: &SchemaManager<'_>, is_end: bool) -> Result<(), DbErr> {
        if is_end && self.count > 0 {
            self.end_block();
        }
        for rows in self.done.chunks(WRITTEN_ROWS) {
            let mut insert = Query::insert().into_table("receipt_block").to_owned();
            insert.columns(["tenant_id", "integration_id", "stream", "first_key", "entry_count", "entries"]);
            for ((tenant, integration, stream), first_key, count, bytes) in rows {
                insert.values_panic([
                    (*tenant).into(),
                    (*integration).into(),
                    stream.clone().into(),
                    first_key.clone().into(),
                    (*count).into(),
                    bytes.clone().into(),
                ]);
            }
            manager.execute(insert).await?;
        }
        self.done.clear();
        Ok(())
    }
}

fn number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

async fn unpack(manager: &SchemaManager<'_>, row: &QueryResult) -> Result<(), DbErr> {
    let tenant: Uuid = row.try_get_by_index(0)?;
    let integration: Uuid = row.try_get_by_index(1)?;
    let stream: String = row.try_get_by_index(2)?;
    let bytes: Vec<u8> = row.try_get_by_index(4)?;
    let mut insert = Query::insert().into_table("write_receipt").to_owned();
    insert.columns([
        "tenant_id",
        "integration_id",
        "stream",
        "source_key",
        "destination_key",
        "payload_hash",
        "action",
        "run_id",
        "written_at",
        "in_doubt",
    ]);
    let mut rest = Rest(bytes.get(1..).unwrap_or_default());
    let (mut key, mut runs): (Vec<u8>, Vec<Uuid>) = (Vec::new(), Vec::new());
    let mut count = 0;
    while !rest.0.is_empty() {
        let shared = rest.number()?;
        key.truncate(shared);
        key.extend_from_slice(rest.text()?);
        let flags = rest.take(1)?[0];
        let place = rest.number()?;
        if place == runs.len() {
            runs.push(Uuid::from_slice(rest.take(16)?).map_err(|_| unreadable())?);
        }
        let run = *runs.get(place).ok_or_else(unreadable)?;
        let payload_hash = rest.take(16)?.to_vec();
        let destination_key = if flags & 0b100 != 0 { Some(text_of(rest.text()?)?) } else { None };
        let in_doubt = if flags & 0b1000 != 0 { Some(rest.take(24)?.to_vec()) } else { None };
        let action = ACTIONS.get(usize::from(flags & 0b11)).copied().ok_or_else(unreadable)?;
        insert.values_panic([
            tenant.into(),
            integration.into(),
            stream.clone().into(),
            text_of(&key)?.into(),
            destination_key.into(),
            payload_hash.into(),
            action.into(),
            run.into(),
            // Blocks do not say when.
            DateTimeUtc::UNIX_EPOCH.into(),
            in_doubt.into(),
        ]);
        count += 1;
    }
    if count > 0 { manager.execute(insert).await } else { Ok(()) }
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], DbErr> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<usize, DbErr> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.take(1)?[0];
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(unreadable())
    }

    fn text(&mut self) -> Result<&'a [u8], DbErr> {
        let length = self.number()?;
        self.take(length)
    }
}

fn text_of(bytes: &[u8]) -> Result<String, DbErr> {
    String::from_utf8(bytes.to_vec()).map_err(|_| unreadable())
}

fn unreadable() -> DbErr {
    DbErr::Migration("a block of receipts can't be read".to_owned())
}
