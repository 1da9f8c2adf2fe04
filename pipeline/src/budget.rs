//! Memory for pages, which all streams of a process share. A stream always has room for one page, so each goes on; what it
//! reads ahead is taken from the rest. Deliberately absent: how large a page is (its source decides).

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Pages are counted in units of so many bytes.
const UNIT_BYTES: u64 = 1024;

/// What streams may have read ahead together.
#[derive(Debug, Clone)]
pub struct PageBudget {
    /// Of one page, at most: a stream of large pages leaves some to others.
    page_units_max: u32,
    free: Arc<Semaphore>,
}

impl PageBudget {
    /// For so many bytes as sources count them: what was read, before it is decoded.
    pub fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX).max(1);
        let permits = usize::try_from(units).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { page_units_max: units.div_ceil(2), free: Arc::new(Semaphore::new(permits)) }
    }

    /// The share of one stream.
    pub(crate) fn share(&self) -> PageShare {
        PageShare { budget: self.clone(), own: Arc::new(Semaphore::new(1)) }
    }
}

/// One stream's part of a budget.
pub(crate) struct PageShare {
    budget: PageBudget,
    /// Of the page that it always has room for.
    own: Arc<Semaphore>,
}

impl PageShare {
    /// Waits for room for a page of about so many bytes.
    pub(crate) async fn room(&self, bytes: u64) -> PageRoom {
        let units =
            u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX).clamp(1, self.budget.page_units_max);
        let permit = tokio::select! {
            biased;
            own = self.own.clone().acquire_owned() => own,
            shared = self.budget.free.clone().acquire_many_owned(units) => shared,
        };
        PageRoom { _permit: permit.ok() }
    }
}

/// Room for a page, free again when this is dropped.
pub(crate) struct PageRoom {
    /// `None` never happens: nobody closes the semaphores.
    _permit: Option<OwnedSemaphorePermit>,
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::PageBudget;

    #[tokio::test]
    async fn a_stream_always_has_a_page_and_reads_ahead_while_there_is_room() {
        let budget = PageBudget::new(4 * 1024);
        let (one, other) = (budget.share(), budget.share());
        let first = one.room(1024).await;
        let ahead = [one.room(2048).await, one.room(1024).await, one.room(0).await];
        assert!(one.room(1024).now_or_never().is_none(), "all of it is taken");
        let others = other.room(u64::MAX).await;
        assert!(other.room(1).now_or_never().is_none());
        drop(ahead);
        // However large they are, two fit.
        let large = [other.room(u64::MAX).await, other.room(u64::MAX).await];
        assert!(one.room(1).now_or_never().is_none());
        drop(first);
        let again = one.room(1).await;
        drop((others, large, again));
        assert!(one.room(1).now_or_never().is_some());
    }
}
