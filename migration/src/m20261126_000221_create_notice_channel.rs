//! Creates `notice_channel`: where notices of a tenant, or of the operator, go to.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{binary_null, boolean, json_binary, text, text_null, uuid_null};
use sea_orm_migration::sea_query::{Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{check, create_indexes, index, one_of, reference, unique_in_tenant};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("notice_channel")
                    .col(id())
                    // None for the operator's.
                    .col(uuid_null("tenant_id"))
                    .col(text("name"))
                    .col(text("kind"))
                    .col(text("status"))
                    .col(text_null("status_reason"))
                    .col(text_null("url"))
                    .col(binary_null("sealed_secret"))
                    .col(time_null("previous_secret_until"))
                    .col(json_binary("addresses"))
                    .col(boolean("to_admins"))
                    .col(boolean("is_default"))
                    .col(time_null("failing_since"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .index(&mut unique_in_tenant("notice_channel"))
                    .foreign_key(&mut reference("notice_channel", "tenant_id", "tenant"))
                    .check(one_of("notice_channel", "kind", &["WEBHOOK", "EMAIL", "SLACK"]))
                    .check(one_of("notice_channel", "status", &["ACTIVE", "DISABLED"]))
                    .check(check(
                        "notice_channel",
                        "secret",
                        Expr::col("kind")
                            .eq("EMAIL")
                            .and(Expr::col("sealed_secret").is_null())
                            .or(Expr::col("kind").ne("EMAIL").and(Expr::col("sealed_secret").is_not_null())),
                    ))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("notice_channel", &["tenant_id", "id"])]).await?;
        isolate(manager, "notice_channel", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("notice_channel").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
