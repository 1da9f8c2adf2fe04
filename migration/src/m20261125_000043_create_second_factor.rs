//! Creates `second_factor`: the secret that a person's authenticator app shares with us.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer_null, blob, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{time, time_null};
use crate::constraints::reference;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("second_factor")
                    .col(uuid("user_id").primary_key())
                    .col(blob("sealed_secret"))
                    .col(time("created_at"))
                    .col(time_null("confirmed_at"))
                    .col(big_integer_null("last_step"))
                    .foreign_key(&mut reference("second_factor", "user_id", "user"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("second_factor").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
