//! Faults of the database that pass, or that somebody has to see to, told apart from faults of the program: callers of
//! either can be told what to do.

use std::error::Error as StdError;

use sea_orm::{DbErr, RuntimeErr};

use crate::error::Error;

/// SQLite's `SQLITE_FULL`, and PostgreSQL's `disk_full`.
const NO_SPACE: [&str; 2] = ["13", "53100"];
/// PostgreSQL's `admin_shutdown`, `crash_shutdown`, `cannot_connect_now`; of class 08, connection exceptions, each.
const AWAY: [&str; 3] = ["57P01", "57P02", "57P03"];

/// What of ours can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The disk of the database is full: nothing was changed, and reading goes on.
    NoSpace,
    /// The database went away: whether something was changed is not known.
    Away,
}

impl Error {
    /// What of ours could not be used, when that is why.
    pub fn outage(&self) -> Option<Outage> {
        let Self::Internal { source, .. } = self else { return None };
        let mut cause: Option<&(dyn StdError + 'static)> = Some(source.as_ref());
        while let Some(error) = cause {
            let found = match (error.downcast_ref::<DbErr>(), error.downcast_ref::<sqlx::Error>()) {
                (Some(error), _) => of_orm(error),
                (_, Some(error)) => of_driver(error),
                _ => None,
            };
            if found.is_some() {
                return found;
            }
            cause = error.source();
        }
        None
    }
}

fn of_orm(error: &DbErr) -> Option<Outage> {
    match error {
        DbErr::ConnectionAcquire(_) => Some(Outage::Away),
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => of_driver(error),
        _ => None,
    }
}

fn of_driver(error: &sqlx::Error) -> Option<Outage> {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => Some(Outage::Away),
        sqlx::Error::Database(error) => {
            let code = error.code()?;
            if NO_SPACE.contains(&code.as_ref()) {
                Some(Outage::NoSpace)
            } else if AWAY.contains(&code.as_ref()) || (code.len() == 5 && code.starts_with("08")) {
                Some(Outage::Away)
            } else {
                None
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use sea_orm::{DbErr, RuntimeErr};

    use super::Outage;
    use crate::error::Error;

    #[test]
    fn a_broken_connection_is_told_from_a_fault_of_the_program() {
        let broken = || sqlx::Error::Io(io::Error::from(io::ErrorKind::BrokenPipe));
        let wrapped = DbErr::Exec(RuntimeErr::SqlxError(Arc::new(broken())));
        assert_eq!(Error::internal("storing", wrapped).outage(), Some(Outage::Away));
        let outer = Error::internal("doing", Error::internal("storing", broken()));
        assert_eq!(outer.outage(), Some(Outage::Away));
        assert_eq!(Error::internal("storing", sqlx::Error::PoolTimedOut).outage(), Some(Outage::Away));
        assert_eq!(Error::internal("reading", sqlx::Error::RowNotFound).outage(), None);
        assert_eq!(Error::internal("reading", "secret").outage(), None);
        assert_eq!(Error::Unauthenticated.outage(), None);
    }
}
