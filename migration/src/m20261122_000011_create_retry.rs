//! Creates `retry`: bulk operations over failures.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, text};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{not_negative, one_of, reference, unique_in_tenant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("retry")
                    .col(id())
                    .col(tenant_id())
                    .col(text("status"))
                    .col(text("requested_by"))
                    .col(big_integer("total"))
                    .col(big_integer("resolved"))
                    .col(big_integer("failed"))
                    .col(time("created_at"))
                    .col(time_null("finished_at"))
                    .index(&mut unique_in_tenant("retry"))
                    .foreign_key(&mut reference("retry", "tenant_id", "tenant"))
                    .check(one_of("retry", "status", &["QUEUED", "RUNNING", "COMPLETED", "CANCELED"]))
                    .check(not_negative("retry", ["total", "resolved", "failed"]))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("retry").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
