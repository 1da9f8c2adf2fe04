//! Creates `incident_entry`: the timeline of an incident.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{boolean, text, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{create_indexes, index, one_of, reference};
use crate::isolation::isolate_by_member;

const TABLE: &str = "incident_entry";
const KINDS: [&str; 8] =
    ["DETECTED", "AFFECTED", "STATUS", "PUBLIC_MESSAGE", "NOTE", "PROBE", "RECOVERED", "POSTMORTEM"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statuses = ["INVESTIGATING", "IDENTIFIED", "MONITORING", "RESOLVED"];
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    .col(uuid("incident_id"))
                    .col(time("at"))
                    .col(text("kind"))
                    .col(text_null("status"))
                    .col(text_null("text"))
                    .col(text_null("actor_name"))
                    .col(boolean("is_public"))
                    .foreign_key(&mut reference(TABLE, "incident_id", "incident"))
                    .check(one_of(TABLE, "kind", &KINDS))
                    .check(one_of(TABLE, "status", &statuses))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index(TABLE, &["incident_id", "id"])]).await?;
        isolate_by_member(manager, TABLE, "incident_id", "incident_system", "incident_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
