//! Lets a `stream_cursor` have no run: a person may set where the next one begins.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, text, uuid, uuid_null};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::sea_query::{ColumnDef, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time};
use crate::constraints::{primary_key, tenant_reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            let sql = "ALTER TABLE stream_cursor ALTER COLUMN run_id DROP NOT NULL";
            manager.get_connection().execute_unprepared(sql).await?;
            return Ok(());
        }
        make_again(manager, uuid_null("run_id")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Without it the next run reads from the beginning, and loses nothing.
        let sql = "DELETE FROM stream_cursor WHERE run_id IS NULL";
        manager.get_connection().execute_unprepared(sql).await?;
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            let sql = "ALTER TABLE stream_cursor ALTER COLUMN run_id SET NOT NULL";
            manager.get_connection().execute_unprepared(sql).await?;
            return Ok(());
        }
        make_again(manager, uuid("run_id")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// SQLite changes no column of a table that is there: <https://www.sqlite.org/lang_altertable.html#otheralter>.
async fn make_again(manager: &SchemaManager<'_>, run_id: ColumnDef) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    connection.execute_unprepared("ALTER TABLE stream_cursor RENAME TO stream_cursor_before").await?;
    manager
        .create_table(
            Table::create()
                .table("stream_cursor")
                .col(tenant_id())
                .col(uuid("integration_id"))
                .col(text("stream"))
                .col(json_binary("watermark"))
                .col(run_id)
                .col(time("updated_at"))
                .primary_key(&mut primary_key(&["tenant_id", "integration_id", "stream"]))
                .foreign_key(&mut tenant_reference("stream_cursor", "integration_id", "integration"))
                .foreign_key(&mut tenant_reference("stream_cursor", "run_id", "run"))
                .to_owned(),
        )
        .await?;
    let columns = "tenant_id, integration_id, stream, watermark, run_id, updated_at";
    let copy = format!("INSERT INTO stream_cursor ({columns}) SELECT {columns} FROM stream_cursor_before");
    connection.execute_unprepared(&copy).await?;
    connection.execute_unprepared("DROP TABLE stream_cursor_before").await?;
    Ok(())
}
