//! How the pools of connections are used, for the instruments. Deliberately absent: how long somebody waited for one.

use sqlx::{PgPool, SqlitePool};

/// The pool for tenants' rows, among the instruments.
pub(super) const SCOPED: &str = "scoped";
/// The pool for tenants' rows in the order of an index, among the instruments; PostgreSQL's alone.
pub(super) const LISTS: &str = "lists";
/// The pool for what crosses tenants.
pub(super) const PLATFORM: &str = "platform";
/// The pool of the replica.
pub(super) const REPLICA: &str = "replica";

/// How a pool of connections is used. On SQLite readers are `scoped`, and the one that writes is `platform`.
#[derive(Clone, Copy, Debug)]
pub struct PoolUse {
    /// `scoped` for tenants' rows, `lists` for what is read of them in the order of an index, `platform` for what crosses tenants, `replica` for what a replica answers.
    pub name: &'static str,
    /// Connections that are lent.
    pub used: u32,
    /// Connections that wait to be lent.
    pub idle: u32,
    /// Connections there may be.
    pub max: u32,
}

impl PoolUse {
    pub(super) fn of_postgres(name: &'static str, pool: &PgPool) -> Self {
        Self::of(name, pool.size(), pool.num_idle(), pool.options().get_max_connections())
    }

    pub(super) fn of_sqlite(name: &'static str, pool: &SqlitePool) -> Self {
        Self::of(name, pool.size(), pool.num_idle(), pool.options().get_max_connections())
    }

    /// The same with so many that are lent, and wait nevertheless.
    pub(super) fn with_idle(self, more: usize) -> Self {
        let more = u32::try_from(more).unwrap_or(u32::MAX).min(self.used);
        Self { used: self.used - more, idle: self.idle + more, ..self }
    }

    fn of(name: &'static str, size: u32, idle: usize, max: u32) -> Self {
        // The two are read one after the other.
        let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(size);
        Self { name, used: size - idle, idle, max }
    }
}
