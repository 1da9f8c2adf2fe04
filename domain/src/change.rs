//! Live updates: that something changed, never what. Whoever listens reads the row through their own scope. `change/listening.rs`:
//! who is told, and how that is bounded; `change/journal.rs`: what changed while a listener was away.

pub(crate) mod journal;
mod listening;

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

use self::listening::Listeners;
use crate::actor::Tenants;

pub use self::journal::{CATCH_UP_MAX, KEPT_MINUTES, Missed, now, since};
pub use self::listening::{Interest, Listening, Told};

/// Changes kept for who looks at all of them and lags; past that it is told that it missed some.
const CHANGES_BUFFERED: usize = 4_096;
/// Changes that wait to be sent to other processes; past that they are dropped, as a hint may be.
const OUTBOUND_BUFFERED: usize = 8_192;

/// What kind of object changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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
    /// How an integration is; the object is the integration.
    Health,
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
    listeners: Arc<Listeners>,
    all: broadcast::Sender<Change>,
    outbound: Option<mpsc::Sender<Change>>,
}

impl Changes {
    /// Within this process only.
    pub fn in_process() -> Self {
        Self { listeners: Arc::default(), all: broadcast::channel(CHANGES_BUFFERED).0, outbound: None }
    }

    /// With a bridge: what is published here is to be sent to the other processes from the receiver.
    pub fn bridged() -> (Self, mpsc::Receiver<Change>) {
        let (outbound, receiver) = mpsc::channel(OUTBOUND_BUFFERED);
        (Self { outbound: Some(outbound), ..Self::in_process() }, receiver)
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
        self.listeners.tell(&change);
        // An error means that nobody looks at all of them.
        drop(self.all.send(change));
    }

    /// Listens from now on to what concerns one listener, of these tenants.
    pub fn listen(&self, interest: Interest, tenants: &Tenants) -> Listening {
        Listening::new(Arc::clone(&self.listeners), interest, tenants)
    }

    /// All changes of all tenants from now on, for the program itself.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.all.subscribe()
    }
}
