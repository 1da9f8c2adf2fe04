//! Adds to `system` its circuit breaker: whether runs may use it, and since when and until when not. In its own row, which
//! a claim reads anyhow.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{integer, text, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::time_null;
use crate::constraints::one_of;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [
            text("circuit_state")
                .default("CLOSED")
                .check(one_of("system", "circuit_state", &["CLOSED", "OPEN", "HALF_OPEN"]))
                .take(),
            integer("circuit_failure_count").default(0).take(),
            integer("circuit_opening_count").default(0).take(),
            time_null("circuit_since"),
            time_null("circuit_until"),
            time_null("circuit_slot_at"),
            uuid_null("circuit_probe_job_id"),
        ] {
            manager.alter_table(Table::alter().table("system").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            "circuit_probe_job_id",
            "circuit_slot_at",
            "circuit_until",
            "circuit_since",
            "circuit_opening_count",
            "circuit_failure_count",
            "circuit_state",
        ] {
            manager.alter_table(Table::alter().table("system").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
