//! Carries changes between processes over Redis pub/sub, so that a subscription on one hears what a worker does on
//! another. Hints only, and best effort: where some may be lost, listeners are told since when, and read what they missed.

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::change::{self, Change, Changes};
use redis_client::{AddressError, Heard, RedisServer};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until, timeout};
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
/// So long after something was lost the others are told so, and again when that is lost, too.
const LOST_PAUSE: Duration = Duration::from_secs(1);
/// They are told once more after this time: whoever lost Redis, too, listens to it again by then.
const LOST_AGAIN: Duration = Duration::from_secs(20);

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
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_since: Option<DateTime<Utc>>,
    changes: &'a [Change],
}

#[derive(Deserialize)]
struct Incoming {
    from: Uuid,
    /// Changes of that process since then may not have been sent. An older process says nothing of it.
    #[serde(default)]
    lost_since: Option<DateTime<Utc>>,
    /// Read one by one: a newer process may know kinds that this one does not.
    changes: Vec<serde_json::Value>,
}

/// That changes were not sent.
#[derive(Debug)]
struct Lost {
    since: DateTime<Utc>,
    /// When to tell the others.
    tell_at: Instant,
    /// They were told once.
    is_told: bool,
}

impl Lost {
    /// With what was lost before.
    fn since(since: DateTime<Utc>, before: Option<Self>) -> Self {
        let soon = Instant::now() + LOST_PAUSE;
        match before {
            Some(before) => {
                Self { since: before.since.min(since), tell_at: before.tell_at.min(soon), is_told: false }
            }
            None => Self { since, tell_at: soon, is_told: false },
        }
    }

    /// What is left to tell when it was told.
    fn told(self) -> Option<Self> {
        (!self.is_told).then(|| Self { tell_at: Instant::now() + LOST_AGAIN, is_told: true, ..self })
    }
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
    changes.doubt();
    let receive = connection.listen(CHANNEL, |heard| match heard {
        Heard::Opened => changes.be_sure(),
        Heard::Message(message) => receive(message.get_payload_bytes(), own, &changes),
        Heard::Closed => changes.doubt(),
    });
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = receive => {}
        () = send(&connection, &changes, outbound, own) => {}
    }
    Ok(())
}

/// Ends when nobody is left who could publish.
async fn send(connection: &RedisServer, changes: &Changes, mut outbound: Receiver<Change>, own: Uuid) {
    let mut commands = connection.commands();
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let outage = Outage::new("the way of live updates to other processes");
    let mut lost: Option<Lost> = None;
    // Nothing that waits is older.
    let mut queued_from = change::now();
    loop {
        let was_empty = outbound.is_empty();
        let tell_at = lost.as_ref().map_or_else(Instant::now, |lost| lost.tell_at);
        tokio::select! {
            count = outbound.recv_many(&mut batch, BATCH_MAX) => {
                if count == 0 {
                    return;
                }
            }
            () = sleep_until(tell_at), if lost.is_some() => {}
        }
        if was_empty {
            queued_from = change::now();
        }
        if let Some(since) = changes.take_unsent_since() {
            lost = Some(Lost::since(since, lost.take()));
        }
        let lost_since = lost.as_ref().filter(|lost| lost.tell_at <= Instant::now()).map(|lost| lost.since);
        if batch.is_empty() && lost_since.is_none() {
            continue;
        }
        let encoded = serde_json::to_vec(&Outgoing { from: own, lost_since, changes: &batch });
        batch.clear();
        let message = match encoded {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(error = &error as &dyn Error, "live updates could not be encoded");
                continue;
            }
        };
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(CHANNEL).arg(message);
        let is_sent = match timeout(PUBLISH_TIMEOUT, publish.query_async::<i64>(&mut commands)).await {
            Ok(Ok(_listeners)) => {
                outage.answered();
                true
            }
            Ok(Err(error)) => {
                outage.failed(&error);
                false
            }
            Err(elapsed) => {
                outage.failed(&elapsed);
                false
            }
        };
        if !is_sent {
            let tell_at = Instant::now() + LOST_PAUSE;
            lost = Some(Lost { tell_at, ..Lost::since(queued_from, lost.take()) });
        } else if lost_since.is_some() {
            lost = lost.take().and_then(Lost::told);
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
    if let Some(since) = incoming.lost_since {
        changes.miss(since);
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
    use chrono::{DateTime, Utc};
    use domain::Tenants;
    use domain::change::{self, Change, ChangeKind, Changes, Interest};
    use tokio::time::Instant;
    use uuid::Uuid;

    use super::{LOST_AGAIN, LOST_PAUSE, Lost, Outgoing, receive};

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
            let outgoing = Outgoing { from, lost_since: None, changes: &[change] };
            serde_json::to_vec(&outgoing).expect("changes can be encoded")
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

    #[test]
    fn what_others_have_lost_counts_as_missed_and_what_oneself_has_does_not() {
        let changes = Changes::in_process();
        let runs = Interest { kind: ChangeKind::Run, id: None, integration_id: None };
        let listening = changes.listen(runs, &Tenants::All);
        let (own, since) = (Uuid::now_v7(), change::now());
        let encode = |from, lost_since: Option<DateTime<Utc>>| {
            serde_json::to_vec(&Outgoing { from, lost_since, changes: &[] }).expect("JSON")
        };
        receive(&encode(own, Some(since)), own, &changes);
        receive(&encode(Uuid::now_v7(), None), own, &changes);
        assert!(!listening.take(1).has_missed);
        receive(&encode(Uuid::now_v7(), Some(since)), own, &changes);
        assert_eq!(listening.take(1).missed_since, Some(since));
        let text = String::from_utf8(encode(own, None)).expect("UTF-8");
        assert!(!text.contains("lost_since"), "as an older process knows it: {text}");
    }

    #[test]
    fn what_was_lost_is_told_soon_and_once_more() {
        let (earlier, later) = (change::now(), change::now() + chrono::Duration::seconds(1));
        let lost = Lost::since(earlier, Some(Lost::since(later, None)));
        assert_eq!((lost.since, lost.is_told), (earlier, false));
        assert!(lost.tell_at <= Instant::now() + LOST_PAUSE);
        let told = lost.told().expect("once more");
        assert!(told.is_told && told.tell_at > Instant::now() + LOST_AGAIN / 2);
        let more = Lost::since(later, Some(told));
        assert!(more.since == earlier && !more.is_told && more.tell_at <= Instant::now() + LOST_PAUSE);
        let again = more.told().and_then(Lost::told);
        assert!(again.is_none(), "{again:?}");
    }
}
