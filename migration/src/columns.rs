//! The columns that many tables have. Merged migrations call these functions, so what one returns never
//! changes: a new kind of column is a new function.
//!
//! Deliberately absent: defaults. Ids and times are made by the program, not by the database.

use sea_orm_migration::schema::{timestamp_with_time_zone, timestamp_with_time_zone_null, uuid};
use sea_orm_migration::sea_query::ColumnDef;

/// `id`: UUIDv7, the primary key.
pub(crate) fn id() -> ColumnDef {
    uuid("id").primary_key().take()
}

/// `tenant_id`: the tenant that owns the row.
pub(crate) fn tenant_id() -> ColumnDef {
    uuid("tenant_id")
}

/// A time in UTC. On SQLite it is RFC 3339 text, whose order is the order of the times.
pub(crate) fn time(name: &'static str) -> ColumnDef {
    timestamp_with_time_zone(name)
}

/// A time in UTC that may be unknown.
pub(crate) fn time_null(name: &'static str) -> ColumnDef {
    timestamp_with_time_zone_null(name)
}
