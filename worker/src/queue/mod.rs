//! How workers hear of work: hints that name a job, fair among tenants. The only place that names apalis or Redis'
//! queue. A hint decides nothing; the job's row does, so a lost hint costs a sweep and a doubled one a look at the row.

mod backend;
mod claims;
mod monitor;
mod redis;
mod store;
mod table;
mod wake;

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use domain::dispatch::{Dispatch, DispatchError, JobHint, TenantCap};
use uuid::Uuid;

pub use self::monitor::{MonitorError, MonitorOptions, consume};
pub use self::redis::RedisQueue;
pub use self::table::{DueRequest, JobSource, TableQueue};

/// What went wrong at the store of the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The Redis URL cannot be used.
    #[error("the Redis URL is not valid")]
    Url(#[source] redis_client::AddressError),
    /// A command to Redis failed or was not answered in time.
    #[error("{operation} in the Redis queue")]
    Redis {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: ::redis::RedisError,
    },
    /// Redis answered with something that the script does not return.
    #[error("the Redis queue answered {operation} with something unexpected")]
    Answer {
        /// What was tried.
        operation: &'static str,
    },
    /// The job table could not be read.
    #[error("reading due jobs")]
    Source(#[source] Box<dyn Error + Send + Sync>),
}

/// Limits that every consumer of a queue shares.
#[derive(Clone, Copy, Debug)]
pub struct QueueOptions {
    /// Runs in flight at once of a tenant that has no number of its own, at least 1 (`TRESTLE_TENANT_CONCURRENCY`).
    pub tenant_concurrency: usize,
    /// How long a hint stays with a worker that says nothing (`TRESTLE_LEASE_SECONDS`).
    pub lease: Duration,
}

/// The queue of this process. At most one [`consume`] runs on it.
#[derive(Clone, Debug)]
pub enum Queue {
    /// Redis: production, several processes.
    Redis(RedisQueue),
    /// The job table: one process, nothing to install.
    Table(TableQueue),
}

impl Queue {
    /// A queue in Redis. Does not connect: Redis may be down at start and come back later.
    ///
    /// # Errors
    /// The URL is not one of Redis.
    pub fn redis(url: &str, options: QueueOptions) -> Result<Self, QueueError> {
        RedisQueue::new(url, options).map(Self::Redis)
    }

    /// Tells all that there is of tenants' own caps. Costs a look where it is known already; where the table is the queue,
    /// nothing.
    ///
    /// # Errors
    /// Redis did not answer.
    pub async fn know_tenant_caps(&self, caps: &[TenantCap]) -> Result<(), QueueError> {
        match self {
            Self::Redis(queue) => queue.know_tenant_caps(caps).await,
            Self::Table(_) => Ok(()),
        }
    }

    /// A queue that asks the job table of whoever consumes it.
    pub fn table(options: QueueOptions) -> Self {
        Self::Table(TableQueue::new(options))
    }
}

#[async_trait]
impl Dispatch for Queue {
    async fn push(&self, hints: &[JobHint]) -> Result<(), DispatchError> {
        match self {
            Self::Redis(queue) => queue.push(hints).await.map_err(|error| DispatchError(Box::new(error))),
            Self::Table(queue) => {
                queue.push(hints);
                Ok(())
            }
        }
    }

    async fn set_tenant_cap(&self, tenant_id: Uuid, cap: Option<u32>) -> Result<(), DispatchError> {
        match self {
            Self::Redis(queue) => {
                queue.set_tenant_cap(tenant_id, cap).await.map_err(|error| DispatchError(Box::new(error)))
            }
            Self::Table(queue) => {
                queue.set_tenant_cap();
                Ok(())
            }
        }
    }

    /// The job table's database has a check of its own.
    async fn ping(&self) -> Result<(), DispatchError> {
        match self {
            Self::Redis(queue) => queue.ping().await.map_err(|error| DispatchError(Box::new(error))),
            Self::Table(_) => Ok(()),
        }
    }
}
