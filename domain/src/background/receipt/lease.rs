//! When receipts are merged that a run keeps as they come. Deliberately absent: how (`segment.rs`).

use pipeline::LedgerError;

use super::settle;
use crate::background::lease::{RunLease, storage};

/// Ranges that are merged in one transaction.
const RANGES: usize = 8;

impl RunLease {
    /// To be called before anything of a stream is read. `are_unmerged` is whether a run that was interrupted has left
    /// some; they are merged first.
    ///
    /// # Errors
    /// [`LedgerError::LostLease`], or storage.
    pub async fn open_receipts(&self, stream: &str, are_unmerged: bool) -> Result<(), LedgerError> {
        // Slices write at once, each its own part: they lock the blocks, and know no segment of each other.
        let then = if self.is_slice() { Then::Blocks } else { Then::AsTheyCome };
        if are_unmerged {
            return self.merge_all(stream, then).await;
        }
        self.go_on(stream, then);
        Ok(())
    }

    /// Merges what this run has kept of a stream, so that others find it where it belongs.
    ///
    /// # Errors
    /// [`LedgerError::LostLease`], or storage.
    pub async fn settle_receipts(&self, stream: &str) -> Result<(), LedgerError> {
        if self.segments.has(stream) { self.merge_all(stream, Then::AsTheyCome).await } else { Ok(()) }
    }

    /// The same, and keeps no more.
    pub(in crate::background) async fn close_receipts(&self, stream: &str) -> Result<(), LedgerError> {
        if self.segments.close(stream) { Ok(()) } else { self.merge_all(stream, Then::Blocks).await }
    }

    fn go_on(&self, stream: &str, then: Then) {
        self.segments.open(stream);
        if then == Then::Blocks {
            self.segments.close(stream);
        }
    }

    async fn merge_all(&self, stream: &str, then: Then) -> Result<(), LedgerError> {
        let receipts = self.receipts_of(stream);
        loop {
            let tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
            let mut is_merged = true;
            for _ in 0..RANGES {
                let connection = tx.connection();
                let settled =
                    settle(connection, receipts, None, &self.segments, &self.stride_of_merges).await;
                is_merged = settled.map_err(storage)?;
                if !is_merged {
                    break;
                }
            }
            if !is_merged {
                // While no page can be accounted beside it. If the commit fails, so does the run.
                self.go_on(stream, then);
            }
            tx.commit().await.map_err(storage)?;
            if !is_merged {
                return Ok(());
            }
        }
    }
}

/// How receipts of a stream are kept from now on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// As they come, once they are strewn.
    AsTheyCome,
    /// In blocks.
    Blocks,
}
