//! How whoever runs a stream stops it. Deliberately absent: why.

use tokio_util::sync::CancellationToken;

/// Tells a stream to stop; clones are of one stream.
#[derive(Clone, Debug)]
pub struct Stop {
    /// At once: what is being written is given up, and written again when the stream goes on.
    pub now: CancellationToken,
    /// When the page that is being written is accounted. Cancelled with [`now`](Self::now).
    pub after_page: CancellationToken,
}

impl From<CancellationToken> for Stop {
    fn from(now: CancellationToken) -> Self {
        Self { after_page: now.child_token(), now }
    }
}

impl Default for Stop {
    fn default() -> Self {
        CancellationToken::new().into()
    }
}
