//! Creates `export_chunk`: the content of exports, in pieces.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{binary, integer, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id};
use crate::constraints::{not_negative, tenant_reference, unique};
use crate::isolation::isolate;

const TABLE: &str = "export_chunk";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("export_id"))
                    .col(integer("number"))
                    .col(integer("byte_count"))
                    .col(binary("sealed_content"))
                    .index(&mut unique(TABLE, &["tenant_id", "export_id", "number"]))
                    .foreign_key(&mut tenant_reference(TABLE, "export_id", "export"))
                    .check(not_negative(TABLE, ["number", "byte_count"]))
                    .to_owned(),
            )
            .await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
