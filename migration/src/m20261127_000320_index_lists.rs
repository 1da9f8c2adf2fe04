//! Gives each list an index that has it in its order, also where it is filtered, and takes away what another index serves.
//!
//! A list is read from one index for each value of a filter and merged (`domain/src/scope/stream.rs`); under an integration
//! or a group without the filter from one for each status. So on PostgreSQL the status comes before the id in their indexes,
//! which then serve both. Failures of a run are mostly few, and read as they are: their index has no status. SQLite reads
//! lists as one, and keeps the indexes that it has for them.
//!
//! Deliberately absent: indexes of every tenant's rows by what staff rarely ask for without naming a tenant (the code of a
//! failure, what started a run, the user of a session). Each would cost every row that is written.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, SimpleExpr};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change(manager, surplus(), missing()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            change(manager, replaced(), replacing()).await?;
            for (table, parents) in PARENTS {
                let sql = format!(
                    "CREATE STATISTICS st_{table}_tenant_id (dependencies) ON tenant_id, {parents} FROM {table}"
                );
                manager.get_connection().execute_unprepared(&sql).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            for (table, _parents) in PARENTS {
                let sql = format!("DROP STATISTICS st_{table}_tenant_id");
                manager.get_connection().execute_unprepared(&sql).await?;
            }
            change(manager, replacing(), replaced()).await?;
        }
        change(manager, missing(), surplus()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Tables whose lists stand under something, by which columns: what that is has one tenant, so both together are no rarer
/// than it alone. Who does not know that takes few rows for fewer, and would rather sort them.
const PARENTS: [(&str, &str); 12] = [
    ("backfill", "integration_id"),
    ("failure", "integration_id, run_id, group_id"),
    ("failure_group_activity", "group_id"),
    ("health_alert", "integration_id"),
    ("health_target", "integration_id"),
    ("quarantine", "integration_id, run_id"),
    ("reconciliation", "integration_id"),
    ("reconciliation_difference", "reconciliation_id"),
    ("run", "integration_id"),
    ("run_event", "run_id"),
    ("run_slice", "run_id"),
    ("synthetic_result", "integration_id"),
];

/// An index, by its table, columns and condition.
type Listed = (&'static str, &'static [&'static str], Option<SimpleExpr>);

/// What the lists lacked.
fn missing() -> Vec<Listed> {
    let rare = |column: &'static str, usual: &'static str| Some(Expr::col(column).ne(usual));
    let operators = || Some(Expr::col("tenant_id").is_null());
    vec![
        ("failure", &["tenant_id", "last_attempt_at", "id"], None),
        ("failure", &["last_attempt_at", "id"], None),
        // A reference is hardly anybody's but one tenant's: those of every tenant are had from it as well.
        ("failure", &["business_reference", "tenant_id", "id"], None),
        ("run", &["tenant_id", "trigger", "id"], None),
        ("run_slice", &["tenant_id", "run_id", "id"], None),
        ("audit_entry", &["principal", "id"], None),
        // Entries of the operator have no tenant, so those of every tenant are not to be had from each tenant's.
        ("audit_entry", &["operation", "id"], None),
        ("audit_entry", &["tenant_id", "operation", "id"], None),
        ("audit_entry", &["outcome", "id"], rare("outcome", "SUCCEEDED")),
        ("audit_entry", &["tenant_id", "outcome", "id"], rare("outcome", "SUCCEEDED")),
        ("notice", &["id"], operators()),
        ("notice_delivery", &["id"], operators()),
        ("notice_delivery", &["status", "id"], rare("status", "DELIVERED")),
        ("notice_delivery", &["tenant_id", "status", "id"], rare("status", "DELIVERED")),
        ("portal_session", &["tenant_id", "end_user", "id"], None),
        ("incident", &["host", "id"], None),
        // Staff name no tenant.
        ("failure_group", &["merged_into_id", "tenant_id"], merged()),
        ("tenant", &["name", "id"], None),
        ("system", &["name", "id"], None),
        ("integration", &["name", "id"], None),
        ("integration", &["tenant_id", "name", "id"], None),
        ("user", &["tenant_id", "email", "id"], None),
    ]
}

/// What nobody asks any more, or a unique constraint has too.
fn surplus() -> Vec<Listed> {
    vec![
        // A failure's time is that of its id, so a span of time is a span of ids.
        ("failure", &["tenant_id", "failed_at", "id"], None),
        ("failure", &["tenant_id", "business_reference", "id"], None),
        ("failure_group", &["tenant_id", "merged_into_id"], merged()),
        ("notice", &["tenant_id", "id"], None),
        ("notice_channel", &["tenant_id", "id"], None),
        ("notice_delivery", &["tenant_id", "id"], None),
        ("notice_policy", &["tenant_id", "id"], None),
    ]
}

fn merged() -> Option<SimpleExpr> {
    Some(Expr::col("merged_into_id").is_not_null())
}

/// On PostgreSQL.
fn replaced() -> Vec<Listed> {
    let is_open = Expr::col("status").is_in(["OPEN", "RETRYING"]);
    vec![
        ("failure", &["tenant_id", "integration_id", "id"], None),
        ("failure", &["tenant_id", "group_id", "id"], None),
        ("failure", &["group_id", "tenant_id"], Some(is_open)),
        ("run", &["tenant_id", "integration_id", "id"], None),
    ]
}

/// By which.
fn replacing() -> Vec<Listed> {
    vec![
        ("failure", &["tenant_id", "integration_id", "status", "id"], None),
        // Whether any of a group is open, too.
        ("failure", &["tenant_id", "group_id", "status", "id"], None),
        ("run", &["tenant_id", "integration_id", "status", "id"], None),
    ]
}

/// Makes some, and takes others away.
async fn change(manager: &SchemaManager<'_>, from: Vec<Listed>, to: Vec<Listed>) -> Result<(), DbErr> {
    for (table, columns, condition) in to {
        let mut statement = index(table, columns);
        if let Some(condition) = condition {
            statement.and_where(condition);
        }
        manager.create_index(statement).await?;
    }
    for (table, columns, _condition) in from {
        let name = format!("ix_{table}_{}", columns.join("_"));
        manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
    }
    Ok(())
}
