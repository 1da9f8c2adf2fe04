//! Both ends compared: what was moved and is not there, and nothing else, is a difference.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector::SyncMode;
use serde_json::{Value, json};

use super::super::{Moved, StreamPlan, compare_stream};
use super::memory::{
    Given, MemoryLedger, Random, Systems, open_destination, open_source, plan, records, run_once, systems,
};
use crate::{Compared, Comparison, DIFFERENCES_MAX, DifferenceKind, OnlyThere, Stop, Untold};

async fn compare(plan: &StreamPlan, page: usize, systems: &Systems, ledger: &MemoryLedger) -> Comparison {
    let connector = Arc::new(systems.clone());
    compare_stream(
        plan.clone(),
        connector.clone(),
        open_source(SyncMode::Full, page),
        connector,
        open_destination(SyncMode::Full),
        Moved::default(),
        ledger,
        &Stop::default(),
    )
    .await
    .unwrap()
}

async fn compared(page: usize, systems: &Systems, ledger: &MemoryLedger) -> Compared {
    match compare(&plan(), page, systems, ledger).await {
        Comparison::Done(compared) => *compared,
        Comparison::Impossible => unreachable!("it can be asked"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_in_passing_each_record_is_told_rightly() {
    for seed in 0..300_u64 {
        let mut random = Random(seed);
        let count = random.below(90);
        let page = 1 + random.below(20) as usize;
        let rows = (0..count).map(|number| json!({"id": format!("R{number}"), "v": number}));
        let systems = systems(seed, records(rows));
        let ledger = MemoryLedger::of(&systems);
        run_once(&plan(), SyncMode::Full, page, &systems, &ledger).await;

        let (mut expected, mut mended, mut failing, mut not_moved, mut found) =
            (BTreeMap::new(), 0, 0, 0, count);
        for number in 0..count {
            let key = format!("R{number}");
            let kind = match random.below(8) {
                0 => DifferenceKind::Missing,
                1 => DifferenceKind::Different,
                _ => continue,
            };
            systems.with(|world| match kind {
                DifferenceKind::Missing => drop(world.rows.remove(&key)),
                DifferenceKind::Different => {
                    world.rows.insert(key.clone(), [("v".to_owned(), json!("x"))].into_iter().collect());
                }
            });
            let is_there = kind == DifferenceKind::Different;
            match random.below(4) {
                0 => {
                    systems.with(|world| world.mended.insert(key.clone()));
                    mended += 1;
                    continue;
                }
                1 => {
                    ledger.with(|kept| kept.failing.insert(key.clone()));
                    failing += 1;
                }
                2 => {
                    ledger.with(|kept| kept.receipts.remove(&key));
                    not_moved += 1;
                }
                _ => drop(expected.insert(key, kind)),
            }
            found -= u64::from(!is_there);
        }
        systems.with(|world| world.transient_one_in = 20);
        let compared = compared(page, &systems, &ledger).await;
        let told: BTreeMap<String, DifferenceKind> =
            compared.differences.iter().map(|one| (one.key.canonical().to_owned(), one.kind)).collect();
        assert_eq!(told, expected, "seed {seed}, {mended} mended");
        let counts = compared.counts;
        assert_eq!((counts.read, counts.source, counts.destination), (count, count, found), "seed {seed}");
        assert_eq!((counts.failing, counts.not_moved), (failing, not_moved), "seed {seed}");
        let drifted = counts.missing + counts.different;
        assert_eq!(drifted, expected.len() as u64);
        assert_eq!(counts.matched + drifted + failing + not_moved, count, "seed {seed}");
        assert_eq!(compared.source_keys == compared.destination_keys, found == count, "seed {seed}");
        let is_same = compared.source_records == compared.destination_records;
        assert_eq!(is_same, counts.matched == count, "seed {seed}");
        assert!(compared.differences.iter().all(|one| one.in_doubt.is_some() && one.record["v"].is_number()));
    }
}

#[tokio::test]
async fn a_hundred_thousand_that_are_missing_are_counted_and_a_thousand_kept() {
    let rows: Vec<Value> = (0..100_000).map(|number| json!({"id": number})).collect();
    let systems = systems(1, records(rows));
    let ledger = MemoryLedger::of(&systems);
    run_once(&plan(), SyncMode::Full, 5_000, &systems, &ledger).await;
    systems.with(|world| world.rows.clear());
    let compared = compared(5_000, &systems, &ledger).await;
    assert_eq!((compared.counts.missing, compared.counts.destination), (100_000, 0));
    assert_eq!(compared.differences.len(), DIFFERENCES_MAX);
    assert_eq!(systems.with(|world| world.finished), 2, "it is finished like one that was written");
}

#[tokio::test]
async fn a_second_record_with_a_key_is_told_once_and_what_is_no_record_is_counted() {
    let mut given = records([json!({"id": 1, "v": 1}), json!({"id": 2, "v": 1}), json!({"id": 1, "v": 1})]);
    given.push(Given::Malformed);
    let systems = systems(1, given);
    let ledger = MemoryLedger::of(&systems);
    run_once(&plan(), SyncMode::Full, 2, &systems, &ledger).await;
    systems.with(|world| world.rows.remove("1"));
    let compared = compared(2, &systems, &ledger).await;
    let counts = compared.counts;
    assert_eq!((counts.read, counts.refused, counts.source, counts.missing, counts.matched), (4, 2, 2, 1, 1));
    assert_eq!(compared.differences.len(), 1);
}

#[tokio::test]
async fn where_the_destination_cannot_be_asked_the_source_is_not_read() {
    let systems = systems(1, records([json!({"id": 1})]));
    systems.with(|world| world.can_compare = false);
    let ledger = MemoryLedger::of(&systems);
    assert!(matches!(compare(&plan(), 2, &systems, &ledger).await, Comparison::Impossible));
    assert_eq!(systems.with(|world| world.opened_sources), 0);
}

/// What only the destination has: how many, their keys, and how many rows of others.
fn told(compared: &Compared) -> (u64, Vec<String>, Option<u64>) {
    match &compared.only_there {
        OnlyThere::Told { extra, kept, others } => {
            (*extra, kept.iter().map(|gone| gone.key.canonical().to_owned()).collect(), *others)
        }
        OnlyThere::Untold(why) => unreachable!("{why:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_destination_has_is_told_whatever_fails_in_passing() {
    for seed in 0..200_u64 {
        let mut random = Random(seed);
        let count = random.below(90);
        let rows = |count: u64| (0..count).map(|number| json!({"id": format!("R{number:02}"), "v": number}));
        let systems = systems(seed, records(rows(count)));
        let ledger = MemoryLedger::of(&systems);
        run_once(&plan(), SyncMode::Full, 10, &systems, &ledger).await;
        // Of those that are gone from the source, some are gone from the destination too; some rows were never ours.
        let (mut expected, mut given) = (Vec::new(), Vec::new());
        for row in rows(count) {
            let key = row["id"].as_str().unwrap().to_owned();
            match random.below(6) {
                0 => expected.push(key),
                1 => systems.with(|world| drop(world.rows.remove(&key))),
                _ => given.push(row),
            }
        }
        let others = random.below(5);
        systems.with(|world| {
            world.given = records(given.clone());
            for number in 0..others {
                world.rows.insert(format!("other {number}"), Default::default());
            }
            world.transient_one_in = 20;
        });
        let compared = compared(1 + random.below(20) as usize, &systems, &ledger).await;
        assert_eq!(told(&compared), (expected.len() as u64, expected, Some(others)), "seed {seed}");
        let matched = compared.counts.matched;
        assert_eq!((compared.counts.source, matched), (given.len() as u64, given.len() as u64));
        assert!(compared.differences.is_empty(), "seed {seed}");
    }
}

#[tokio::test]
async fn what_failed_has_come_and_what_has_no_key_may_be_any_of_them() {
    let systems = systems(1, records((0..5).map(|id| json!({"id": id}))));
    let ledger = MemoryLedger::of(&systems);
    run_once(&plan(), SyncMode::Full, 2, &systems, &ledger).await;
    let rules = crate::Rules::compile(&json!({"properties": {"n": {"type": "number"}}})).unwrap();
    let strict = StreamPlan { rules: Some(Arc::new(rules)), ..plan() };
    systems.with(|world| world.given = records([json!({"id": 0}), json!({"id": 1, "n": "x"})]));
    let Comparison::Done(compared) = compare(&strict, 2, &systems, &ledger).await else {
        unreachable!("it can be asked")
    };
    assert_eq!(told(&compared), (3, vec!["2".to_owned(), "3".to_owned(), "4".to_owned()], Some(1)));
    systems.with(|world| world.given.push(Given::Malformed));
    let compared = self::compared(2, &systems, &ledger).await;
    assert!(
        matches!(compared.only_there, OnlyThere::Untold(Untold::Unreadable)),
        "{:?}",
        compared.only_there
    );
}

#[tokio::test]
async fn two_records_that_have_become_one_stay_as_long_as_the_source_has_one() {
    let systems = systems(1, records(["a", "b", "c"].map(|id| json!({"id": id}))));
    let ledger = MemoryLedger::of(&systems);
    run_once(&plan(), SyncMode::Full, 2, &systems, &ledger).await;
    // `a` and `b` are `x` there, and `c` is `z`.
    ledger.with(|kept| {
        kept.names = [("a", "x"), ("b", "x"), ("c", "z")].map(|(key, name)| (key.into(), name.into())).into();
    });
    systems.with(|world| {
        world.rows = ["x", "z"].map(|key| (key.to_owned(), Default::default())).into();
        world.given = records([json!({"id": "a"})]);
    });
    let (extra, keys, _others) = told(&compared(2, &systems, &ledger).await);
    assert_eq!((extra, keys), (1, vec!["c".to_owned()]));
}

#[tokio::test]
async fn more_than_a_thousand_are_counted() {
    let systems = systems(1, records((0..2_500).map(|id| json!({"id": id}))));
    let ledger = MemoryLedger::of(&systems);
    run_once(&plan(), SyncMode::Full, 1_000, &systems, &ledger).await;
    systems.with(|world| world.given.clear());
    let (extra, keys, others) = told(&compared(5_000, &systems, &ledger).await);
    assert_eq!((extra, keys.len(), others), (2_500, DIFFERENCES_MAX, Some(0)));
}
