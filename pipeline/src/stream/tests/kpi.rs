//! What is measured of the records of a stream: those that it delivers, each time that it does.

use std::sync::Arc;

use connector::SyncMode;
use serde_json::json;
use uuid::Uuid;

use super::super::{Repeats, StreamPlan};
use super::memory::{Given, MemoryLedger, plan, records, run_once, systems};
use crate::{Kpis, Mapping, Measure, Pointer, Rules};

fn amounts(of: &[i64]) -> Vec<Given> {
    let ids = of.iter().enumerate();
    records(ids.map(|(id, amount)| json!({"id": id, "net": amount})).collect::<Vec<_>>())
}

#[tokio::test]
async fn records_are_measured_as_they_are_delivered_and_each_time_that_they_are() {
    let gross = Measure::Sum { field: Pointer::parse("/gross").unwrap() };
    let kpis = Arc::new(Kpis::new(vec![(Uuid::nil(), gross)]).unwrap());
    let mapping = ".gross = int!(.net) * 2\nif .net == 13 { .refused = true }";
    let mapping = Arc::new(Mapping::compile(mapping).unwrap());
    let rules = json!({"properties": {"net": {"maximum": 100}}});
    let rules = Arc::new(Rules::compile(&rules).unwrap());
    for (page, detects_unchanged) in [(1, true), (2, true), (9, true), (1, false), (2, false), (9, false)] {
        let systems = systems(1, amounts(&[1, 2, 13, 101, 5]));
        systems.with(|world| world.detects_unchanged = detects_unchanged);
        let ledger = MemoryLedger::of(&systems);
        let plan = StreamPlan {
            mapping: Some(mapping.clone()),
            rules: Some(rules.clone()),
            kpis: Some(kpis.clone()),
            ..plan()
        };
        run_once(&plan, SyncMode::Full, page, &systems, &ledger).await;
        let expected = |records: i64, gross: i128| (records, gross * 1_000_000);
        let case = format!("page {page}, detects {detects_unchanged}");
        assert_eq!(ledger.with(|kept| kept.measured), expected(3, 16), "{case}: two failed");

        // One of them changes, and one that failed does not fail any more; the others are there as they are.
        systems.with(|world| world.given = amounts(&[1, 7, 13, 100, 5]));
        ledger.with(|kept| (kept.run, kept.checkpoint) = (kept.run + 1, None));
        let again = StreamPlan { fresh: false, ..plan };
        run_once(&again, SyncMode::Full, page, &systems, &ledger).await;
        assert_eq!(ledger.with(|kept| kept.measured), expected(5, 16 + 14 + 200), "{case}");

        // An attempt that may repeat one before it finds nothing that was not accounted.
        ledger.with(|kept| (kept.run, kept.checkpoint) = (kept.run + 1, None));
        let resumed = StreamPlan { repeats: Repeats::AtBegin, ..again };
        run_once(&resumed, SyncMode::Full, page, &systems, &ledger).await;
        assert_eq!(ledger.with(|kept| kept.measured), expected(5, 16 + 14 + 200), "{case}");

        // One has lost its receipt: it was delivered, and that was not accounted.
        ledger.with(|kept| {
            kept.receipts.remove("1");
            (kept.run, kept.checkpoint) = (kept.run + 1, None);
        });
        run_once(&resumed, SyncMode::Full, page, &systems, &ledger).await;
        assert_eq!(ledger.with(|kept| kept.measured), expected(6, 16 + 14 + 200 + 14), "{case}");
    }
}

#[tokio::test]
async fn records_whose_delivery_was_not_accounted_are_found_where_they_may_be() {
    let net = Measure::Sum { field: Pointer::parse("/net").unwrap() };
    let kpis = Arc::new(Kpis::new(vec![(Uuid::nil(), net)]).unwrap());
    let plan = StreamPlan { kpis: Some(kpis), ..plan() };
    // Pages have one record each. What is not there yet is no sign that nothing is repeated behind it.
    let (begin, behind) = (2..3, 5..12);
    for (repeats, lost, found) in [
        (Repeats::Nowhere, begin.clone(), 0),
        (Repeats::AtBegin, begin.clone(), 1),
        (Repeats::AtBegin, behind.clone(), 0),
        (Repeats::Anywhere, begin, 1),
        (Repeats::Anywhere, behind, 4),
    ] {
        let systems = systems(1, amounts(&[1; 12]));
        let ledger = MemoryLedger::of(&systems);
        run_once(&plan, SyncMode::Full, 1, &systems, &ledger).await;
        assert_eq!(ledger.with(|kept| kept.measured), (12, 12_000_000));
        systems.with(|world| world.rows.remove("0"));
        ledger.with(|kept| {
            kept.receipts.remove("0");
            for id in lost.clone() {
                kept.receipts.remove(&id.to_string());
            }
            (kept.run, kept.checkpoint) = (kept.run + 1, None);
        });
        let again = StreamPlan { fresh: false, repeats, ..plan.clone() };
        run_once(&again, SyncMode::Full, 1, &systems, &ledger).await;
        let measured = ledger.with(|kept| kept.measured);
        let records = 12 + 1 + found;
        assert_eq!(measured, (records, i128::from(records) * 1_000_000), "{repeats:?}, without {lost:?}");
    }
}
