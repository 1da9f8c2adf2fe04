//! Carries changes between processes over Redis pub/sub, so that a subscription on one hears what a worker does on
//! another. Hints only, and best effort: a lost one makes a screen late, never wrong.

use std::error::Error;
use std::time::Duration;

use domain::change::{Change, Changes};
use redis_client::{AddressError, Heard, RedisServer};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::PATIENCE;
use crate::outage::Outage;

/// The channel of all processes.
const CHANNEL: &str = "trestle:live";
/// Changes in one message, about 200 bytes each.
const BATCH_MAX: usize = 200;
/// A message that Redis does not take in this time is dropped: later changes matter more.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Why live updates cannot be carried.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The Redis URL cannot be used.
    #[error("the Redis URL is not valid")]
    Url(#[source] AddressError),
}

#[derive(Serialize)]
struct Outgoing<'a> {
    from: Uuid,
    changes: &'a [Change],
}

#[derive(Deserialize)]
struct Incoming {
    from: Uuid,
    /// Read one by one: a newer process may know kinds that this one does not.
    changes: Vec<serde_json::Value>,
}

/// Sends what comes from `outbound` to the other processes, and publishes in `changes` what they send, until
/// `shutdown`. `changes` and `outbound` are the two halves of [`Changes::bridged`].
///
/// # Errors
/// The URL is not one of Redis. An outage is no error.
pub async fn bridge(
    url: &str,
    changes: Changes,
    outbound: Receiver<Change>,
    shutdown: CancellationToken,
) -> Result<(), LiveError> {
    let connection = RedisServer::new(url, PATIENCE).map_err(LiveError::Url)?;
    let own = Uuid::now_v7();
    let receive = connection.listen(CHANNEL, |heard| {
        if let Heard::Message(message) = heard {
            receive(message.get_payload_bytes(), own, &changes);
        }
    });
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = receive => {}
        () = send(&connection, outbound, own) => {}
    }
    Ok(())
}

/// Ends when nobody is left who could publish.
async fn send(connection: &RedisServer, mut outbound: Receiver<Change>, own: Uuid) {
    let mut commands = connection.commands();
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let outage = Outage::new("the way of live updates to other processes");
    while outbound.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let message = match serde_json::to_vec(&Outgoing { from: own, changes: &batch }) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(error = &error as &dyn Error, "live updates could not be encoded");
                batch.clear();
                continue;
            }
        };
        batch.clear();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(CHANNEL).arg(message);
        match timeout(PUBLISH_TIMEOUT, publish.query_async::<i64>(&mut commands)).await {
            Ok(Ok(_listeners)) => outage.answered(),
            Ok(Err(error)) => outage.failed(&error),
            Err(elapsed) => outage.failed(&elapsed),
        }
    }
}

fn receive(payload: &[u8], own: Uuid, changes: &Changes) {
    let incoming: Incoming = match serde_json::from_slice(payload) {
        Ok(incoming) => incoming,
        Err(error) => {
            tracing::warn!(error = &error as &dyn Error, "a live update of another process cannot be read");
            return;
        }
    };
    if incoming.from == own {
        return;
    }
    for change in incoming.changes {
        match serde_json::from_value(change) {
            Ok(change) => changes.publish_local(change),
            Err(error) => {
                tracing::debug!(error = &error as &dyn Error, "a live update is of a kind unknown here");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::change::{Change, ChangeKind, Changes};
    use uuid::Uuid;

    use super::{Outgoing, receive};

    fn change() -> Change {
        Change { kind: ChangeKind::Run, tenant_id: Uuid::now_v7(), id: Uuid::now_v7(), integration_id: None }
    }

    #[test]
    fn changes_of_others_are_published_here_and_own_ones_are_not_repeated() {
        let changes = Changes::in_process();
        let mut listener = changes.subscribe();
        let (own, other) = (Uuid::now_v7(), Uuid::now_v7());
        let (mine, theirs) = (change(), change());
        let encode = |from, change: Change| {
            serde_json::to_vec(&Outgoing { from, changes: &[change] }).expect("changes can be encoded")
        };
        receive(&encode(own, mine), own, &changes);
        receive(&encode(other, theirs), own, &changes);
        assert_eq!(listener.try_recv(), Ok(theirs));
        assert!(listener.try_recv().is_err());
    }

    #[test]
    fn what_cannot_be_read_is_skipped_and_the_rest_is_not() {
        let changes = Changes::in_process();
        let mut listener = changes.subscribe();
        let known = change();
        receive(b"not json", Uuid::now_v7(), &changes);
        let mixed = serde_json::json!({ "from": Uuid::now_v7(), "changes": [{ "kind": "newer" }, known] });
        receive(mixed.to_string().as_bytes(), Uuid::now_v7(), &changes);
        assert_eq!(listener.try_recv(), Ok(known));
        assert!(listener.try_recv().is_err());
    }
}
