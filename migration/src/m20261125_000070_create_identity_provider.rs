//! Creates `identity_provider`: where staff, or the people of a tenant, sign in by OpenID Connect.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob_null, boolean, json_binary, text, text_null, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{create_indexes, index, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("identity_provider")
                    .col(id())
                    .col(uuid_null("tenant_id"))
                    .col(text("name"))
                    .col(text("issuer"))
                    .col(text("client_id"))
                    .col(blob_null("sealed_client_secret"))
                    .col(json_binary("redirect_uris"))
                    .col(text_null("role_claim"))
                    .col(json_binary("role_mapping"))
                    .col(text_null("default_role"))
                    .col(boolean("creates_users"))
                    .col(boolean("trusts_email"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .foreign_key(&mut reference("identity_provider", "tenant_id", "tenant"))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("identity_provider", &["tenant_id", "id"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("identity_provider").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
