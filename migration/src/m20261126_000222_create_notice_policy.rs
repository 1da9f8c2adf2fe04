//! Creates `notice_policy`: which occasions are told where, and when.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{boolean, integer, integer_null, json_binary, text, text_null, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of, reference, unique_in_tenant};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("notice_policy")
                    .col(id())
                    // None for the operator's.
                    .col(uuid_null("tenant_id"))
                    .col(text("name"))
                    .col(boolean("is_enabled"))
                    .col(boolean("is_default"))
                    .col(json_binary("selectors"))
                    .col(json_binary("channel_ids"))
                    .col(text("delivery"))
                    .col(integer_null("digest_hour"))
                    .col(text("time_zone"))
                    .col(text_null("quiet_from"))
                    .col(text_null("quiet_until"))
                    .col(json_binary("quiet_override"))
                    .col(integer_null("hourly_max"))
                    .col(time_null("window_from"))
                    .col(integer("window_count"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .index(&mut unique_in_tenant("notice_policy"))
                    .foreign_key(&mut reference("notice_policy", "tenant_id", "tenant"))
                    .check(one_of("notice_policy", "delivery", &["INSTANT", "HOURLY", "DAILY"]))
                    .check(not_negative("notice_policy", ["window_count"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("notice_policy", &["tenant_id", "id"])]).await?;
        isolate(manager, "notice_policy", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("notice_policy").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
