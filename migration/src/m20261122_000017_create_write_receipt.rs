//! Creates `write_receipt`: the ledger of what was written.
//!
//! It has a row for each record, and no foreign key: PostgreSQL would look the integration up for each of them, which
//! takes longer than storing them. The one statement that stores receipts looks it up once a page. Receipts outlive
//! their runs.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, text, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time};
use crate::constraints::{one_of, primary_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("write_receipt")
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(text("source_key"))
                    .col(text_null("destination_key"))
                    .col(blob("payload_hash"))
                    .col(text("action"))
                    .col(uuid("run_id"))
                    .col(time("written_at"))
                    .primary_key(&mut primary_key(&["tenant_id", "integration_id", "stream", "source_key"]))
                    .check(one_of("write_receipt", "action", &["CREATED", "UPDATED", "UNCHANGED"]))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("write_receipt").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
