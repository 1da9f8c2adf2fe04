//! Creates `job`: work for the workers.
//!
//! Its indexes are for claims and sweeps, which look at jobs of every tenant, so not all begin with the tenant.
//! They are partial, because nearly every job is done.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{boolean, integer, small_integer, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{
    create_indexes, index, not_negative, one_of, tenant_reference, unique, unique_in_tenant,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("job")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("kind"))
                    .col(uuid("subject_id"))
                    .col(text("status"))
                    .col(small_integer("priority"))
                    .col(integer("attempt"))
                    .col(integer("max_attempts"))
                    .col(time("available_at"))
                    .col(time_null("lease_until"))
                    .col(uuid_null("lease_token"))
                    .col(text_null("worker"))
                    .col(boolean("cancel_requested"))
                    .col(time_null("enqueued_at"))
                    .col(text_null("traceparent"))
                    .col(text_null("last_error"))
                    .col(time("created_at"))
                    .col(time_null("finished_at"))
                    .index(&mut unique_in_tenant("job"))
                    .index(&mut unique("job", &["subject_id"]))
                    .foreign_key(&mut tenant_reference("job", "integration_id", "integration"))
                    .foreign_key(&mut tenant_reference("job", "subject_id", "run"))
                    .check(one_of("job", "kind", &["RUN"]))
                    .check(one_of("job", "status", &["QUEUED", "WAITING", "HELD", "RUNNING", "DONE"]))
                    .check(not_negative("job", ["attempt", "max_attempts"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                // At most one running job of an integration.
                index("job", &["integration_id"])
                    .name("uq_job_running")
                    .unique()
                    .and_where(Expr::col("status").eq("RUNNING"))
                    .take(),
                // A claim jumps from tenant to tenant and takes the oldest of each.
                index("job", &["status", "tenant_id", "available_at"])
                    .and_where(Expr::col("status").eq("QUEUED"))
                    .take(),
                index("job", &["lease_until"]).and_where(Expr::col("status").eq("RUNNING")).take(),
                // Spelt with OR: SQLite then takes it for `status = ?` of either value; spelt with IN, for neither.
                index("job", &["integration_id"])
                    .and_where(Expr::col("status").eq("WAITING").or(Expr::col("status").eq("HELD")))
                    .take(),
                index("job", &["tenant_id"]).and_where(Expr::col("status").eq("HELD")).take(),
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("job").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
