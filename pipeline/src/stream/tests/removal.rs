//! Records that are gone from the source.

use connector::{Removal, SyncMode};
use serde_json::{Value, json};

use super::memory::{MemoryLedger, Systems, codes, plan, records, run_once, systems};
use crate::StreamPlan;

const AT: &str = "2026-11-26T00:00:00.000Z";

/// What a source with these records leaves at the destination.
async fn next_run(
    systems: &Systems,
    ledger: &MemoryLedger,
    given: impl IntoIterator<Item = Value>,
    removal: Option<Removal>,
) {
    ledger.with(|kept| {
        kept.run += 1;
        kept.checkpoint = None;
    });
    systems.with(|world| {
        world.given = records(given);
        world.finished = 0;
    });
    let plan = StreamPlan { removal, fresh: false, ..plan() };
    run_once(&plan, SyncMode::Full, 3, systems, ledger).await;
    systems.with(|world| assert_eq!(world.finished, 1));
}

fn rows(systems: &Systems) -> Vec<String> {
    systems.with(|world| world.rows.values().map(ToString::to_string).collect())
}

#[tokio::test]
async fn what_does_not_come_again_is_deleted_and_what_cannot_be_is_a_failure() {
    let systems = systems(7, Vec::new());
    let ledger = MemoryLedger::of(&systems);
    let record = |id: u64| json!({"id": id.to_string(), "kept": id == 3});
    next_run(&systems, &ledger, (1..=9).map(record), Some(Removal::Delete)).await;
    assert_eq!((rows(&systems).len(), ledger.with(|kept| kept.removed)), (9, 0));
    // Without being told to, nothing is removed.
    next_run(&systems, &ledger, [1, 9].map(record), None).await;
    assert_eq!((rows(&systems).len(), ledger.with(|kept| kept.removed)), (9, 0));

    systems.with(|world| world.transient_one_in = 3);
    next_run(&systems, &ledger, [1, 9].map(record), Some(Removal::Delete)).await;
    let left = systems.with(|world| world.rows.keys().cloned().collect::<Vec<_>>());
    assert_eq!(left, ["1", "3", "9"]);
    assert_eq!(codes(&ledger), [("destination.removal_refused".to_owned(), Some("3".to_owned()))]);
    assert_eq!(ledger.with(|kept| (kept.removed, kept.receipts.len())), (6, 3), "the next run tries again");
}

#[tokio::test]
async fn what_is_marked_loses_its_mark_when_it_comes_again() {
    for detects_unchanged in [true, false] {
        let systems = systems(8, Vec::new());
        systems.with(|world| world.detects_unchanged = detects_unchanged);
        let ledger = MemoryLedger::of(&systems);
        let removal = || Some(Removal::Mark { field: "goneAt".to_owned(), at: AT.to_owned() });
        let both = || ["a", "b"].map(|id| json!({ "id": id }));
        let there = |id: &str| format!(r#"{{"id":"{id}","goneAt":null}}"#);
        next_run(&systems, &ledger, both(), removal()).await;
        assert_eq!(rows(&systems), [there("a"), there("b")]);
        next_run(&systems, &ledger, [json!({"id": "a"})], removal()).await;
        assert_eq!(rows(&systems), [there("a"), format!(r#"{{"id":"b","goneAt":"{AT}"}}"#)]);
        next_run(&systems, &ledger, both(), removal()).await;
        assert_eq!(rows(&systems), [there("a"), there("b")]);
        assert_eq!(ledger.with(|kept| kept.removed), 1);
    }
}

#[tokio::test]
async fn an_incremental_run_removes_nothing() {
    let systems = systems(9, records([json!({"id": 1})]));
    let ledger = MemoryLedger::of(&systems);
    let plan = StreamPlan { removal: Some(Removal::Delete), fresh: false, ..plan() };
    run_once(&plan, SyncMode::Incremental, 3, &systems, &ledger).await;
    ledger.with(|kept| kept.run += 1);
    systems.with(|world| world.given = Vec::new());
    run_once(&plan, SyncMode::Incremental, 3, &systems, &ledger).await;
    assert_eq!((rows(&systems).len(), ledger.with(|kept| kept.removed)), (1, 0));
}
