//! What a connector that can be read from implements.

use async_trait::async_trait;

use crate::{Record, SystemError};

/// A position in a source, in the connector's own terms. Stored between pages and between runs.
pub type Cursor = serde_json::Value;

/// One thing that a source read.
#[derive(Debug)]
pub enum Item {
    /// A record as the source holds it.
    Record(Record),
    /// Something that stands where a record should be, and is not one. It becomes a failure of its own.
    Malformed(Malformed),
}

/// A piece of the source that could not be read as a record while the ones around it could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Where, in words a customer can follow: `line 4711`, `page 3, item 17`.
    pub position: String,
    /// What is wrong, without values of the record: `a quoted field is not closed`.
    pub reason: String,
    /// The raw text, cut to 2 KiB; kept encrypted beside the failure. `None` when there is none to show.
    pub raw: Option<String>,
}

/// A bounded number of records, and the cursor that continues after them.
#[derive(Debug)]
pub struct Page {
    /// What was read, in the source's order; may be empty.
    pub items: Vec<Item>,
    /// Given to [`OpenSource::resume`](crate::OpenSource) it continues after this page, in this run.
    pub checkpoint: Cursor,
    /// Size of what was read from outside, in bytes; an estimate where the protocol hides it.
    pub size_bytes: u64,
}

/// An open source. Pages come in order; reading the same page again gives the same records.
#[async_trait]
pub trait Source: Send {
    /// The next page, or `None` at the end.
    ///
    /// After an error the source is dropped, and opened again at the last checkpoint.
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError>;

    /// After the last page: the cursor where the next INCREMENTAL run begins
    /// ([`OpenSource::since`](crate::OpenSource)). `None` in FULL mode, and when nothing was read and
    /// there was no `since`.
    fn watermark(&self) -> Option<Cursor>;
}
