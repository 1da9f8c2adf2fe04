//! Single statements that read the rows of some tenants. On PostgreSQL each stands behind the fence: it names the tenants
//! itself, for as long as it runs, in one round trip, prepared, and without a transaction.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, ExecResult, QueryResult, Statement, Value,
    Values,
};

use super::lists::Lists;
use super::replica::ReplicaReader;
use super::{EVERY_TENANT, statement};

/// What stands before a statement behind the fence.
pub(super) const FENCE_BEGINS: &str = " CROSS JOIN LATERAL (SELECT * FROM (";
/// What stands after it.
pub(super) const FENCE_ENDS: &str = ") AS read WHERE fence.named IS NOT NULL OFFSET 0) AS fenced";

/// What reads the rows of some tenants, and nothing else.
#[derive(Clone)]
pub(crate) enum TenantReader {
    /// SQLite.
    Plain(DatabaseConnection),
    /// PostgreSQL, of all tenants: its connections name them.
    Everybody {
        pool: DatabaseConnection,
        /// As of the others.
        lists: Lists,
    },
    /// PostgreSQL.
    Fenced {
        /// What it reads from, by its name.
        pool: (&'static str, DatabaseConnection),
        /// For what is read in the order of an index.
        lists: Lists,
        /// What the setting becomes.
        tenants: Arc<str>,
    },
    /// The same for what is planned once.
    PlannedOnce { lists: Lists, tenants: Arc<str> },
    /// PostgreSQL's replica, and the primary where it does not answer.
    Replica(ReplicaReader),
}

impl TenantReader {
    /// For a statement that reads rows by their ids, or in the order of an index that has all that it asks for: PostgreSQL
    /// plans it once. Its values are not known then, so that it can't choose between indexes by them.
    pub(crate) fn planned_once(self) -> Self {
        match self {
            Self::Fenced { pool: _, lists, tenants } => Self::PlannedOnce { lists, tenants },
            Self::Everybody { pool: _, lists } => Self::PlannedOnce { lists, tenants: EVERY_TENANT.into() },
            Self::Plain(_) | Self::PlannedOnce { .. } | Self::Replica(_) => self,
        }
    }

    /// The same statement behind the fence. What it reads comes LATERAL to the row that has named the tenants, and begins
    /// only when that is there, so policies are judged by what it named; and were they judged before, there would be no
    /// row. Its rows stay in their order: there is one row before them.
    pub(super) fn fenced(statement: Statement, tenants: &Arc<str>) -> Statement {
        let Statement { sql, values, db_backend } = statement;
        let mut values = values.map_or_else(Vec::new, |values| values.0);
        values.push(Value::from(tenants.as_ref()));
        let number = values.len();
        let sql = format!(
            "SELECT fenced.* FROM (SELECT set_config('trestle.tenants', ${number}, true) AS named OFFSET 0) AS fence\
             {FENCE_BEGINS}{sql}{FENCE_ENDS}"
        );
        Statement { sql, values: Some(Values(values)), db_backend }
    }
}

#[async_trait]
impl ConnectionTrait for TenantReader {
    fn get_database_backend(&self) -> DatabaseBackend {
        match self {
            Self::Plain(connection)
            | Self::Everybody { pool: connection, .. }
            | Self::Fenced { pool: (_, connection), .. } => connection.get_database_backend(),
            Self::PlannedOnce { .. } => DatabaseBackend::Postgres,
            Self::Replica(reader) => reader.pool().get_database_backend(),
        }
    }

    async fn execute_raw(&self, _statement: Statement) -> std::result::Result<ExecResult, DbErr> {
        Err(only_reads())
    }

    async fn execute_unprepared(&self, _sql: &str) -> std::result::Result<ExecResult, DbErr> {
        Err(only_reads())
    }

    async fn query_one_raw(&self, statement: Statement) -> std::result::Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Plain(connection) | Self::Everybody { pool: connection, .. } => {
                connection.query_one_raw(statement).await
            }
            Self::Fenced { pool: (name, pool), tenants, .. } => {
                statement::asked(name, pool.query_one_raw(Self::fenced(statement, tenants))).await
            }
            Self::PlannedOnce { lists, tenants } => {
                Ok(lists.all(Self::fenced(statement, tenants)).await?.into_iter().next())
            }
            Self::Replica(reader) => reader.one(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Plain(connection) | Self::Everybody { pool: connection, .. } => {
                connection.query_all_raw(statement).await
            }
            Self::Fenced { pool: (name, pool), tenants, .. } => {
                statement::asked(name, pool.query_all_raw(Self::fenced(statement, tenants))).await
            }
            Self::PlannedOnce { lists, tenants } => lists.all(Self::fenced(statement, tenants)).await,
            Self::Replica(reader) => reader.all(statement).await,
        }
    }
}

fn only_reads() -> DbErr {
    DbErr::Custom("a reader of tenants' rows was asked to write".to_owned())
}
