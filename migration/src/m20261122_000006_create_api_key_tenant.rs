//! Creates `api_key_tenant`: the tenants that an API key may touch.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::uuid;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::tenant_id;
use crate::constraints::{create_indexes, index, primary_key, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("api_key_tenant")
                    .col(uuid("api_key_id"))
                    .col(tenant_id())
                    .primary_key(&mut primary_key(&["api_key_id", "tenant_id"]))
                    .foreign_key(&mut reference("api_key_tenant", "api_key_id", "api_key"))
                    .foreign_key(&mut reference("api_key_tenant", "tenant_id", "tenant"))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("api_key_tenant", &["tenant_id"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("api_key_tenant").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
