//! Creates `escalation_policy`: what happens when nobody takes up a group of failures, and by when somebody is to.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, integer, json_binary, text, uuid_null,
};
use sea_orm_migration::sea_query::{Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{check, create_indexes, index, not_negative, reference};
use crate::isolation::isolate;

const TABLE: &str = "escalation_policy";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let positive = |column: &'static str| Expr::col(column).is_null().or(Expr::col(column).gt(0));
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    // None for the operator's.
                    .col(uuid_null("tenant_id"))
                    .col(big_integer("position"))
                    .col(text("name"))
                    .col(boolean("is_enabled"))
                    .col(boolean("is_default"))
                    .col(json_binary("selectors"))
                    .col(json_binary("steps"))
                    .col(big_integer_null("respond_within_seconds"))
                    .col(big_integer_null("resolve_within_seconds"))
                    .col(integer("warn_percent"))
                    .col(integer("version"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .foreign_key(&mut reference(TABLE, "tenant_id", "tenant"))
                    .check(check(TABLE, "respond_within", positive("respond_within_seconds")))
                    .check(check(TABLE, "resolve_within", positive("resolve_within_seconds")))
                    .check(check(TABLE, "warn_percent", Expr::col("warn_percent").between(1, 100)))
                    .check(check(TABLE, "version", Expr::col("version").gt(0)))
                    .check(not_negative(TABLE, ["position"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index(TABLE, &["position", "id"])]).await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
