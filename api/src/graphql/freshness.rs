//! Who reads what they wrote although a replica answers queries: each query asks the domain whether the replica has what its
//! caller wrote, and each change tells the domain and the other processes where it ended. Only this reads the replica, and
//! only queries come here for it.

use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Request;
use domain::{App, LastWrite, Principal};
use tokio::runtime::Handle;

use super::caller::Caller;
use crate::http::{LastWrite as ToldWrite, SharedStore};

/// How often other processes are told a write that Redis did not take: until a replica that lacks it is not read any more.
const RETRIES: usize = 10;
/// How long after each other: longer than Redis is left alone for once it did not answer.
const RETRY_INTERVAL: Duration = Duration::from_millis(1_100);

/// What a process with a replica has to know of its callers.
pub(crate) struct Freshness {
    app: Arc<App>,
    shared: Option<Arc<SharedStore>>,
}

impl Freshness {
    /// `None` where there is no replica; `shared` is what the processes have in common.
    pub(crate) fn new(app: &Arc<App>, shared: Option<Arc<SharedStore>>) -> Option<Arc<Self>> {
        app.has_replica().then(|| Arc::new(Self { app: app.clone(), shared }))
    }

    /// Has a query read the replica if it may; one that does not say what is known of its caller does not.
    pub(super) fn read(&self, query: &Request) {
        if let (Some(caller), Some(told)) = (found::<Arc<Caller>>(query), found::<ToldWrite>(query)) {
            caller.read_replica(match *told {
                ToldWrite::None => LastWrite::None,
                ToldWrite::Before(position) => LastWrite::Before(position),
                ToldWrite::Unknown => LastWrite::Unknown,
            });
        }
    }

    /// Begins to watch over a change.
    pub(super) fn change(self: &Arc<Self>, request: &Request) -> Option<Change> {
        let caller = found::<Arc<Caller>>(request)?.clone();
        let before = writer(&caller);
        Some(Change { freshness: Arc::clone(self), caller, before, has_ended: false })
    }

    /// Tells the other processes, which is waited for; when Redis does not take it, again later, for which nobody waits.
    async fn tell(&self, writers: &[String], position: Option<u128>) {
        let (Some(shared), Some(position)) = (&self.shared, position) else { return };
        let untold = tell_all(shared, writers.to_vec(), position).await;
        if untold.is_empty() {
            return;
        }
        let shared = Arc::clone(shared);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let mut untold = untold;
                for _retry in 0..RETRIES {
                    tokio::time::sleep(RETRY_INTERVAL).await;
                    untold = tell_all(&shared, untold, position).await;
                    if untold.is_empty() {
                        return;
                    }
                }
            });
        }
    }
}

/// The writers of whom it was not taken.
async fn tell_all(shared: &SharedStore, writers: Vec<String>, position: u128) -> Vec<String> {
    let mut untold = Vec::new();
    for writer in writers {
        if !shared.wrote(&writer, position).await {
            untold.push(writer);
        }
    }
    untold
}

/// A change that is under way. Given up before its end, what it wrote is not known, and its caller reads the primary for a
/// while.
pub(super) struct Change {
    freshness: Arc<Freshness>,
    caller: Arc<Caller>,
    before: Option<String>,
    has_ended: bool,
}

impl Change {
    /// Whoever asked for it reads it from now on: to be waited for before the answer.
    pub(super) async fn ended(mut self) {
        let writers = self.writers();
        let position = self.freshness.app.note_write(&writers).await;
        self.freshness.tell(&writers, position).await;
        self.has_ended = true;
    }

    /// Who it was at first, and who they have become by signing in.
    fn writers(&self) -> Vec<String> {
        let after = writer(&self.caller).filter(|after| self.before.as_ref() != Some(after));
        self.before.iter().cloned().chain(after).collect()
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let writers = self.writers();
        let position = self.freshness.app.note_unknown_write(&writers);
        let freshness = Arc::clone(&self.freshness);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { freshness.tell(&writers, position).await });
        }
    }
}

/// As the transport knows them; `None` for nobody.
fn writer(caller: &Caller) -> Option<String> {
    let actor = caller.actor();
    (*actor.principal() != Principal::Anonymous).then(|| actor.principal().to_string())
}

fn found<T: Send + Sync + 'static>(request: &Request) -> Option<&T> {
    request.data.get(&TypeId::of::<T>())?.downcast_ref()
}
