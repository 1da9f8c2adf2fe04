//! Creates `receipt_segment`: receipts of strewn keys, kept as they came until many are merged into `receipt_block`.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, blob, text, uuid};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::sea_query::{ColumnDef, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::tenant_id;
use crate::constraints::primary_key;
use crate::isolation::{isolate, open};

const TABLE: &str = "receipt_segment";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // In the order of bytes, which is the program's.
        let mut bound = text("bound");
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            bound = ColumnDef::new("bound").text().not_null().extra("COLLATE \"C\"").take();
        }
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(bound)
                    .col(big_integer("number"))
                    .col(blob("entries"))
                    .primary_key(&mut primary_key(&[
                        "tenant_id",
                        "integration_id",
                        "stream",
                        "bound",
                        "number",
                    ]))
                    .to_owned(),
            )
            .await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            // The fence also binds the role that owns the tables.
            connection.execute_unprepared("SET LOCAL trestle.tenants = '*'").await?;
        }
        // Of streams whose last run was interrupted. Older receipts would be wrong without the newer ones; without any,
        // the next run writes again what is there.
        let forget = "DELETE FROM receipt_block WHERE EXISTS (SELECT 1 FROM receipt_segment AS s \
             WHERE s.tenant_id = receipt_block.tenant_id AND s.integration_id = receipt_block.integration_id \
             AND s.stream = receipt_block.stream)";
        connection.execute_unprepared(forget).await?;
        open(manager, TABLE).await?;
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
