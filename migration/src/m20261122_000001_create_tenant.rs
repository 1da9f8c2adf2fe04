//! Creates `tenant`: the customers of the operator.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{text, text_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{one_of, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("tenant")
                    .col(id())
                    .col(text("slug"))
                    .col(text("name"))
                    .col(text_null("external_id"))
                    .col(text("status"))
                    .col(text_null("status_reason"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .index(&mut unique("tenant", &["slug"]))
                    .index(&mut unique("tenant", &["external_id"]))
                    .check(one_of("tenant", "status", &["ACTIVE", "SUSPENDED"]))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("tenant").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
