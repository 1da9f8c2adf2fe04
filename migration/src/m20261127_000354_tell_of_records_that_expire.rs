//! Lets an `occasion` be that records of failures will be deleted.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, text, text_null, uuid_null};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{create_indexes, index, one_of, reference, tenant_reference};

const TABLE: &str = "occasion";
const COLUMNS: &str = "id, tenant_id, kind, integration_id, run_id, group_id, failure_id, incident_id, system_id, code, at, \
                       detail, noticed_at";
/// The last one is new.
const KINDS: [&str; 25] = [
    "GROUP_NEW",
    "GROUP_REGRESSED",
    "GROUP_ESCALATING",
    "GROUP_RESOLVED",
    "RUN_FAILED",
    "RUN_PARTIAL",
    "RECOVERED",
    "LATE",
    "HELD",
    "RESUMED",
    "REAUTH_REQUIRED",
    "REAUTHORIZED",
    "VOLUME_ANOMALY",
    "HEALTH_ALERT",
    "HEALTH_RESTORED",
    "ESCALATED",
    "SLA_WARNING",
    "SLA_BREACHED",
    "INCIDENT_OPENED",
    "INCIDENT_UPDATED",
    "INCIDENT_RESOLVED",
    "CHANNEL_DISABLED",
    "SYNTHETIC_FAILED",
    "SYNTHETIC_PASSED",
    "RECORDS_EXPIRING",
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        set_kinds(manager, &KINDS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "DELETE FROM occasion WHERE kind = 'RECORDS_EXPIRING'";
        manager.get_connection().execute_unprepared(sql).await?;
        set_kinds(manager, &KINDS[..24]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn set_kinds(manager: &SchemaManager<'_>, kinds: &[&'static str]) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Postgres {
        let quoted: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
        let sql = format!(
            "ALTER TABLE {TABLE} DROP CONSTRAINT ck_{TABLE}_kind, \
             ADD CONSTRAINT ck_{TABLE}_kind CHECK (kind IN ({}))",
            quoted.join(", ")
        );
        manager.get_connection().execute_unprepared(&sql).await?;
        return Ok(());
    }
    make_again(manager, kinds).await
}

/// SQLite changes no check of a table that is there: <https://www.sqlite.org/lang_altertable.html#otheralter>.
async fn make_again(manager: &SchemaManager<'_>, kinds: &[&'static str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    connection.execute_unprepared(&format!("ALTER TABLE {TABLE} RENAME TO {TABLE}_before")).await?;
    manager
        .create_table(
            Table::create()
                .table(TABLE)
                .col(id())
                .col(uuid_null("tenant_id"))
                .col(text("kind"))
                .col(uuid_null("integration_id"))
                .col(uuid_null("run_id"))
                .col(uuid_null("group_id"))
                .col(uuid_null("failure_id"))
                .col(uuid_null("incident_id"))
                .col(uuid_null("system_id"))
                .col(text_null("code"))
                .col(time("at"))
                .col(json_binary("detail"))
                .col(time_null("noticed_at"))
                .foreign_key(&mut reference(TABLE, "tenant_id", "tenant"))
                .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
                .foreign_key(&mut tenant_reference(TABLE, "run_id", "run"))
                .foreign_key(&mut tenant_reference(TABLE, "failure_id", "failure"))
                .check(one_of(TABLE, "kind", kinds))
                .to_owned(),
        )
        .await?;
    let copy = format!("INSERT INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM {TABLE}_before");
    connection.execute_unprepared(&copy).await?;
    // With its indexes, whose names are taken until then.
    connection.execute_unprepared(&format!("DROP TABLE {TABLE}_before")).await?;
    let with =
        |column: &'static str| index(TABLE, &[column]).and_where(Expr::col(column).is_not_null()).take();
    create_indexes(
        manager,
        [
            index(TABLE, &["id"])
                .name("ix_occasion_waiting")
                .and_where(Expr::col("noticed_at").is_null())
                .take(),
            index(TABLE, &["noticed_at"]),
            with("run_id"),
            with("failure_id"),
        ],
    )
    .await
}
