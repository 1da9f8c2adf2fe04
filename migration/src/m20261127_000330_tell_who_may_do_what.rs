//! Lets PostgreSQL tell (`NOTIFY trestle_identity`) whenever something changes that says who a bearer is and what they may
//! do, so that a process may remember that for a moment. SQLite is one process, and remembers nothing.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

/// Tables, and which of their changes are told. What only makes something new concerns nobody who is known.
const TOLD: [(&str, &str); 9] = [
    ("session", "UPDATE OF ended_at OR DELETE"),
    ("user", "UPDATE OF name, role, tenant_id, disabled_at, second_factor_at OR DELETE"),
    ("tenant", "UPDATE OF status, slug, external_id OR DELETE"),
    ("api_key", "UPDATE OF name, role, scopes, secret_hash, expires_at, revoked_at OR DELETE"),
    ("api_key_tenant", "INSERT OR UPDATE OR DELETE"),
    ("portal_key", "UPDATE OR DELETE"),
    ("portal_key_tenant", "INSERT OR UPDATE OR DELETE"),
    ("portal_session", "UPDATE OF scopes, ended_at OR DELETE"),
    ("portal_cutoff", "INSERT OR UPDATE"),
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let mut sql = "CREATE FUNCTION tell_identity_changed() RETURNS trigger LANGUAGE plpgsql AS $$ \
                       BEGIN PERFORM pg_notify('trestle_identity', ''); RETURN NULL; END $$;"
            .to_owned();
        for (table, when) in TOLD {
            sql.push_str(&format!(
                "CREATE TRIGGER tr_{table}_identity AFTER {when} ON \"{table}\" FOR EACH STATEMENT \
                 EXECUTE FUNCTION tell_identity_changed();"
            ));
        }
        manager.get_connection().execute_unprepared(&sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let mut sql = String::new();
        for (table, _when) in TOLD {
            sql.push_str(&format!("DROP TRIGGER tr_{table}_identity ON \"{table}\";"));
        }
        sql.push_str("DROP FUNCTION tell_identity_changed()");
        manager.get_connection().execute_unprepared(&sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
