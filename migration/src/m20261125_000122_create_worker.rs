//! Creates `worker`: what each worker process last said of itself, so that somebody notices when none of them claims.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{integer, text};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::not_negative;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("worker")
                    .col(id())
                    .col(text("name"))
                    .col(integer("slots"))
                    .col(integer("busy"))
                    .col(time("started_at"))
                    .col(time("seen_at"))
                    .col(time_null("claimed_at"))
                    .check(not_negative("worker", ["slots", "busy"]))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("worker").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
