//! Row-level security of PostgreSQL: the fence behind the program's own filters. A statement sees and writes the rows
//! of the tenants that the setting `trestle.tenants` names: none without it, all for `*`, else those of its UUIDs, with
//! commas between them. Merged migrations call these functions, so what one does never changes.
//!
//! It is forced, so that it also binds the role that owns the tables; superusers and roles with BYPASSRLS it never binds.
//! Deliberately absent: SQLite, which has nothing like it.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, SchemaManager};

/// Whether the setting names every tenant. A sub-select is evaluated once a statement, and not for each row.
const EVERY_TENANT: &str = "(SELECT current_setting('trestle.tenants', true) = '*')";
/// The tenants that it names; NULL, which nothing equals, when there is no setting. A text that is no list of UUIDs fails
/// the statement. `*` is taken out, because a parallel plan evaluates also what it does not need.
const NAMED_TENANTS: &str =
    "(SELECT string_to_array(nullif(current_setting('trestle.tenants', true), '*'), ',')::uuid[])::uuid[]";

/// Fences a table whose `column` names the tenant of a row. Rows without one are seen with every tenant only.
pub(crate) async fn isolate(manager: &SchemaManager<'_>, table: &str, column: &str) -> Result<(), DbErr> {
    fence(manager, table, &of_named_tenants(column)).await
}

/// What [`isolate`] executes on PostgreSQL, for tables that no migration makes.
pub(crate) fn isolation(table: &str, column: &str) -> String {
    fence_of(table, &of_named_tenants(column))
}

fn of_named_tenants(column: &str) -> String {
    format!("\"{column}\" = ANY ({NAMED_TENANTS})")
}

/// Fences a table whose rows are seen where the row of `parent` is that their `column` refers to.
pub(crate) async fn isolate_as_parent(
    manager: &SchemaManager<'_>,
    table: &str,
    column: &str,
    parent: &str,
) -> Result<(), DbErr> {
    let seen = format!("EXISTS (SELECT 1 FROM \"{parent}\" AS p WHERE p.id = \"{table}\".\"{column}\")");
    fence(manager, table, &seen).await
}

/// Fences a table that belongs to nobody and concerns several: its rows are seen where one of `member` is whose
/// `member_column` names their `column`.
pub(crate) async fn isolate_by_member(
    manager: &SchemaManager<'_>,
    table: &str,
    column: &str,
    member: &str,
    member_column: &str,
) -> Result<(), DbErr> {
    let seen = format!(
        "EXISTS (SELECT 1 FROM \"{member}\" AS m WHERE m.\"{member_column}\" = \"{table}\".\"{column}\")"
    );
    fence(manager, table, &seen).await
}

/// Takes the fence of a table away.
pub(crate) async fn open(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let sql = format!(
        "DROP POLICY po_{table}_tenant ON \"{table}\"; \
         ALTER TABLE \"{table}\" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"
    );
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

async fn fence(manager: &SchemaManager<'_>, table: &str, seen: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    manager.get_connection().execute_unprepared(&fence_of(table, seen)).await?;
    Ok(())
}

fn fence_of(table: &str, seen: &str) -> String {
    // CASE and not OR: the planner takes half of the rows for it, whatever is inside, and so plans as if it were not
    // there. Of OR it would think that it leaves next to nothing.
    let condition = format!("CASE WHEN {EVERY_TENANT} THEN true ELSE {seen} END");
    format!(
        "ALTER TABLE \"{table}\" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
         CREATE POLICY po_{table}_tenant ON \"{table}\" USING ({condition}) WITH CHECK ({condition})"
    )
}
