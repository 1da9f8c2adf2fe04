//! Creates `system_grant`: the access to a system that its OAuth 2.0 server gave, and who renews it.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{
    big_integer, binary, binary_null, json_binary_null, text, text_null, uuid, uuid_null,
};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{one_of, tenant_reference, unique};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("system_grant")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("system_id"))
                    .col(binary("client_hash"))
                    .col(text("status"))
                    .col(text_null("end_reason"))
                    .col(binary_null("sealed_tokens"))
                    .col(json_binary_null("scopes"))
                    .col(big_integer("version"))
                    .col(time("connected_at"))
                    .col(time_null("renewed_at"))
                    .col(time_null("renew_at"))
                    .col(time_null("expires_at"))
                    .col(uuid_null("lease_token"))
                    .col(time_null("lease_until"))
                    .index(&mut unique("system_grant", &["tenant_id", "system_id"]))
                    .foreign_key(&mut tenant_reference("system_grant", "system_id", "system"))
                    .check(one_of("system_grant", "status", &["ACTIVE", "ENDED"]))
                    .check(one_of("system_grant", "end_reason", &["REFUSED", "LOST", "EXPIRED"]))
                    .to_owned(),
            )
            .await?;
        isolate(manager, "system_grant", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("system_grant").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
