//! Creates `sla_clock`: how long groups of failures waited for the operator, against what was promised.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, integer, text, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of, tenant_reference, unique};
use crate::isolation::isolate;

const TABLE: &str = "sla_clock";
const ENDS: [&str; 8] =
    ["ACKNOWLEDGED", "HANDED_OVER", "COMMENTED", "RETRIED", "SNOOZED", "RESOLVED", "IGNORED", "MERGED"];

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
                    .col(integer("episode"))
                    .col(text("kind"))
                    .col(time("started_at"))
                    .col(big_integer("target_ms"))
                    .col(big_integer("warn_ms"))
                    .col(big_integer("spent_ms"))
                    .col(time_null("running_since"))
                    .col(time_null("due_at"))
                    .col(time_null("warned_at"))
                    .col(text_null("outcome"))
                    .col(time_null("ended_at"))
                    .col(text_null("ended_by"))
                    .index(&mut unique(TABLE, &["group_id", "episode", "kind"]))
                    .foreign_key(&mut tenant_reference(TABLE, "group_id", "failure_group"))
                    .check(one_of(TABLE, "kind", &["RESPONSE", "RESOLUTION"]))
                    .check(one_of(TABLE, "outcome", &["MET", "BREACHED"]))
                    .check(one_of(TABLE, "ended_by", &ENDS))
                    .check(not_negative(TABLE, ["episode", "target_ms", "warn_ms", "spent_ms"]))
                    .to_owned(),
            )
            .await?;
        // What a report is over.
        create_indexes(manager, [index(TABLE, &["tenant_id", "started_at"]), index(TABLE, &["started_at"])])
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
