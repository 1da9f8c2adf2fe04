//! Live updates: that something changed, never what. Whoever listens reads the row through their own scope. `change/listening.rs`:
//! who is told, and how that is bounded; `change/journal.rs`: what changed while a listener was away.

pub(crate) mod journal;
mod listening;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

use self::listening::Listeners;
use crate::actor::Tenants;

pub use self::journal::{CATCH_UP_MAX, KEPT_MINUTES, Missed, now, since};
pub use self::listening::{Interest, Listening, Told};

/// Changes kept for who looks at all of them and lags; past that it is told that it missed some.
const CHANGES_BUFFERED: usize = 4_096;
/// Changes that wait to be sent to other processes; past that they are dropped, and the others are told so.
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
    /// Since when changes of this process have not been sent to others that are not told so yet.
    unsent_since: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl Changes {
    /// Within this process only.
    pub fn in_process() -> Self {
        Self {
            listeners: Arc::default(),
            all: broadcast::channel(CHANGES_BUFFERED).0,
            outbound: None,
            unsent_since: Arc::default(),
        }
    }

    /// With a bridge: what is published here is to be sent to the other processes from the receiver.
    pub fn bridged() -> (Self, mpsc::Receiver<Change>) {
        let (outbound, receiver) = mpsc::channel(OUTBOUND_BUFFERED);
        (Self { outbound: Some(outbound), ..Self::in_process() }, receiver)
    }

    /// Tells everybody. A bridge that is full loses the hint, and tells the others that it did; the row stays right.
    pub fn publish(&self, change: Change) {
        self.publish_local(change);
        if let Some(outbound) = &self.outbound
            && outbound.try_send(change).is_err()
        {
            tracing::debug!("a live update was dropped: the bridge to other processes is behind");
            self.unsent_since.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(now);
        }
    }

    /// Since when changes were not sent because the bridge was full; asked once, it is for the bridge to tell.
    pub fn take_unsent_since(&self) -> Option<DateTime<Utc>> {
        self.unsent_since.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// From now on, until [`be_sure`](Self::be_sure), what changes in other processes may not arrive. Until then no listener has
    /// been told of everything.
    pub fn doubt(&self) {
        self.listeners.doubt(now());
    }

    /// From now on what changes in other processes arrives. Each listener looks for what did not since the doubt began.
    pub fn be_sure(&self) {
        self.listeners.be_sure();
    }

    /// What changed in another process since this time may not have arrived: each listener looks for it.
    pub fn miss(&self, since: DateTime<Utc>) {
        self.listeners.miss(since);
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
