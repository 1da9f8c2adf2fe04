//! Creates `system`: tenants' access to outside systems.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob_null, json_binary, text, text_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{one_of, reference, unique, unique_in_tenant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("system")
                    .col(id())
                    .col(tenant_id())
                    .col(text("name"))
                    .col(text("connector"))
                    .col(json_binary("config"))
                    .col(blob_null("credentials"))
                    .col(text("status"))
                    .col(text_null("status_message"))
                    .col(time_null("last_tested_at"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .index(&mut unique_in_tenant("system"))
                    .index(&mut unique("system", &["tenant_id", "name"]))
                    .foreign_key(&mut reference("system", "tenant_id", "tenant"))
                    .check(one_of("system", "status", &["UNTESTED", "HEALTHY", "FAILING", "REAUTH_REQUIRED"]))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("system").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
