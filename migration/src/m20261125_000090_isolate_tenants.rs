//! Row-level security on every table that has a tenant, and on what belongs to a user, sessions and their refresh tokens
//! for example, which is seen with the user. Deliberately without: `data_key`, `idempotency_key`, `mail`,
//! `sign_in_attempt` and `signing_key`, which are no tenant's.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::isolation::{isolate, isolate_as_parent, open};

/// Tables, and the column that names the tenant.
const TENANT_TABLES: [(&str, &str); 23] = [
    ("tenant", "id"),
    ("user", "tenant_id"),
    ("api_key", "tenant_id"),
    ("api_key_tenant", "tenant_id"),
    ("portal_session", "tenant_id"),
    ("system", "tenant_id"),
    ("integration", "tenant_id"),
    ("retry", "tenant_id"),
    ("run", "tenant_id"),
    ("failure", "tenant_id"),
    ("run_event", "tenant_id"),
    ("run_stream", "tenant_id"),
    ("stream_cursor", "tenant_id"),
    ("write_receipt", "tenant_id"),
    ("job", "tenant_id"),
    ("audit_chain", "tenant_id"),
    ("audit_entry", "tenant_id"),
    ("reveal", "tenant_id"),
    ("invitation", "tenant_id"),
    ("identity_provider", "tenant_id"),
    ("portal_key", "tenant_id"),
    ("portal_key_tenant", "tenant_id"),
    ("portal_cutoff", "tenant_id"),
];
/// Tables, the column that refers to a parent, and the parent.
const CHILD_TABLES: [(&str, &str, &str); 7] = [
    ("session", "user_id", "user"),
    ("refresh_token", "session_id", "session"),
    ("user_token", "user_id", "user"),
    ("second_factor", "user_id", "user"),
    ("recovery_code", "user_id", "user"),
    ("external_identity", "user_id", "user"),
    ("sign_on_attempt", "provider_id", "identity_provider"),
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in TENANT_TABLES {
            isolate(manager, table, column).await?;
        }
        for (table, column, parent) in CHILD_TABLES {
            isolate_as_parent(manager, table, column, parent).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let children = CHILD_TABLES.iter().map(|(table, _column, _parent)| *table);
        for table in children.chain(TENANT_TABLES.iter().map(|(table, _column)| *table)) {
            open(manager, table).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
