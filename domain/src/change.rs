//! Live updates: that something changed, never what. Whoever listens reads the row through their own scope.

use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

/// Changes kept for a listener that lags; past that it is told that it missed some.
const CHANGES_BUFFERED: usize = 4_096;
/// Changes that wait to be sent to other processes; past that they are dropped, as a hint may be.
const OUTBOUND_BUFFERED: usize = 8_192;

/// What kind of object changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A run.
    Run,
    /// A failure.
    Failure,
    /// A retry.
    Retry,
    /// A group of failures.
    FailureGroup,
}

/// One object changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Change {
    /// What it is.
    pub kind: ChangeKind,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// The object.
    pub id: Uuid,
    /// Its integration; `None` for retries.
    pub integration_id: Option<Uuid>,
}

/// Spreads changes within this process, and to other processes where a bridge is attached.
#[derive(Clone, Debug)]
pub struct Changes {
    local: broadcast::Sender<Change>,
    outbound: Option<mpsc::Sender<Change>>,
}

impl Changes {
    /// Within this process only.
    pub fn in_process() -> Self {
        Self { local: broadcast::channel(CHANGES_BUFFERED).0, outbound: None }
    }

    /// With a bridge: what is published here is to be sent to the other processes from the receiver.
    pub fn bridged() -> (Self, mpsc::Receiver<Change>) {
        let (outbound, receiver) = mpsc::channel(OUTBOUND_BUFFERED);
        (Self { local: broadcast::channel(CHANGES_BUFFERED).0, outbound: Some(outbound) }, receiver)
    }

    /// Tells everybody. A bridge that is full loses the hint; the row stays right.
    pub fn publish(&self, change: Change) {
        self.publish_local(change);
        if let Some(outbound) = &self.outbound
            && outbound.try_send(change).is_err()
        {
            tracing::debug!("a live update was dropped: the bridge to other processes is behind");
        }
    }

    /// Tells listeners of this process about a change made in another one.
    pub fn publish_local(&self, change: Change) {
        // An error means that nobody listens.
        drop(self.local.send(change));
    }

    /// Listens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.local.subscribe()
    }
}
