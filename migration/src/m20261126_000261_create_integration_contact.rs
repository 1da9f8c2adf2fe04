//! Creates `integration_contact`: who is what for an integration. By its id alone a row refers to a contact, which may be
//! the operator's.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id};
use crate::constraints::{create_indexes, index, one_of, reference, tenant_reference, unique};
use crate::isolation::isolate;

const TABLE: &str = "integration_contact";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("role"))
                    .col(uuid("contact_id"))
                    .index(&mut unique(TABLE, &["tenant_id", "integration_id", "role"]))
                    .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
                    .foreign_key(&mut reference(TABLE, "contact_id", "contact"))
                    .check(one_of(TABLE, "role", &["INTEGRATION_OWNER", "DATA_STEWARD", "BUSINESS_SPONSOR"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index(TABLE, &["contact_id"]), index(TABLE, &["integration_id"])]).await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
