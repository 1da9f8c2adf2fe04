//! What a consumer needs from the place where hints wait. No policy: what to do about an error is the consumer's.

use std::future::Future;
use std::sync::Arc;

use domain::dispatch::JobHint;

use super::QueueError;
use super::wake::Wake;

/// Hints given to this consumer.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    /// They are leased to this consumer.
    pub(super) hints: Vec<JobHint>,
    /// There may be more: ask again without waiting.
    pub(super) more: bool,
}

/// How a lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settlement {
    /// Handled; the row says with what result.
    Done,
    /// Never started: the next one may have it at once.
    Back,
}

/// A place where hints wait: Redis, or the job table.
pub(super) trait HintStore: Clone + Send + Sync + 'static {
    /// Leases at most `limit` hints to this consumer, tenants in turn, none above its cap. `held` is what it has.
    fn claim(
        &self,
        limit: usize,
        held: &[JobHint],
    ) -> impl Future<Output = Result<Claimed, QueueError>> + Send;

    /// Extends the leases; answers how many went to another consumer.
    fn extend(&self, held: &[JobHint]) -> impl Future<Output = Result<usize, QueueError>> + Send;

    /// Ends leases.
    fn settle(
        &self,
        hints: &[JobHint],
        how: Settlement,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Rings [`Self::wake`] at news from outside this process; never ends.
    fn listen(&self) -> impl Future<Output = ()> + Send;

    /// The bell of this consumer.
    fn wake(&self) -> &Arc<Wake>;
}
