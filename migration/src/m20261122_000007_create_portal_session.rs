//! Creates `portal_session`: end users' sessions in portals.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, text};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{reference, unique_in_tenant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("portal_session")
                    .col(id())
                    .col(tenant_id())
                    .col(text("end_user"))
                    .col(json_binary("scopes"))
                    .col(text("created_by"))
                    .col(time("created_at"))
                    .col(time("expires_at"))
                    .col(time_null("ended_at"))
                    .index(&mut unique_in_tenant("portal_session"))
                    .foreign_key(&mut reference("portal_session", "tenant_id", "tenant"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("portal_session").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
