//! Creates `user`: people who sign in. The roles of keys and portal sessions are not theirs.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{text, uuid_null};
use sea_orm_migration::sea_query::{Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{check, one_of, reference, unique, unique_in_tenant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("user")
                    .col(id())
                    .col(uuid_null("tenant_id"))
                    .col(text("email"))
                    .col(text("name"))
                    .col(text("role"))
                    .col(text("password_hash"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .col(time_null("disabled_at"))
                    .index(&mut unique("user", &["email"]))
                    .index(&mut unique_in_tenant("user"))
                    .foreign_key(&mut reference("user", "tenant_id", "tenant"))
                    .check(one_of(
                        "user",
                        "role",
                        &[
                            "PLATFORM_ADMIN",
                            "ENGINEER",
                            "SUPPORT",
                            "TENANT_ADMIN",
                            "TENANT_MEMBER",
                            "TENANT_VIEWER",
                        ],
                    ))
                    // Staff belong to no tenant, everybody else to one.
                    .check(check(
                        "user",
                        "tenant_id",
                        Expr::col("role")
                            .is_in(["PLATFORM_ADMIN", "ENGINEER", "SUPPORT"])
                            .and(Expr::col("tenant_id").is_null())
                            .or(Expr::col("role")
                                .is_in(["TENANT_ADMIN", "TENANT_MEMBER", "TENANT_VIEWER"])
                                .and(Expr::col("tenant_id").is_not_null())),
                    ))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("user").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
