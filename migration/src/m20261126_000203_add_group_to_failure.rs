//! Adds to `failure` the group of its cause, and makes groups of the failures that are there: one for each integration,
//! stream and code, since what tells them apart any further was not kept. No foreign key: SQLite adds none to a table that
//! is there, and groups are not deleted.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::uuid_null;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = uuid_null("group_id");
        manager.alter_table(Table::alter().table("failure").add_column(column).to_owned()).await?;
        let connection = manager.get_connection();
        let (first_id, hour) = match manager.get_database_backend() {
            DatabaseBackend::Postgres => {
                // The fence also binds the role that owns the tables.
                connection.execute_unprepared("SET LOCAL trestle.tenants = '*'").await?;
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
        let is_open = Expr::col("status").is_in(["OPEN", "RETRYING"]);
        create_indexes(
            manager,
            [
                index("failure", &["tenant_id", "group_id", "id"]),
                // By the group first: it is for questions about a group alone, and must not look good for others.
                index("failure", &["group_id", "tenant_id"]).and_where(is_open).take(),
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["ix_failure_group_id_tenant_id", "ix_failure_tenant_id_group_id_id"] {
            manager.drop_index(Index::drop().name(name).table("failure").to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("failure").drop_column("group_id").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
