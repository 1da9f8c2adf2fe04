//! Stored records of failures, tried again.

use std::sync::Arc;

use connector::{Record, SyncMode};
use futures::StreamExt;
use serde_json::{Value, json};
use uuid::Uuid;

use super::memory::{MemoryLedger, Systems, open_destination, plan, systems};
use crate::{
    Counts, LedgerError, Mapping, PayloadHash, Rules, Stop, StoredRecord, StreamPlan, StreamReport,
    StreamStop, run_records,
};

async fn retried(
    plan: StreamPlan,
    stored: Vec<Result<StoredRecord, LedgerError>>,
    page_records_max: usize,
    systems: &Systems,
    ledger: &MemoryLedger,
) -> Result<StreamReport, StreamStop> {
    let (records, destination) = (futures::stream::iter(stored).boxed(), Arc::new(systems.clone()));
    let open = open_destination(SyncMode::Full);
    run_records(plan, records, page_records_max, destination, open, ledger, &Stop::default()).await
}

#[tokio::test]
async fn a_retry_says_of_each_failure_what_came_of_it() {
    let rules = Rules::compile(&json!({"properties": {"v": {"type": "number"}}})).unwrap();
    let mapping = Mapping::compile("if .skip == true { abort }").unwrap();
    let plan =
        StreamPlan { mapping: Some(Arc::new(mapping)), rules: Some(Arc::new(rules)), fresh: false, ..plan() };
    let failure = |number: u128| Uuid::from_u128(number);
    let given = [
        (1, json!({"id": 1, "v": 1})),
        (2, json!({"id": 2, "v": "x"})),
        (3, json!({"id": 3, "skip": true})),
        (4, json!({"id": 4, "refused": true})),
        (5, json!({"id": 1, "v": 2})),
        (6, json!({"v": 2})),
        (7, json!({"id": 7, "v": 7})),
    ];
    for (page, detects_unchanged) in [(100, true), (100, false), (2, true), (1, false)] {
        let systems = systems(1, Vec::new());
        systems.with(|world| world.detects_unchanged = detects_unchanged);
        let ledger = MemoryLedger::of(&systems);
        let seven: Record = json!({"id": 7, "v": 7}).as_object().unwrap().clone().into();
        systems.with(|world| world.rows.insert("7".to_owned(), seven.clone()));
        ledger.with(|kept| {
            kept.run = 2;
            kept.receipts.insert("7".to_owned(), (PayloadHash::of(&seven), 1));
        });
        let stored: Vec<_> = given
            .iter()
            .map(|(number, record)| {
                let record: Record = record.as_object().unwrap().clone().into();
                Ok(StoredRecord { failure: failure(*number), unless_written_by: None, record, size_bytes: 0 })
            })
            .collect();
        let report = retried(plan.clone(), stored, page, &systems, &ledger).await.unwrap();
        assert_eq!(
            report.counts,
            Counts { read: 7, created: 1, updated: 1, unchanged: 1, skipped: 1, failed: 3 },
            "page {page}, detects {detects_unchanged}"
        );
        assert_eq!(report.watermark, None);
        assert_eq!(systems.with(|world| world.rows["1"]["v"].clone()), 2, "the later one is written last");
        ledger.with(|kept| {
            kept.retried_written.sort();
            assert_eq!(kept.retried_written, [1, 5, 7].map(failure));
            assert_eq!(kept.retried_skipped, [failure(3)]);
            let mut failed: Vec<_> = kept
                .failures
                .iter()
                .map(|failure| (failure.retried.unwrap(), failure.code.as_str()))
                .collect();
            failed.sort();
            assert_eq!(
                failed,
                [
                    (failure(2), "record.schema_violation"),
                    (failure(4), "destination.rejected"),
                    (failure(6), "record.missing_key"),
                ]
            );
            assert_eq!(kept.checkpoint, None);
        });
    }
}

#[tokio::test]
async fn what_a_gate_kept_back_is_not_written_over_what_its_run_wrote_of_the_same_key() {
    for detects_unchanged in [true, false] {
        let systems = systems(1, Vec::new());
        systems.with(|world| world.detects_unchanged = detects_unchanged);
        let ledger = MemoryLedger::of(&systems);
        let record = |value: Value| -> Record { value.as_object().unwrap().clone().into() };
        let first = record(json!({"id": 1, "v": "of another slice"}));
        ledger.with(|kept| {
            kept.run = 3;
            kept.receipts.insert("1".to_owned(), (PayloadHash::of(&first), 2));
            kept.receipts.insert("2".to_owned(), (PayloadHash::of(&first), 1));
        });
        systems.with(|world| world.rows.insert("1".to_owned(), first.clone()));
        let stored = (1..=3).map(|number| {
            Ok(StoredRecord {
                failure: Uuid::from_u128(number),
                unless_written_by: Some(Uuid::from_u128(2)),
                record: record(json!({"id": number as u64, "v": "kept"})),
                size_bytes: 0,
            })
        });
        let report = retried(plan(), stored.collect::<Vec<_>>(), 100, &systems, &ledger).await.unwrap();
        assert_eq!((report.counts.read, report.counts.failed), (3, 1));
        assert_eq!(systems.with(|world| world.rows["1"].clone()), first);
        ledger.with(|kept| {
            let failed: Vec<_> = kept
                .failures
                .iter()
                .map(|failure| (failure.retried.unwrap(), failure.code.as_str()))
                .collect();
            assert_eq!(failed, [(Uuid::from_u128(1), "record.duplicate_key")]);
            kept.retried_written.sort();
            assert_eq!(kept.retried_written, [2, 3].map(Uuid::from_u128));
        });
    }
}

#[tokio::test]
async fn a_retry_stops_when_stored_records_cannot_be_read() {
    let systems = systems(1, Vec::new());
    let ledger = MemoryLedger::of(&systems);
    let stored = vec![Err(LedgerError::Storage("disk".into()))];
    let stop = retried(plan(), stored, 10, &systems, &ledger).await.unwrap_err();
    assert_eq!(stop.code().as_deref(), Some("platform.storage"));
}
