//! Lets a `reconciliation_difference` be a record that only the destination has.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{text, uuid, uuid_null};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id};
use crate::constraints::{create_indexes, index, one_of, tenant_reference};

const TABLE: &str = "reconciliation_difference";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        set_kinds(manager, &["MISSING", "DIFFERENT", "EXTRA"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DELETE FROM reconciliation_difference WHERE kind = 'EXTRA'";
        manager.get_connection().execute_unprepared(sql).await?;
        set_kinds(manager, &["MISSING", "DIFFERENT"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn set_kinds(manager: &SchemaManager<'_>, kinds: &[&'static str]) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Postgres {
        let quoted: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
        let sql = format!(
            "ALTER TABLE {TABLE} DROP CONSTRAINT ck_{TABLE}_kind, \
             ADD CONSTRAINT ck_{TABLE}_kind CHECK (kind IN ({}))",
            quoted.join(", ")
        );
        manager.get_connection().execute_unprepared(&sql).await?;
        return Ok(());
    }
    make_again(manager, kinds).await
}

/// SQLite changes no check of a table that is there: <https://www.sqlite.org/lang_altertable.html#otheralter>.
async fn make_again(manager: &SchemaManager<'_>, kinds: &[&'static str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    connection.execute_unprepared(&format!("ALTER TABLE {TABLE} RENAME TO {TABLE}_before")).await?;
    manager
        .create_table(
            Table::create()
                .table(TABLE)
                .col(id())
                .col(tenant_id())
                .col(uuid("reconciliation_id"))
                .col(text("stream"))
                .col(text("record_key"))
                .col(text("business_reference"))
                .col(text("kind"))
                .col(uuid_null("failure_id"))
                .foreign_key(&mut tenant_reference(TABLE, "reconciliation_id", "reconciliation"))
                .foreign_key(&mut tenant_reference(TABLE, "failure_id", "failure"))
                .check(one_of(TABLE, "kind", kinds))
                .to_owned(),
        )
        .await?;
    let columns =
        "id, tenant_id, reconciliation_id, stream, record_key, business_reference, kind, failure_id";
    let copy = format!("INSERT INTO {TABLE} ({columns}) SELECT {columns} FROM {TABLE}_before");
    connection.execute_unprepared(&copy).await?;
    // With its index, whose name is taken until then.
    connection.execute_unprepared(&format!("DROP TABLE {TABLE}_before")).await?;
    create_indexes(manager, [index(TABLE, &["tenant_id", "reconciliation_id", "id"])]).await
}
