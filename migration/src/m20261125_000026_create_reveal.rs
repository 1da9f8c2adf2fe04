//! Creates `reveal`: for whom of the staff a failure's record is shown, why, and until when.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{create_indexes, index, reference, tenant_reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("reveal")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("failure_id"))
                    .col(uuid("user_id"))
                    .col(text("user_name"))
                    .col(text("reason"))
                    .col(time("created_at"))
                    .col(time("expires_at"))
                    .foreign_key(&mut tenant_reference("reveal", "failure_id", "failure"))
                    .foreign_key(&mut reference("reveal", "user_id", "user"))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("reveal", &["tenant_id", "failure_id", "id"]),
                index("reveal", &["user_id", "expires_at"]),
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("reveal").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
