//! Creates `runbook_version`: what runbooks said before they were changed.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{integer, text, uuid, uuid_null};
use sea_orm_migration::sea_query::{ForeignKey, ForeignKeyAction, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{create_indexes, index, reference, unique};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // They go with it.
        let mut of_runbook = ForeignKey::create()
            .name("fk_runbook_version_runbook_id")
            .from_col("runbook_id")
            .to_tbl("runbook")
            .to_col("id")
            .on_delete(ForeignKeyAction::Cascade)
            .take();
        manager
            .create_table(
                Table::create()
                    .table("runbook_version")
                    .col(id())
                    .col(uuid_null("tenant_id"))
                    .col(uuid("runbook_id"))
                    .col(integer("version"))
                    .col(text("title"))
                    .col(text("body"))
                    .col(time("written_at"))
                    .col(text("written_by"))
                    .foreign_key(&mut reference("runbook_version", "tenant_id", "tenant"))
                    .foreign_key(&mut of_runbook)
                    .index(&mut unique("runbook_version", &["runbook_id", "version"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("runbook_version", &["tenant_id", "id"])]).await?;
        isolate(manager, "runbook_version", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("runbook_version").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
