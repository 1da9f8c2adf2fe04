//! Processes that are killed while events come: what was answered with 2xx arrives, whatever happens.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::{Address, Place, data, order};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::impatient;

/// Senders at once.
const SENDERS: usize = 6;
/// How often a process is killed.
const KILLS: usize = 3;
/// Between two kills: some events come meanwhile.
const BETWEEN_KILLS: Duration = Duration::from_millis(700);

/// Sends until it is told to stop, each event again until it is answered; gives those that were.
async fn send_on(address: Address, sender: usize, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut stored = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("{sender}-{number:05}");
        // An event that was never answered may be stored or not; it is sent again with the same id, as senders do.
        for _attempt in 0..200 {
            match address.event(&id, &order(&id)).send().await {
                Ok(response) if response.status().is_success() => {
                    stored.push(id.clone());
                    break;
                }
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
    stored
}

async fn what_is_answered_arrives(trestle: &mut Trestle, kill: impl AsyncFn(&mut Trestle, usize)) {
    let place = Place::of(trestle, json!({"coalesceSeconds": 1})).await;
    let integration = place.reading("t", data()).await;
    let (stop, mut senders) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for sender in 0..SENDERS {
        senders.spawn(send_on(place.address.clone(), sender, Arc::clone(&stop)));
    }
    for time in 0..KILLS {
        tokio::time::sleep(BETWEEN_KILLS).await;
        kill(trestle, time).await;
    }
    tokio::time::sleep(BETWEEN_KILLS).await;
    stop.store(true, Ordering::Relaxed);
    let stored: BTreeSet<String> = senders.join_all().await.into_iter().flatten().collect();
    assert!(stored.len() > 50, "only {} events came", stored.len());
    let arrived: BTreeSet<String> = until("all that was stored arrives", SOON * 2, async || {
        let arrived: BTreeSet<String> = place.arrived("t").await.into_iter().collect();
        let missing: Vec<_> = stored.difference(&arrived).take(5).cloned().collect();
        if missing.is_empty() { Ok(arrived) } else { Err(missing) }
    })
    .await;
    // One that was stored and never answered for may be there besides.
    assert!(arrived.len() <= stored.len() + SENDERS, "{} of {}", arrived.len(), stored.len());
    until("everything is read", SOON, async || {
        let webhook = place.webhook().await;
        if webhook["waitingCount"] == 0 { Ok(()) } else { Err(webhook) }
    })
    .await;
    for run in place.ended_runs(&integration).await {
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    }
}

#[tokio::test]
async fn what_is_answered_arrives_though_the_program_is_killed() {
    let mut trestle = impatient().lease_seconds(2).embedded().await;
    what_is_answered_arrives(&mut trestle, async |trestle, _time| trestle.restart_server().await).await;
}

#[tokio::test]
async fn what_is_answered_arrives_though_apis_and_workers_are_killed() {
    let mut trestle = Setup::new().setting("TRESTLE_RETRY_SECONDS", 1).lease_seconds(2).split(2).await;
    let kill = async |trestle: &mut Trestle, time: usize| match time % 2 {
        0 => trestle.restart_worker(time / 2 % 2, &[]).await,
        _ => trestle.restart_server().await,
    };
    what_is_answered_arrives(&mut trestle, kill).await;
}
