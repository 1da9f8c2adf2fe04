//! Creates `portal_key` and `portal_key_tenant`: public keys of portals' servers, and the tenants that their tokens may
//! be for; and `portal_cutoff`, which ends tokens that were signed and not used yet.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{boolean, json_binary, text, uuid, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, one_of, primary_key, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("portal_key")
                    .col(id())
                    .col(uuid_null("tenant_id"))
                    .col(text("name"))
                    .col(text("algorithm"))
                    .col(json_binary("public_key"))
                    .col(text("thumbprint"))
                    .col(json_binary("scopes"))
                    .col(boolean("all_tenants"))
                    .col(text("created_by"))
                    .col(time("created_at"))
                    .col(time_null("expires_at"))
                    .col(time_null("revoked_at"))
                    .foreign_key(&mut reference("portal_key", "tenant_id", "tenant"))
                    .check(one_of("portal_key", "algorithm", &["EDDSA", "ES256", "RS256"]))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("portal_key_tenant")
                    .col(uuid("portal_key_id"))
                    .col(tenant_id())
                    .primary_key(&mut primary_key(&["portal_key_id", "tenant_id"]))
                    .foreign_key(&mut reference("portal_key_tenant", "portal_key_id", "portal_key"))
                    .foreign_key(&mut reference("portal_key_tenant", "tenant_id", "tenant"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("portal_cutoff")
                    .col(tenant_id())
                    .col(text("end_user"))
                    .col(time("ended_at"))
                    .primary_key(&mut primary_key(&["tenant_id", "end_user"]))
                    .foreign_key(&mut reference("portal_cutoff", "tenant_id", "tenant"))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [index("portal_key", &["tenant_id", "id"]), index("portal_key_tenant", &["tenant_id"])],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["portal_cutoff", "portal_key_tenant", "portal_key"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
