//! Creates `ownership_rule`: who gets a group of failures, by its code, connector, stream and tenant. Only the operator's,
//! which have no tenant, name a party.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, integer, json_binary, text, text_null, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{
    check, create_indexes, index, not_negative, one_of, reference, tenant_reference, unique_in_tenant,
};
use crate::isolation::isolate;

const TABLE: &str = "ownership_rule";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let named = |column: &'static str| Expr::col(column).is_not_null();
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    // None for the operator's.
                    .col(uuid_null("tenant_id"))
                    .col(big_integer("position"))
                    .col(text("name"))
                    .col(json_binary("selectors"))
                    .col(text_null("responsible_party"))
                    .col(uuid_null("contact_id"))
                    .col(integer("version"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .index(&mut unique_in_tenant(TABLE))
                    .foreign_key(&mut reference(TABLE, "tenant_id", "tenant"))
                    .foreign_key(&mut tenant_reference(TABLE, "contact_id", "contact"))
                    .check(one_of(
                        TABLE,
                        "responsible_party",
                        &["CUSTOMER", "SUPPORT", "ENGINEERING", "THIRD_PARTY"],
                    ))
                    .check(check(TABLE, "result", named("responsible_party").or(named("contact_id"))))
                    .check(check(
                        TABLE,
                        "party_of_operator",
                        Expr::col("tenant_id").is_null().or(Expr::col("responsible_party").is_null()),
                    ))
                    .check(check(TABLE, "version", Expr::col("version").gt(0)))
                    .check(not_negative(TABLE, ["position"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index(TABLE, &["tenant_id", "position", "id"]),
                // Staff list those of everybody.
                index(TABLE, &["position", "id"]),
                index(TABLE, &["contact_id"]).and_where(named("contact_id")).take(),
            ],
        )
        .await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
