//! Creates `invitation`: people who were asked to come, and are no users before they do.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, text, uuid_null};
use sea_orm_migration::sea_query::{Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{check, create_indexes, index, one_of, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("invitation")
                    .col(id())
                    .col(uuid_null("tenant_id"))
                    .col(text("email"))
                    .col(text("name"))
                    .col(text("role"))
                    .col(text("invited_by"))
                    .col(blob("secret_hash"))
                    .col(time("created_at"))
                    .col(time("expires_at"))
                    .col(time_null("accepted_at"))
                    .col(time_null("revoked_at"))
                    .col(uuid_null("user_id"))
                    .foreign_key(&mut reference("invitation", "tenant_id", "tenant"))
                    .foreign_key(&mut reference("invitation", "user_id", "user"))
                    .check(one_of(
                        "invitation",
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
                    // As of users: staff belong to no tenant, everybody else to one.
                    .check(check(
                        "invitation",
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
            .await?;
        let indexes = [
            index("invitation", &["tenant_id", "id"]),
            index("invitation", &["email"]),
            index("invitation", &["invited_by"]),
            index("invitation", &["user_id"]),
        ];
        create_indexes(manager, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("invitation").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
