//! Creates `change`: what transactions changed, kept for an hour, for listeners who were away meanwhile.
//!
//! A row is of one kind, integration and transaction, however many objects it names, so that a page of failures is one.
//! Deliberately absent: foreign keys. A row is written right before its commit and must lock nothing then; what it names was
//! changed in the same transaction, and is read in a scope before anybody sees it.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, integer, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::tenant_id;
use crate::constraints::{create_indexes, index, not_negative, one_of, primary_key};
use crate::isolation::isolate;

const TABLE: &str = "change";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(text("kind"))
                    .col(uuid("id"))
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(integer("object_count"))
                    .col(blob("objects"))
                    // Staff listen to every tenant, and the purge goes by it.
                    .primary_key(&mut primary_key(&["kind", "id"]))
                    .check(one_of(TABLE, "kind", &["RUN", "FAILURE", "FAILURE_GROUP", "HEALTH"]))
                    .check(not_negative(TABLE, ["object_count"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index(TABLE, &["tenant_id", "kind", "id"])]).await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
