//! Who reads what they wrote although a replica answers queries: each query asks the domain whether the replica has what its
//! caller wrote, and each change tells the domain and the other processes where it ended. Only this reads the replica, and
//! only queries come here for it.

use std::any::TypeId;
use std::sync::Arc;

use async_graphql::Request;
use domain::{App, LastWrite, Principal};
use tokio::runtime::Handle;

use super::caller::Caller;
use crate::http::{LastWrite as ToldWrite, SharedStore};

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

    async fn tell(&self, writers: &[String], position: Option<u64>) {
        if let (Some(shared), Some(position)) = (&self.shared, position) {
            for writer in writers {
                shared.wrote(writer, position).await;
            }
        }
    }
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
