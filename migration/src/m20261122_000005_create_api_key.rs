//! Creates `api_key`: what partners' programs hold.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, json_binary, text, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{one_of, reference, unique, unique_in_tenant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("api_key")
                    .col(id())
                    .col(uuid_null("tenant_id"))
                    .col(text("name"))
                    .col(text("prefix"))
                    .col(blob("secret_hash"))
                    .col(text("role"))
                    .col(json_binary("scopes"))
                    .col(text("created_by"))
                    .col(time("created_at"))
                    .col(time_null("expires_at"))
                    .col(time_null("last_used_at"))
                    .col(time_null("revoked_at"))
                    .index(&mut unique("api_key", &["prefix"]))
                    .index(&mut unique_in_tenant("api_key"))
                    .foreign_key(&mut reference("api_key", "tenant_id", "tenant"))
                    .check(one_of(
                        "api_key",
                        "role",
                        &[
                            "PLATFORM_ADMIN",
                            "ENGINEER",
                            "SUPPORT",
                            "TENANT_ADMIN",
                            "TENANT_MEMBER",
                            "TENANT_VIEWER",
                            "PARTNER",
                            "PORTAL",
                        ],
                    ))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("api_key").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
