//! Creates `failure_group_hour`: how many failures groups had in each hour.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, uuid};
use sea_orm_migration::sea_query::{Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time};
use crate::constraints::{check, create_indexes, index, primary_key, tenant_reference};
use crate::isolation::isolate;

const TABLE: &str = "failure_group_hour";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(tenant_id())
                    .col(uuid("group_id"))
                    .col(time("hour_at"))
                    .col(big_integer("failure_count"))
                    .primary_key(&mut primary_key(&["tenant_id", "group_id", "hour_at"]))
                    .foreign_key(&mut tenant_reference(TABLE, "group_id", "failure_group"))
                    .check(check(TABLE, "failure_count", Expr::col("failure_count").gt(0)))
                    .to_owned(),
            )
            .await?;
        // What is old goes.
        create_indexes(manager, [index(TABLE, &["hour_at"])]).await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
