//! Creates `mail`: what is to be sent, written together with the change that it tells of.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, blob_null, text, text_null, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("mail")
                    .col(id())
                    .col(text("kind"))
                    .col(uuid_null("subject_id"))
                    .col(text("status"))
                    .col(blob_null("sealed_letter"))
                    .col(big_integer("attempt_count"))
                    .col(time("available_at"))
                    .col(time("expires_at"))
                    .col(time("created_at"))
                    .col(time_null("finished_at"))
                    .col(text_null("last_error"))
                    .check(one_of(
                        "mail",
                        "kind",
                        &["INVITATION", "PASSWORD_RESET", "EMAIL_CONFIRMATION", "NOTICE"],
                    ))
                    .check(one_of("mail", "status", &["QUEUED", "SENT", "GIVEN_UP"]))
                    .check(not_negative("mail", ["attempt_count"]))
                    .to_owned(),
            )
            .await?;
        let indexes = [
            index("mail", &["status", "available_at"]),
            index("mail", &["subject_id"]),
            index("mail", &["created_at"]),
        ];
        create_indexes(manager, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("mail").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
