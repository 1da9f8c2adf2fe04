//! Creates `audit_chain`: the end of each tenant's audit log, and the key that its entries are authenticated with.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, blob, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{not_negative, reference, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_chain")
                    .col(id())
                    .col(uuid_null("tenant_id"))
                    .col(big_integer("last_number"))
                    .col(blob("last_mac"))
                    .col(blob("sealed_key"))
                    .col(time("created_at"))
                    .index(&mut unique("audit_chain", &["tenant_id"]))
                    .foreign_key(&mut reference("audit_chain", "tenant_id", "tenant"))
                    .check(not_negative("audit_chain", ["last_number"]))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_chain").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
