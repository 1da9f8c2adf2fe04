//! How a whole table of PostgreSQL becomes one that is partitioned by month, and whole again. Merged migrations call these
//! functions, so what one does never changes.
//!
//! What there is becomes the first partition, as it stands: no row is copied and no index built. The one thing that takes as long
//! as the table is large, to look whether its ids are all below the end of that partition, is done before, while everybody
//! reads and writes. So `up` is in several transactions, and one that was interrupted begins again. Deliberately absent: the
//! partitions that follow (`partition`).

use chrono::{DateTime, Utc};
use sea_orm_migration::sea_orm::prelude::Uuid;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use sea_orm_migration::{DbErr, SchemaManager};

use crate::isolation::isolate;
use crate::partition::{first_id, month_of, months_after, name_until, time_of};

/// Months from the current one after which the first partition ends, so that there is time to make the next ones.
const FIRST_MONTHS: u32 = 2;

/// A table whose `id` is a UUIDv7 and whose `tenant_id` it is isolated by.
pub(crate) struct Partitioning {
    pub(crate) table: &'static str,
    /// Names of keys, and what they are.
    pub(crate) keys: &'static [(&'static str, &'static str)],
    /// Names of foreign keys, what they are, and the tables that they refer to.
    pub(crate) references: &'static [(&'static str, &'static str, &'static str)],
    /// Names of the other indexes, and their columns.
    pub(crate) indexes: &'static [(&'static str, &'static str)],
    /// Names of extended statistics, and what they are. New partitions have them from the table.
    pub(crate) statistics: &'static [(&'static str, &'static str)],
}

impl Partitioning {
    /// Partitions the table. On SQLite there is nothing to do.
    pub(crate) async fn up(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if self.kind(manager).await?.as_deref() != Some("r") {
            return Ok(());
        }
        let table = self.table;
        let end = self.end_of_first(manager).await?;
        let bound = first_id(end);
        let check = format!("ck_{table}_partition");
        let tx = manager.begin().await?;
        let sql = format!(
            "ALTER TABLE \"{table}\" DROP CONSTRAINT IF EXISTS {check}; \
             ALTER TABLE \"{table}\" ADD CONSTRAINT {check} CHECK (id < '{bound}') NOT VALID"
        );
        tx.get_connection().execute_unprepared(&sql).await?;
        tx.commit().await?;
        let sql = format!("ALTER TABLE \"{table}\" VALIDATE CONSTRAINT {check}");
        manager.get_connection().execute_unprepared(&sql).await?;

        let partition = name_until(table, end);
        let tx = manager.begin().await?;
        let renames: String = self
            .keys
            .iter()
            .chain(self.indexes)
            .map(|(name, _what)| {
                let renamed = name.replacen(table, &partition, 1);
                format!("ALTER INDEX \"{name}\" RENAME TO \"{renamed}\"; ")
            })
            .chain(self.statistics.iter().map(|(name, _what)| {
                let renamed = name.replacen(table, &partition, 1);
                format!("ALTER STATISTICS \"{name}\" RENAME TO \"{renamed}\"; ")
            }))
            .collect();
        let sql = format!(
            "{}ALTER TABLE \"{table}\" RENAME TO \"{partition}\"; {renames}\
             ALTER POLICY po_{table}_tenant ON \"{partition}\" RENAME TO po_{partition}_tenant; \
             CREATE TABLE \"{table}\" (LIKE \"{partition}\" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE) \
               PARTITION BY RANGE (id); \
             ALTER TABLE \"{table}\" DROP CONSTRAINT {check}; {}",
            self.locks(),
            self.constraints(),
        );
        tx.get_connection().execute_unprepared(&sql).await?;
        isolate(&tx, table, "tenant_id").await?;
        let sql = format!(
            "ALTER TABLE \"{table}\" ATTACH PARTITION \"{partition}\" FOR VALUES FROM (MINVALUE) TO ('{bound}'); \
             ALTER TABLE \"{partition}\" DROP CONSTRAINT {check}"
        );
        tx.get_connection().execute_unprepared(&sql).await?;
        move_privileges(&tx, &partition, table).await?;
        tx.commit().await
    }

    /// Makes one table of the partitions, which copies their rows.
    pub(crate) async fn down(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if self.kind(manager).await?.as_deref() != Some("p") {
            return Ok(());
        }
        let table = self.table;
        let partitioned = format!("{table}_partitioned");
        let tx = manager.begin().await?;
        // The fence also binds the role that owns the tables.
        let sql = format!(
            "SET LOCAL trestle.tenants = '*'; {}\
             ALTER TABLE \"{table}\" RENAME TO \"{partitioned}\"; \
             CREATE TABLE \"{table}\" (LIKE \"{partitioned}\" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE); \
             INSERT INTO \"{table}\" SELECT * FROM \"{partitioned}\"",
            self.locks(),
        );
        tx.get_connection().execute_unprepared(&sql).await?;
        move_privileges(&tx, &partitioned, table).await?;
        let sql = format!("DROP TABLE \"{partitioned}\"; {}", self.constraints());
        tx.get_connection().execute_unprepared(&sql).await?;
        isolate(&tx, table, "tenant_id").await?;
        tx.commit().await
    }

    /// What is in the table's place: `r` a whole one, `p` a partitioned one. Nothing that concerns us on SQLite.
    async fn kind(&self, manager: &SchemaManager<'_>) -> Result<Option<String>, DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(None);
        }
        let sql = "SELECT relkind::text FROM pg_class WHERE oid = to_regclass($1)";
        let row = one(manager, sql, [Value::from(self.table)]).await?;
        row.map(|row| row.try_get_by_index(0)).transpose()
    }

    /// Behind all the rows that there are, also those that a clock made that was wrong.
    async fn end_of_first(&self, manager: &SchemaManager<'_>) -> Result<DateTime<Utc>, DbErr> {
        let tx = manager.begin().await?;
        tx.get_connection().execute_unprepared("SET LOCAL trestle.tenants = '*'").await?;
        let sql =
            format!("SELECT clock_timestamp(), (SELECT id FROM \"{}\" ORDER BY id DESC LIMIT 1)", self.table);
        let row = one(&tx, &sql, []).await?.ok_or_else(|| DbErr::Custom("no answer".to_owned()))?;
        let (now, newest): (DateTime<Utc>, Option<Uuid>) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        tx.commit().await?;
        let end = months_after(month_of(now), FIRST_MONTHS);
        Ok(newest.map_or(end, |id| end.max(months_after(month_of(time_of(id)), 1))))
    }

    /// In the order in which the program uses them, and as much as attaching takes: what has one lock and wants another waits
    /// for whoever has the other and wants the one.
    fn locks(&self) -> String {
        let referred = self.references.iter().map(|(_name, _what, referred)| *referred);
        referred
            .chain([self.table])
            .map(|table| format!("LOCK TABLE \"{table}\" IN ACCESS EXCLUSIVE MODE; "))
            .collect()
    }

    /// The keys, references, indexes and statistics of a table that has none.
    fn constraints(&self) -> String {
        let table = self.table;
        let references = self.references.iter().map(|(name, what, _referred)| (*name, *what));
        let constraint = |(name, what)| format!("ALTER TABLE \"{table}\" ADD CONSTRAINT \"{name}\" {what}; ");
        let index =
            |(name, columns): &(&str, &str)| format!("CREATE INDEX \"{name}\" ON \"{table}\" ({columns}); ");
        let constraints = self.keys.iter().copied().chain(references).map(constraint);
        let indexes = self.indexes.iter().map(index);
        let statistics = self
            .statistics
            .iter()
            .map(|(name, what)| format!("CREATE STATISTICS \"{name}\" {what} FROM \"{table}\"; "));
        constraints.chain(indexes).chain(statistics).collect()
    }
}

/// What others than the owner may do with one table they may do with the other from now on: a program that is running goes on.
async fn move_privileges(manager: &SchemaManager<'_>, from: &str, to: &str) -> Result<(), DbErr> {
    let sql = "SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS who, \
               a.privilege_type AS what FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a \
               WHERE c.oid = to_regclass(quote_ident($1)) AND a.grantee <> c.relowner";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [Value::from(from)]);
    for row in manager.get_connection().query_all_raw(statement).await? {
        let (who, what): (String, String) = (row.try_get("", "who")?, row.try_get("", "what")?);
        let sql = format!("GRANT {what} ON \"{to}\" TO {who}; REVOKE {what} ON \"{from}\" FROM {who}");
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

async fn one<const N: usize>(
    manager: &SchemaManager<'_>,
    sql: &str,
    values: [Value; N],
) -> Result<Option<QueryResult>, DbErr> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    manager.get_connection().query_one_raw(statement).await
}
