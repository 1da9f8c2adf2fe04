//! Creates `contact`: people and teams with a way to reach them, of a tenant or of the operator, who has none.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{integer, text, text_null, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{
    check, create_indexes, index, one_of, reference, tenant_reference, unique_in_tenant,
};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let named = |column: &'static str| Expr::col(column).is_not_null();
        manager
            .create_table(
                Table::create()
                    .table("contact")
                    .col(id())
                    // None for the operator's.
                    .col(uuid_null("tenant_id"))
                    .col(text("kind"))
                    .col(text("name"))
                    .col(text_null("email"))
                    .col(text_null("phone"))
                    .col(text_null("url"))
                    .col(uuid_null("user_id"))
                    .col(text_null("note"))
                    .col(integer("version"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .index(&mut unique_in_tenant("contact"))
                    .foreign_key(&mut reference("contact", "tenant_id", "tenant"))
                    .foreign_key(&mut tenant_reference("contact", "user_id", "user"))
                    .check(one_of("contact", "kind", &["PERSON", "TEAM"]))
                    .check(check("contact", "way", named("email").or(named("phone")).or(named("url"))))
                    .check(check("contact", "version", Expr::col("version").gt(0)))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("contact", &["tenant_id", "name", "id"]),
                // Staff list those of everybody.
                index("contact", &["name", "id"]),
                index("contact", &["user_id"]).and_where(named("user_id")).take(),
            ],
        )
        .await?;
        isolate(manager, "contact", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("contact").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
