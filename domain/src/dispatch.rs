//! The seam between committed job rows and the queue. A push is a hint and may get lost: the row is the
//! truth, and every worker's sweeper pushes what is due.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

/// How long telling the queue may take for a mutation; it is spawned, so no caller waits for it.
pub const PUSH_TIMEOUT: Duration = Duration::from_millis(250);

/// Which of a tenant's jobs go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i16)]
pub enum Priority {
    /// A backfill.
    Low = 0,
    /// A schedule.
    Normal = 1,
    /// A person's click.
    High = 2,
    /// A run that has begun, whoever asked for it: it goes on before any other begins, also after its worker is lost.
    Resumed = 3,
}

impl Priority {
    /// Of a row's column; unknown numbers count as normal.
    pub fn from_i16(number: i16) -> Self {
        match number {
            0 => Self::Low,
            2 => Self::High,
            3 => Self::Resumed,
            _ => Self::Normal,
        }
    }
}

/// That a job row is due. Everything else stands in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobHint {
    /// The row.
    pub job_id: Uuid,
    /// Whose turn it uses.
    pub tenant_id: Uuid,
    /// Its place among its tenant's jobs.
    pub priority: Priority,
}

/// How many runs a tenant may have at once, where that is not what the setting says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantCap {
    /// The tenant.
    pub tenant_id: Uuid,
    /// At least 1.
    pub cap: u32,
}

/// A queue could not be told.
#[derive(Debug, thiserror::Error)]
#[error("telling the queue")]
pub struct DispatchError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Tells workers that jobs are due. Redis, or this process's own workers.
#[async_trait]
pub trait Dispatch: Send + Sync {
    /// Pushes hints; the same hint again while it is queued changes nothing.
    async fn push(&self, hints: &[JobHint]) -> Result<(), DispatchError>;

    /// Says that a tenant may have so many runs at once from now on; `None`: as many as the setting says. A queue that
    /// asks the database at each claim need not be told. What got lost is told again by every worker's sweeper.
    async fn set_tenant_cap(&self, _tenant_id: Uuid, _cap: Option<u32>) -> Result<(), DispatchError> {
        Ok(())
    }

    /// Whether the queue can be reached.
    async fn ping(&self) -> Result<(), DispatchError>;
}
