//! Creates `failure_group_activity`: what was done with groups of failures, and what people say about them.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{boolean, text, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{create_indexes, index, one_of, tenant_reference};
use crate::isolation::isolate;

const TABLE: &str = "failure_group_activity";
const STATUSES: [&str; 8] =
    ["NEW", "ONGOING", "ESCALATING", "ACKNOWLEDGED", "SNOOZED", "RESOLVED", "REGRESSED", "IGNORED"];
const PARTIES: [&str; 4] = ["CUSTOMER", "SUPPORT", "ENGINEERING", "THIRD_PARTY"];

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
                    .col(uuid("group_id"))
                    .col(time("at"))
                    .col(text("kind"))
                    .col(text("audience"))
                    .col(text_null("actor_name"))
                    .col(boolean("is_by_staff"))
                    .col(text_null("from_status"))
                    .col(text_null("to_status"))
                    .col(text_null("from_party"))
                    .col(text_null("to_party"))
                    .col(text_null("note"))
                    .col(text_null("assignee_name"))
                    .col(text_null("rule_name"))
                    .foreign_key(&mut tenant_reference(TABLE, "group_id", "failure_group"))
                    .check(one_of(TABLE, "kind", &["STATUS", "HAND_OVER", "MERGE", "COMMENT", "ASSIGN"]))
                    .check(one_of(TABLE, "audience", &["CUSTOMER", "SUPPORT", "ENGINEER"]))
                    .check(one_of(TABLE, "from_status", &STATUSES))
                    .check(one_of(TABLE, "to_status", &STATUSES))
                    .check(one_of(TABLE, "from_party", &PARTIES))
                    .check(one_of(TABLE, "to_party", &PARTIES))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index(TABLE, &["tenant_id", "group_id", "id"])]).await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
