//! What the engine asks of the place where results are kept. Deliberately absent: the place itself.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use connector::{Action, Cursor, Gone, RecordKey, SystemError};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::{Breach, Counts, GateCounts, Measured, PayloadHash, RecordFailure, Shape};

/// What is known of a record that was written before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Of what was last written.
    pub payload_hash: PayloadHash,
    /// The run that made or confirmed it.
    pub run: Uuid,
    /// That is this run.
    pub written_in_this_run: bool,
    /// What was sent since then, and may or may not be there now.
    pub in_doubt: Option<InDoubt>,
}

/// A write that was about to be sent, and of which nobody heard whether it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InDoubt {
    /// Of what was to be written.
    pub payload_hash: PayloadHash,
    /// The revision that it was to be written with; see [`connector::Write::revision`].
    pub revision: u64,
}

impl Receipt {
    /// Whether this is what is there.
    pub(crate) fn confirms(&self, payload_hash: PayloadHash) -> bool {
        self.in_doubt.is_none() && self.payload_hash == payload_hash
    }

    /// The next write of this payload; see [`connector::Write::revision`], never 0. What is in doubt is attempted again,
    /// anything else comes after it.
    pub fn next(&self, payload_hash: PayloadHash) -> InDoubt {
        let after = |hash: PayloadHash, seed| xxh3_64_with_seed(&hash.to_bytes(), seed).max(1);
        let revision = match self.in_doubt {
            Some(in_doubt) if in_doubt.payload_hash == payload_hash => in_doubt.revision,
            Some(in_doubt) => after(in_doubt.payload_hash, in_doubt.revision),
            None => after(self.payload_hash, xxh3_64(self.run.as_bytes())),
        };
        InDoubt { payload_hash, revision }
    }
}

/// A record that is at the destination now.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReceipt {
    /// Which record.
    pub key: RecordKey,
    /// The destination's own id for it; `None` where that is the key. With `Unchanged` and `None` the
    /// id that an earlier receipt holds still stands.
    pub destination_key: Option<String>,
    /// Of what is there.
    pub payload_hash: PayloadHash,
    /// What the write did. `Unchanged` has a receipt too: it confirms the record for this run, which is
    /// what tells a second record with its key.
    pub action: Action,
    /// The failure that was retried, in a retry.
    pub retried: Option<Uuid>,
}

/// A page whose records all have an end. Everything in it is stored together or not at all.
///
/// A receipt also says that earlier failures of its key are over; the ledger finds them.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountedPage {
    /// Name of the stream.
    pub stream: String,
    /// From 1, anew each time that the stream is run or resumed.
    pub page_number: u64,
    /// Where reading goes on after a crash; `None` in a retry, where each record says for itself by
    /// `retried` that it is done.
    pub checkpoint: Option<Cursor>,
    /// What this page adds; balanced.
    pub counts: Counts,
    /// One for each record that was created, updated or unchanged.
    pub receipts: Vec<NewReceipt>,
    /// One for each item that failed.
    pub failures: Vec<RecordFailure>,
    /// No two records of the run may have one key. Another worker of the run may have written one that this page did not
    /// see: whoever stores the receipts finds it then.
    pub refuses_duplicates: bool,
    /// Something of it was sent to the destination, which answered.
    pub is_sent: bool,
    /// Retried failures whose record the mapping now leaves out.
    pub skipped: Vec<Uuid>,
    /// Values that records of it take where no two of a run may have the same, as receipts of streams of their own: the
    /// key is the value, and the hash that of the record's key.
    pub values: Vec<(String, Vec<NewReceipt>)>,
    /// What was measured of the records that it delivered, by their receipts; `None` where the stream has no KPI.
    pub measured: Option<Measured>,
    /// What the quality gate has counted with this page; `None` in a retry, which it does not judge.
    pub gate: Option<GateCounts>,
    /// The gate closed for this page: nothing of it was written, its good records are failures with the code
    /// `record.quarantined`, and the stream ends here until somebody decides.
    pub breach: Option<Breach>,
    /// Size of what was read from outside, in bytes.
    pub size_bytes: u64,
    /// Size of the records that were sent to the destination, in bytes of their fields and values.
    pub written_bytes: u64,
    /// Reading it took so long, waits included, in milliseconds.
    pub read_ms: u64,
    /// Mapping and validating it.
    pub map_ms: u64,
    /// Looking its receipts up and writing it, waits included.
    pub write_ms: u64,
}

/// What became of records that are gone from the source.
#[derive(Debug, Clone, PartialEq)]
pub struct RemovedPage {
    /// Name of the stream.
    pub stream: String,
    /// Deleted or marked at the destination, or not there any more.
    pub removed: Vec<RecordKey>,
    /// One for each that the destination did not let go.
    pub failures: Vec<RecordFailure>,
}

/// Which end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Where records are read.
    Source,
    /// Where they are written.
    Destination,
}

impl Side {
    /// The part before the dot of a failure's code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }
}

/// A transient error, after which the engine waits and tries again.
#[derive(Debug, Clone)]
pub struct RetryNotice {
    /// Which end.
    pub side: Side,
    /// What it said.
    pub error: SystemError,
    /// Attempts that failed in a row so far, from 1.
    pub attempt: u32,
    /// How long until the next one.
    pub wait: Duration,
}

/// Results can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Someone else runs this stream now; nothing was stored.
    #[error("the lease was lost to another worker")]
    LostLease,
    /// The source has changed, and somebody is to look at it before the run goes on.
    #[error("the integration is held")]
    Held,
    /// The run was canceled; nothing was stored.
    #[error("the run was canceled")]
    Canceled,
    /// The place where results are kept can't be used.
    #[error("storing results")]
    Storage(#[source] Box<dyn Error + Send + Sync>),
}

/// Where results are kept. Implemented by the caller of the engine.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The receipts of those keys ([`RecordKey::canonical`]) that were written before; at most a page
    /// of keys.
    async fn receipts(&self, stream: &str, keys: &[&str]) -> Result<HashMap<String, Receipt>, LedgerError>;

    /// Told before records that have a receipt are written over what it says, by key ([`RecordKey::canonical`]): until a
    /// page with a receipt of such a key is accounted, nobody knows which of both is there.
    async fn sending(&self, stream: &str, writes: &[(&str, InDoubt)]) -> Result<(), LedgerError>;

    /// Stores a page in one transaction: checkpoint, counts, receipts and failures.
    async fn account(&self, page: AccountedPage) -> Result<(), LedgerError>;

    /// Told before a page is written whose first records look other than all before them.
    async fn reshaped(&self, stream: &str, seen: &Shape) -> Result<(), LedgerError>;

    /// Records that were written before and not by this run, in pages, when it has read all of its source. Those that
    /// failed in this run have come again, and are none of them; nor are any when that can't be told. In a retry, those that
    /// somebody has asked to have removed.
    ///
    /// # Errors
    /// [`LedgerError::Held`] when they are so many that somebody is to look at it first.
    fn gone<'a>(&'a self, stream: &'a str) -> BoxStream<'a, Result<Vec<Gone>, LedgerError>>;

    /// Stores in one transaction what became of records that are gone.
    async fn account_removed(&self, page: RemovedPage) -> Result<(), LedgerError>;

    /// Told before each wait, so that people can see it.
    async fn retrying(&self, stream: &str, notice: &RetryNotice) -> Result<(), LedgerError>;

    /// Told when an end answers after calls that failed, of each of which [`retrying`](Self::retrying) was told.
    async fn answers_again(&self, side: Side) -> Result<(), LedgerError>;
}
