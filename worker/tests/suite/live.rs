//! Live updates between two processes' bridges over a real `redis-server`, also after it was away.

use domain::Tenants;
use domain::change::{self, Change, ChangeKind, Changes, Interest};
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use worker::live::bridge;

use crate::harness::{PATIENCE, Redis};

struct Process {
    changes: Changes,
    heard: Receiver<Change>,
}

fn process(redis: &Redis, tasks: &TaskTracker, shutdown: &CancellationToken) -> Process {
    let (changes, outbound) = Changes::bridged();
    let heard = changes.subscribe();
    let (url, bridged, shutdown) = (redis.url(), changes.clone(), shutdown.clone());
    tasks.spawn(async move { bridge(&url, bridged, outbound, shutdown).await.expect("the URL is valid") });
    Process { changes, heard }
}

fn change() -> Change {
    Change {
        kind: ChangeKind::Failure,
        tenant_id: Uuid::now_v7(),
        id: Uuid::now_v7(),
        integration_id: Some(Uuid::now_v7()),
    }
}

/// Publishes until the other one hears it: what is published before its channel is open is lost, as it may be.
async fn arrives(from: &Process, to: &mut Process) -> Change {
    let change = change();
    let publishing = async {
        loop {
            from.changes.publish(change);
            tokio::task::yield_now().await;
            if let Ok(heard) = to.heard.try_recv()
                && heard == change
            {
                return heard;
            }
        }
    };
    timeout(PATIENCE, publishing).await.expect("a change arrives in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_in_one_process_is_heard_in_the_other_and_once_in_its_own() {
    let mut redis = Redis::start();
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let mut api = process(&redis, &tasks, &shutdown);
    let mut worker = process(&redis, &tasks, &shutdown);
    arrives(&worker, &mut api).await;
    arrives(&api, &mut worker).await;

    // Both channels are open now: one publish is heard exactly once here and once there.
    let (mut here, mut there) = (worker.changes.subscribe(), api.changes.subscribe());
    let (first, last) = (change(), change());
    worker.changes.publish(first);
    worker.changes.publish(last);
    for listener in [&mut here, &mut there] {
        let mut heard = Vec::new();
        while heard.last() != Some(&last) {
            heard.push(timeout(PATIENCE, listener.recv()).await.expect("in time").expect("open"));
        }
        assert_eq!(heard.iter().filter(|heard| **heard == first).count(), 1);
    }

    let runs = Interest { kind: ChangeKind::Run, id: None, integration_id: None };
    let listening = api.changes.listen(runs, &Tenants::All);
    assert_eq!(listening.sure_until(), None);
    redis.kill();
    worker.changes.publish(change());
    redis.revive();
    worker.heard = worker.heard.resubscribe();
    api.heard = api.heard.resubscribe();
    arrives(&worker, &mut api).await;
    arrives(&api, &mut worker).await;
    // What changed meanwhile was lost, so that everybody is to look for it.
    let told = listening.take(1);
    assert!(told.has_missed && told.missed_since.is_some_and(|since| since <= change::now()), "{told:?}");

    shutdown.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("the bridges end");
}
