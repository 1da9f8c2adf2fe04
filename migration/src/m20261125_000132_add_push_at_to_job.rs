//! Gives `job` the time at which a sweep pushes it, in place of the one at which it was last pushed, and indexes by which a
//! sweep finds what it is for, however much is queued. What is queued while this is migrated is pushed once more.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{time, time_null};
use crate::constraints::{create_indexes, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Longer ago than anything.
const EPOCH: &str = "1970-01-01T00:00:00+00:00";
/// The index on running jobs is older than `uq_job_begun`, which says more. Claims find queued jobs by `ix_job_turn`.
const SUPERSEDED: [&str; 2] = ["uq_job_running", "ix_job_status_tenant_id_available_at"];
const PUSH: &str = "ix_job_push_at_id";
const QUEUED: &str = "ix_job_queued";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let push_at = time("push_at").default(EPOCH).take();
        manager.alter_table(Table::alter().table("job").add_column(push_at).to_owned()).await?;
        manager.alter_table(Table::alter().table("job").drop_column("enqueued_at").to_owned()).await?;
        for name in SUPERSEDED {
            drop_index(manager, name).await?;
        }
        let is_queued = || Expr::col("status").eq("QUEUED");
        let push = index("job", &["push_at", "id"]).and_where(is_queued()).take();
        let queued = index("job", &["integration_id"]).name(QUEUED).and_where(is_queued()).take();
        create_indexes(manager, [push, queued]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in [PUSH, QUEUED] {
            drop_index(manager, name).await?;
        }
        let is = |status| Expr::col("status").eq(status);
        create_indexes(
            manager,
            [
                index("job", &["integration_id"])
                    .name("uq_job_running")
                    .unique()
                    .and_where(is("RUNNING"))
                    .take(),
                index("job", &["status", "tenant_id", "available_at"]).and_where(is("QUEUED")).take(),
            ],
        )
        .await?;
        let enqueued_at = time_null("enqueued_at");
        manager.alter_table(Table::alter().table("job").add_column(enqueued_at).to_owned()).await?;
        manager.alter_table(Table::alter().table("job").drop_column("push_at").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn drop_index(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table("job").to_owned()).await
}
