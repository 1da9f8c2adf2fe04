//! Says of the groups that are there how urgent they are, as if all of their failures had come with the last one, whose
//! impact is that of everything without rules. In millionths: the days since 1970, 10 for the impact, and how often the
//! number of failures can be halved.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

/// More failures than 2 to the power of this make no difference.
const HALVINGS_MAX: u32 = 40;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let seconds = match manager.get_database_backend() {
            DatabaseBackend::Postgres => {
                // The fence also binds the role that owns the tables.
                connection.execute_unprepared("SET LOCAL trestle.tenants = '*'").await?;
                "CAST(floor(extract(epoch FROM last_seen_at)) AS bigint)"
            }
            _ => "CAST(strftime('%s', last_seen_at) AS integer)",
        };
        let halvings: String = (1..=HALVINGS_MAX)
            .map(|power| format!(" + CASE WHEN failure_count >= {} THEN 1000000 ELSE 0 END", 1_u64 << power))
            .collect();
        let fill = format!(
            "UPDATE failure_group SET urgency = {seconds} * 1000000 / 86400 + 10000000{halvings} \
             WHERE failure_count > 0"
        );
        connection.execute_unprepared(&fill).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            connection.execute_unprepared("SET LOCAL trestle.tenants = '*'").await?;
        }
        connection.execute_unprepared("UPDATE failure_group SET urgency = 0").await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
