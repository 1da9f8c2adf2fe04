//! Creates `integration_health`: the one status of each integration, with what it is derived from and when it is looked at
//! next. It is beside `integration`, whose rows are wide, because every run that ends writes it.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, boolean, text, uuid, uuid_null};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, one_of, primary_key, tenant_reference};
use crate::isolation::isolate;

const TABLE: &str = "integration_health";

/// One row for each integration, due to be looked at.
const FILL: &str = "\
INSERT INTO integration_health (integration_id, tenant_id, status, severity, since, last_run_id, newest_success_at, \
  watched_from, is_late, target_id, check_at) \
SELECT i.id, i.tenant_id, 'UNKNOWN', 10, i.updated_at, \
  (SELECT r.id FROM run AS r WHERE r.tenant_id = i.tenant_id AND r.integration_id = i.id AND r.scope = 'ALL_RECORDS' \
    AND r.backfill_id IS NULL AND r.reconciliation_id IS NULL AND r.trigger <> 'SYNTHETIC' \
    AND r.status IN ('SUCCEEDED', 'PARTIAL', 'FAILED', 'RECOVERED') ORDER BY r.id DESC LIMIT 1), \
  (SELECT max(r.finished_at) FROM run AS r WHERE r.tenant_id = i.tenant_id AND r.integration_id = i.id \
    AND r.scope = 'ALL_RECORDS' AND r.backfill_id IS NULL AND r.reconciliation_id IS NULL \
    AND r.trigger <> 'SYNTHETIC' AND r.failure_id IS NULL \
    AND (r.status = 'SUCCEEDED' OR r.status IN ('PARTIAL', 'RECOVERED') AND r.failed_count < r.read_count)), \
  i.updated_at, i.id <> i.id, NULL, i.created_at FROM integration AS i";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(uuid("integration_id"))
                    .col(tenant_id())
                    .col(text("status"))
                    .col(big_integer("severity"))
                    .col(time("since"))
                    .col(uuid_null("last_run_id"))
                    .col(time_null("newest_success_at"))
                    .col(time("watched_from"))
                    .col(boolean("is_late"))
                    .col(uuid_null("target_id"))
                    .col(time("check_at"))
                    .primary_key(&mut primary_key(&["integration_id"]))
                    .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
                    .foreign_key(&mut tenant_reference(TABLE, "last_run_id", "run"))
                    .foreign_key(&mut tenant_reference(TABLE, "target_id", "health_target"))
                    .check(one_of(
                        TABLE,
                        "status",
                        &[
                            "HELD",
                            "ACTION_REQUIRED",
                            "FAILING",
                            "STALE",
                            "DEGRADED",
                            "RUNNING",
                            "HEALTHY",
                            "UNKNOWN",
                            "PAUSED",
                            "ARCHIVED",
                        ],
                    ))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index(TABLE, &["tenant_id", "severity", "integration_id"]),
                // Staff list those of every tenant.
                index(TABLE, &["severity", "integration_id"]),
                index(TABLE, &["check_at"]),
            ],
        )
        .await?;
        isolate(manager, TABLE, "tenant_id").await?;
        let connection = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            // The fence also binds the role that owns the tables.
            connection.execute_unprepared("SET LOCAL trestle.tenants = '*'").await?;
        }
        connection.execute_unprepared(FILL).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
