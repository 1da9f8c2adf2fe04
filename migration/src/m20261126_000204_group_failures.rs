//! Makes groups of the failures that are there: one for each integration, stream and code, since what tells them apart any
//! further was not kept. Whoever changes one of these failures meanwhile waits; what is new does not.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        see_everything(manager).await?;
        let connection = manager.get_connection();
        let (first_id, hour) = match manager.get_database_backend() {
            DatabaseBackend::Postgres => {
                ("(array_agg(id ORDER BY id))[1]", "date_trunc('hour', max(failed_at), 'UTC')")
            }
            _ => ("min(id)", "strftime('%Y-%m-%dT%H:00:00+00:00', max(failed_at))"),
        };
        // Which are over stays to be seen by the sweep.
        let group = format!(
            "INSERT INTO failure_group (id, tenant_id, integration_id, stream, code, fingerprint, category, stage, status, \
                 responsible_party, first_seen_at, last_seen_at, failure_count, run_count, hour_at, hour_count, \
                 hour_limit, status_at) \
             SELECT {first_id}, tenant_id, integration_id, coalesce(stream, ''), code, '', max(category), max(stage), \
                 'ONGOING', max(responsible_party), min(failed_at), max(failed_at), count(*), count(DISTINCT run_id), \
                 {hour}, 0, 0, max(failed_at) \
             FROM failure GROUP BY tenant_id, integration_id, coalesce(stream, ''), code"
        );
        connection.execute_unprepared(&group).await?;
        let point = "UPDATE failure SET group_id = (SELECT g.id FROM failure_group AS g \
             WHERE g.tenant_id = failure.tenant_id AND g.integration_id = failure.integration_id \
             AND g.stream = coalesce(failure.stream, '') AND g.code = failure.code AND g.fingerprint = '')";
        connection.execute_unprepared(point).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        see_everything(manager).await?;
        let connection = manager.get_connection();
        connection.execute_unprepared("UPDATE failure SET group_id = NULL").await?;
        for table in ["failure_group_activity", "failure_group_hour", "failure_group"] {
            connection.execute_unprepared(&format!("DELETE FROM {table}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// The fence also binds the role that owns the tables.
async fn see_everything(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Postgres {
        manager.get_connection().execute_unprepared("SET LOCAL trestle.tenants = '*'").await?;
    }
    Ok(())
}
