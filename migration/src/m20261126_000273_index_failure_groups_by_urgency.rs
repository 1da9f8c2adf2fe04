//! Indexes groups in the order of their urgency, for lists, and those that somebody should act on once more by who that is,
//! for inboxes: by one party, and for whoever has several by none.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

const TABLE: &str = "failure_group";
/// Those that wait, whoever is to act: `IN` several parties has no order of its own.
const WAITING: &str = "ix_failure_group_waiting_urgency_id";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // As `domain::inbox` says it: SQLite compares the texts.
        let waits = || Expr::col("status").is_not_in(["RESOLVED", "IGNORED", "SNOOZED"]);
        create_indexes(
            manager,
            [
                index(TABLE, &["tenant_id", "urgency", "id"]),
                // Staff list those of every tenant.
                index(TABLE, &["urgency", "id"]),
                index(TABLE, &["urgency", "id"]).name(WAITING).and_where(waits()).take(),
                // Of two that cost alike, as in a table that was never analysed, PostgreSQL takes the newer one.
                index(TABLE, &["responsible_party", "urgency", "id"]).and_where(waits()).take(),
                index(TABLE, &["tenant_id", "responsible_party", "urgency", "id"]).and_where(waits()).take(),
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for columns in [
            "responsible_party_urgency_id",
            "tenant_id_responsible_party_urgency_id",
            "urgency_id",
            "tenant_id_urgency_id",
        ] {
            let name = format!("ix_{TABLE}_{columns}");
            manager.drop_index(Index::drop().name(name).table(TABLE).to_owned()).await?;
        }
        manager.drop_index(Index::drop().name(WAITING).table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
