//! The engine against systems and a ledger in memory: faults at every point, chosen by a seed.

#![expect(clippy::unwrap_used, reason = "tests")]

mod comparison;
mod in_doubt;
mod kpi;
mod memory;
mod removal;
mod retry;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connector::{Gone, Record, SyncMode, SystemError, SystemErrorKind};
use futures::stream::BoxStream;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{PAGES_IN_MEMORY_MAX, Repeats, StreamPlan, StreamReport, StreamStop, run_stream};
use crate::{
    AccountedPage, Counts, Gate, GateCounts, GateRules, InDoubt, Kpis, Ledger, LedgerError, Mapping, Measure,
    PageBudget, Pointer, Receipt, RemovedPage, RetryNotice, RetryPolicy, Rules, Shape, Side, Stop,
};
use memory::{
    Given, MemoryLedger, Random, Systems, codes, open_destination, open_source, plan, records, run, run_once,
    systems,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_and_wherever_it_stops_each_record_has_one_end() {
    let rules = Arc::new(Rules::compile(&json!({"properties": {"amount": {"type": "number"}}})).unwrap());
    let mapping =
        Arc::new(Mapping::compile("if .skip == true { abort }\n.mapped = to_int!(.count)").unwrap());
    let amount = Measure::Sum { field: Pointer::parse("/amount").unwrap() };
    let kpis = Arc::new(Kpis::new(vec![(Uuid::nil(), amount)]).unwrap());
    for seed in 0..400_u64 {
        let mut random = Random(seed);
        let mut given = Vec::new();
        // What must come of it: the first good record of each key, and the code of each failure.
        let (mut rows, mut expected, mut skipped) = (BTreeMap::new(), Vec::new(), 0);
        for number in 0..random.below(120) {
            let id = format!("R{}", random.below(150));
            let mut record = json!({"id": id, "amount": number, "count": "1"});
            match random.below(14) {
                0 => {
                    given.push(Given::Malformed);
                    expected.push("source.malformed");
                    continue;
                }
                1 => {
                    record["id"] = Value::Null;
                    expected.push("record.missing_key");
                }
                2 => {
                    record["amount"] = json!("much");
                    expected.push("record.schema_violation");
                }
                3 => {
                    record["count"] = json!("many");
                    expected.push("record.mapping_failed");
                }
                4 => {
                    record["skip"] = json!(true);
                    skipped += 1;
                }
                _ if rows.contains_key(&id) => expected.push("record.duplicate_key"),
                _ => {
                    let mut row = record.clone();
                    row["mapped"] = json!(1);
                    rows.insert(id, row);
                }
            }
            given.push(Given::Record(record));
        }
        let read = given.len() as u64;
        let systems = systems(seed, given);
        systems.with(|world| {
            world.transient_one_in = [0, 4, 10][random.below(3) as usize];
            world.detects_unchanged = random.one_in(2);
        });
        let ledger = MemoryLedger::of(&systems);
        let kpis = Some(kpis.clone());
        let mut plan =
            StreamPlan { mapping: Some(mapping.clone()), rules: Some(rules.clone()), kpis, ..plan() };
        let page = 1 + random.below(9) as usize;
        let mut stops = 0;
        loop {
            let cancel = CancellationToken::new();
            ledger.with(|kept| {
                let calm = stops > 20;
                kept.cancel_after = (!calm && random.one_in(3)).then(|| (random.below(5), cancel.clone()));
                kept.lose_after = (!calm && random.one_in(3)).then(|| (random.below(5), random.one_in(2)));
            });
            systems.with(|world| {
                // What a stopped run had read is read again.
                (world.pages_read, world.pages_accounted) = (0, 0);
                plan.repeats = if stops > 0 { Repeats::AtBegin } else { Repeats::Nowhere };
                if stops > 30 {
                    world.transient_one_in = 0;
                }
            });
            match run(&plan, SyncMode::Full, page, &systems, &ledger, &cancel).await {
                Ok(report) => {
                    assert_eq!(report.counts.unaccounted(), 0);
                    break;
                }
                Err(StreamStop::Canceled | StreamStop::Ledger(LedgerError::LostLease)) => stops += 1,
                Err(StreamStop::Source { attempts: 6, .. } | StreamStop::Destination { attempts: 6, .. }) => {
                    stops += 1
                }
                Err(other) => unreachable!("seed {seed}: {other:?}"),
            }
        }
        let mut failed: Vec<String> = codes(&ledger).into_iter().map(|(code, _)| code).collect();
        failed.sort();
        expected.sort_unstable();
        assert_eq!(failed, expected, "seed {seed}");
        let counts = ledger.with(|kept| kept.counts);
        assert_eq!((counts.read, counts.skipped, counts.unaccounted()), (read, skipped, 0), "seed {seed}");
        assert_eq!(counts.created + counts.updated + counts.unchanged, rows.len() as u64, "seed {seed}");
        // What was delivered and not accounted was found to be there, and is measured all the same: once.
        let amounts: i128 = rows.values().filter_map(|row| row["amount"].as_i64()).map(i128::from).sum();
        let measured = ledger.with(|kept| kept.measured);
        assert_eq!(measured, (rows.len() as i64, amounts * 1_000_000), "seed {seed}");
        systems.with(|world| {
            let written: BTreeMap<String, Value> =
                world.rows.iter().map(|(key, row)| (key.clone(), Value::from(row.clone()))).collect();
            assert_eq!(written, rows, "seed {seed}");
            assert!(world.finished >= 1);
            assert!(world.lead_max <= PAGES_IN_MEMORY_MAX, "seed {seed}: {} pages ahead", world.lead_max);
        });
        assert!(ledger.with(|kept| kept.receipts.keys().all(|key| rows.contains_key(key))));
    }
}

#[tokio::test]
async fn a_slow_ledger_holds_the_reader_back_and_a_small_budget_still_more() {
    // A page of its own, and one more.
    for (pages, pages_max) in [(PageBudget::new(u64::MAX), PAGES_IN_MEMORY_MAX), (PageBudget::new(1024), 2)] {
        let systems = systems(1, records((0..500).map(|id| json!({"id": id}))));
        let ledger = MemoryLedger::of(&systems);
        let report = run_once(&StreamPlan { pages, ..plan() }, SyncMode::Full, 1, &systems, &ledger).await;
        assert_eq!(report.counts, Counts { read: 500, created: 500, ..Counts::default() });
        assert_eq!(ledger.with(|kept| kept.pages.clone()), (1..=500).collect::<Vec<_>>());
        systems.with(|world| assert!(world.lead_max <= pages_max, "{} of {pages_max}", world.lead_max));
    }
}

/// Stores a page only once the next one is at the destination; cancels while it stores page `cancel_at`.
struct LateLedger {
    inner: MemoryLedger,
    systems: Systems,
    pages: u64,
    cancel_at: u64,
    cancel: CancellationToken,
}

#[async_trait]
impl Ledger for LateLedger {
    async fn receipts(&self, stream: &str, keys: &[&str]) -> Result<HashMap<String, Receipt>, LedgerError> {
        self.inner.receipts(stream, keys).await
    }

    async fn sending(&self, stream: &str, writes: &[(&str, InDoubt)]) -> Result<(), LedgerError> {
        self.inner.sending(stream, writes).await
    }

    async fn account(&self, page: AccountedPage) -> Result<(), LedgerError> {
        if page.page_number == self.cancel_at {
            self.cancel.cancel();
            // The writer has time to see it, and to give this up.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        } else if page.page_number < self.pages {
            while u64::from(self.systems.with(|world| world.writes)) <= page.page_number {
                tokio::task::yield_now().await;
            }
        }
        self.inner.account(page).await
    }

    async fn reshaped(&self, stream: &str, seen: &Shape) -> Result<(), LedgerError> {
        self.inner.reshaped(stream, seen).await
    }

    fn gone<'a>(&'a self, stream: &'a str) -> BoxStream<'a, Result<Vec<Gone>, LedgerError>> {
        self.inner.gone(stream)
    }

    async fn account_removed(&self, page: RemovedPage) -> Result<(), LedgerError> {
        self.inner.account_removed(page).await
    }

    async fn retrying(&self, stream: &str, notice: &RetryNotice) -> Result<(), LedgerError> {
        self.inner.retrying(stream, notice).await
    }

    async fn answers_again(&self, side: Side) -> Result<(), LedgerError> {
        self.inner.answers_again(side).await
    }
}

#[tokio::test]
async fn a_page_is_accounted_while_the_next_one_is_written_and_a_cancel_does_not_interrupt_that() {
    for (cancel_at, accounted) in [(0, 9), (5, 5)] {
        let systems = systems(1, records((0..9).map(|id| json!({"id": id}))));
        let (inner, cancel) = (MemoryLedger::of(&systems), CancellationToken::new());
        let ledger =
            LateLedger { inner, systems: systems.clone(), pages: 9, cancel_at, cancel: cancel.clone() };
        let open = open_source(SyncMode::Full, 1);
        let (source, destination) = (Arc::new(systems.clone()), Arc::new(systems.clone()));
        let (destination_end, stop) = (open_destination(SyncMode::Full), Stop::from(cancel));
        let stream = run_stream(plan(), source, open, destination, destination_end, &ledger, &stop);
        let ended = tokio::time::timeout(Duration::from_secs(20), stream).await.unwrap();
        assert_eq!(matches!(ended, Err(StreamStop::Canceled)), cancel_at > 0, "{ended:?}");
        let pages = ledger.inner.with(|kept| kept.pages.clone());
        assert_eq!(pages, (1..=accounted).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let systems = systems(1, records((0..50).map(|id| json!({"id": id, "a": 1, "b": 2}))));
    systems.with(|world| world.detects_unchanged = false);
    let ledger = MemoryLedger::of(&systems);
    run_once(&plan(), SyncMode::Full, 7, &systems, &ledger).await;
    assert_eq!(ledger.with(|kept| kept.looked_up), 0, "a fresh stream has nothing to look up");
    let writes = systems.with(|world| {
        for (id, given) in world.given.iter_mut().enumerate() {
            let changed = if id == 3 { 9 } else { 2 };
            *given = Given::Record(json!({"b": changed, "a": 1, "id": id}));
        }
        world.given.push(Given::Record(json!({"id": 50})));
        world.writes
    });
    ledger.with(|kept| (kept.run, kept.checkpoint) = (1, None));
    let again = StreamPlan { fresh: false, ..plan() };
    let report = run_once(&again, SyncMode::Full, 7, &systems, &ledger).await;
    assert_eq!(
        report.counts,
        Counts { read: 51, created: 1, updated: 1, unchanged: 49, ..Counts::default() }
    );
    assert_eq!(systems.with(|world| world.writes) - writes, 2, "only the two pages with something to write");
}

#[tokio::test]
async fn in_full_mode_the_first_of_two_records_with_one_key_wins_in_a_page_and_across_pages() {
    for (page, detects_unchanged) in [(10, true), (1, true), (1, false), (2, false)] {
        let given = [
            json!({"id": 1, "v": 1}),
            json!({"id": 1, "v": 2}),
            json!({"id": 2, "v": 1}),
            json!({"id": 1, "v": 3}),
        ];
        let systems = systems(1, records(given));
        systems.with(|world| world.detects_unchanged = detects_unchanged);
        let ledger = MemoryLedger::of(&systems);
        // The second time everything is unchanged, and duplicates are found all the same.
        for fresh in [true, false] {
            ledger.with(|kept| (kept.run, kept.checkpoint) = (kept.run + 1, None));
            let report =
                run_once(&StreamPlan { fresh, ..plan() }, SyncMode::Full, page, &systems, &ledger).await;
            assert_eq!(report.counts.failed, 2, "page {page}, fresh {fresh}");
            assert_eq!(report.counts.created + report.counts.unchanged, 2);
        }
        let expected = vec![("record.duplicate_key".to_owned(), Some("1".to_owned())); 4];
        assert_eq!(codes(&ledger), expected);
        ledger.with(|kept| {
            let failure = &kept.failures[0];
            assert_eq!(
                (failure.field_errors[0].path.as_str(), failure.field_errors[0].rule.as_str()),
                ("/id", "unique")
            );
            assert_eq!(failure.record.as_ref().unwrap()["v"], 2);
        });
        assert_eq!(systems.with(|world| world.rows["1"]["v"].clone()), 1);
    }
}

#[tokio::test]
async fn in_incremental_mode_and_of_sources_that_repeat_themselves_the_latest_version_wins() {
    for (page, expected) in [
        (10, Counts { read: 4, created: 2, skipped: 2, ..Counts::default() }),
        (1, Counts { read: 4, created: 2, updated: 2, ..Counts::default() }),
    ] {
        let modes = [SyncMode::Incremental, SyncMode::Full];
        for (detects_unchanged, mode) in [true, false].into_iter().flat_map(|is| modes.map(|mode| (is, mode)))
        {
            let given = [
                json!({"id": 1, "v": 1}),
                json!({"id": 1, "v": 2}),
                json!({"id": 2, "v": 1}),
                json!({"id": 1, "v": 3}),
            ];
            let systems = systems(1, records(given));
            systems.with(|world| {
                (world.detects_unchanged, world.repeats) = (detects_unchanged, mode == SyncMode::Full)
            });
            let ledger = MemoryLedger::of(&systems);
            let report = run_once(&plan(), mode, page, &systems, &ledger).await;
            assert_eq!(report.counts, expected, "page {page}, detects {detects_unchanged}");
            assert_eq!(report.watermark, Some(json!(4)));
            assert_eq!(systems.with(|world| world.rows["1"]["v"].clone()), 3);
        }
    }
}

#[tokio::test]
async fn a_second_record_is_written_when_the_first_with_its_key_was_not() {
    let rules = Rules::compile(&json!({"properties": {"v": {"type": "number"}}})).unwrap();
    let given = [
        json!({"id": 1, "v": "x"}),
        json!({"id": 1, "v": 2}),
        json!({"id": 2, "refused": true}),
        json!({"id": 2}),
    ];
    let systems = systems(1, records(given));
    let ledger = MemoryLedger::of(&systems);
    let plan = StreamPlan { rules: Some(Arc::new(rules)), ..plan() };
    let report = run_once(&plan, SyncMode::Full, 1, &systems, &ledger).await;
    assert_eq!(report.counts, Counts { read: 4, created: 2, failed: 2, ..Counts::default() });
    ledger.with(|kept| {
        let refused = &kept.failures[1];
        assert_eq!(
            (refused.code.as_str(), refused.http_status, refused.attempts),
            ("destination.rejected", Some(422), 1)
        );
        assert_eq!(refused.record.as_ref().unwrap()["refused"], true);
        assert_eq!(refused.mapped, None);
    });
}

#[tokio::test]
async fn a_page_that_looks_other_is_told_before_it_is_written_and_may_stop_there() {
    let given = (0..9).map(|id| if id < 6 { json!({"id": id}) } else { json!({"id": id, "new": true}) });
    let systems = systems(1, records(given));
    let ledger = MemoryLedger::of(&systems);
    let known = Shape::of([Record::from_iter([("id".to_owned(), json!(1))])].iter());
    let plan = StreamPlan { shape: Some(known.clone()), ..plan() };
    ledger.with(|kept| kept.is_strict = true);
    let held = run(&plan, SyncMode::Full, 2, &systems, &ledger, &CancellationToken::new()).await;
    assert!(matches!(held, Err(StreamStop::Held)), "{held:?}");
    let seen = ledger.with(|kept| kept.shapes.pop().unwrap());
    assert!(seen.0["new"].always);
    assert_eq!(ledger.with(|kept| kept.counts.created), 6, "what came before is stored");
    systems.with(|world| assert_eq!(world.rows.len(), 6, "and nothing of the page is written"));

    ledger.with(|kept| kept.is_strict = false);
    let wider = StreamPlan { shape: Some(seen), ..plan.clone() };
    let report = run_once(&wider, SyncMode::Full, 2, &systems, &ledger).await;
    assert_eq!((report.counts.created, ledger.with(|kept| kept.shapes.len())), (3, 0), "it is known by now");

    let again = MemoryLedger::of(&systems);
    run_once(&plan, SyncMode::Full, 2, &systems, &again).await;
    assert_eq!(again.with(|kept| kept.shapes.len()), 1, "it is told once");
}

#[tokio::test]
async fn failures_show_the_record_as_read_and_as_mapped() {
    let mapping = Mapping::compile(".v = to_int!(.v)\n.refused = .v == 2").unwrap();
    let rules = Rules::compile(&json!({"properties": {"v": {"minimum": 1}}})).unwrap();
    let given = [
        json!({"id": 1, "v": "0"}),
        json!({"id": 2, "v": "2"}),
        json!({"id": 3, "v": "x"}),
        json!({"v": "1"}),
    ];
    let systems = systems(1, records(given));
    let ledger = MemoryLedger::of(&systems);
    let plan = StreamPlan { mapping: Some(Arc::new(mapping)), rules: Some(Arc::new(rules)), ..plan() };
    run_once(&plan, SyncMode::Full, 9, &systems, &ledger).await;
    ledger.with(|kept| {
        kept.failures.sort_by(|one, other| one.code.cmp(&other.code));
        let seen: Vec<_> = kept
            .failures
            .iter()
            .map(|failure| {
                let value = |record: &Option<Record>| record.as_ref().map(|record| record["v"].clone());
                (failure.code.as_str(), value(&failure.record), value(&failure.mapped))
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("destination.rejected", Some(json!("2")), Some(json!(2))),
                ("record.mapping_failed", Some(json!("x")), None),
                ("record.missing_key", Some(json!("1")), None),
                ("record.schema_violation", Some(json!("0")), Some(json!(0))),
            ]
        );
    });
}

#[tokio::test]
async fn transient_errors_are_waited_out_and_told() {
    let systems = systems(1, records([json!({"id": 1})]));
    let ledger = MemoryLedger::of(&systems);
    for side in [Side::Source, Side::Destination] {
        systems.with(|world| {
            world.next_error = Some((side, SystemError::new(SystemErrorKind::RateLimited, "slow down")))
        });
        run_once(&plan(), SyncMode::Full, 1, &systems, &ledger).await;
        let notice = ledger.with(|kept| kept.notices.pop().unwrap());
        assert_eq!((notice.side, notice.attempt, notice.error.kind), (side, 1, SystemErrorKind::RateLimited));
        let answered = ledger.with(|kept| std::mem::take(&mut kept.answered));
        assert_eq!(answered, [side], "and that it answers again");
        ledger.with(|kept| kept.checkpoint = None);
    }
}

#[tokio::test]
async fn errors_that_stay_stop_the_stream_at_once() {
    let systems = systems(1, records([json!({"id": 1})]));
    let ledger = MemoryLedger::of(&systems);
    for side in [Side::Source, Side::Destination] {
        systems.with(|world| {
            world.next_error = Some((side, SystemError::new(SystemErrorKind::Unauthorized, "no")))
        });
        let stop =
            run(&plan(), SyncMode::Full, 1, &systems, &ledger, &CancellationToken::new()).await.unwrap_err();
        assert_eq!(stop.code().unwrap(), format!("{}.unauthorized", side.code()));
        assert!(matches!(
            stop,
            StreamStop::Source { attempts: 1, .. } | StreamStop::Destination { attempts: 1, .. }
        ));
    }
    assert!(ledger.with(|kept| kept.notices.is_empty() && kept.pages.is_empty()));
}

#[tokio::test]
async fn a_system_that_stays_down_ends_patience_and_what_was_accounted_stands() {
    let systems = systems(1, records((0..3).map(|id| json!({"id": id}))));
    systems.with(|world| world.transient_one_in = 1);
    let ledger = MemoryLedger::of(&systems);
    let stop =
        run(&plan(), SyncMode::Full, 1, &systems, &ledger, &CancellationToken::new()).await.unwrap_err();
    assert!(
        matches!(stop, StreamStop::Source { attempts: 6, .. } | StreamStop::Destination { attempts: 6, .. }),
        "{stop:?}"
    );
}

#[tokio::test]
async fn panics_and_broken_promises_of_a_connector_stop_the_stream_as_faults_of_ours() {
    for (panic_at, short_answer, says) in [
        (Some(Side::Source), false, "panic while reading: told to panic"),
        (Some(Side::Destination), false, "panic while writing: told to panic"),
        (None, true, "the destination answered for 0 records of 1"),
    ] {
        let systems = systems(1, records([json!({"id": 1})]));
        systems.with(|world| (world.panic_at, world.short_answer) = (panic_at, short_answer));
        let ledger = MemoryLedger::of(&systems);
        let stop =
            run(&plan(), SyncMode::Full, 1, &systems, &ledger, &CancellationToken::new()).await.unwrap_err();
        let StreamStop::Internal { detail } = &stop else { unreachable!("{stop:?}") };
        assert!(detail.contains(says), "{detail}");
        assert_eq!(stop.code().as_deref(), Some("platform.internal"));
        assert!(ledger.with(|kept| kept.pages.is_empty()));
    }
}

#[tokio::test]
async fn a_stream_that_is_to_stop_after_its_page_finishes_what_it_writes() {
    for (is_at_once, accounted) in [(false, vec![1]), (true, Vec::new())] {
        let systems = systems(1, records((0..3).map(|id| json!({"id": id}))));
        let (ledger, stop) = (MemoryLedger::of(&systems), Stop::default());
        let at_write = if is_at_once { &stop.now } else { &stop.after_page };
        systems.with(|world| world.cancel_at_write = Some(at_write.clone()));
        let ends = [Arc::new(systems.clone()), Arc::new(systems.clone())];
        let [source, destination] = ends;
        let (open, into) = (open_source(SyncMode::Full, 1), open_destination(SyncMode::Full));
        let ended = run_stream(plan(), source, open, destination, into, &ledger, &stop).await;
        assert!(matches!(ended, Err(StreamStop::Canceled)), "{ended:?}");
        assert_eq!(ledger.with(|kept| kept.pages.clone()), accounted);
        assert_eq!(systems.with(|world| world.rows.len()), accounted.len());
    }
}

#[tokio::test]
async fn a_cancel_ends_a_source_that_hangs_and_a_long_wait() {
    let systems = systems(1, records([json!({"id": 1})]));
    let ledger = MemoryLedger::of(&systems);
    systems.with(|world| world.hang = true);
    let cancel = CancellationToken::new();
    let plan_ = plan();
    let hanging = run(&plan_, SyncMode::Full, 1, &systems, &ledger, &cancel);
    let (stop, ()) = tokio::join!(hanging, async { cancel.cancel() });
    assert!(matches!(stop, Err(StreamStop::Canceled)));

    systems.with(|world| {
        world.hang = false;
        world.next_error = Some((
            Side::Destination,
            SystemError {
                retry_after: Some(Duration::from_secs(3600)),
                ..SystemError::new(SystemErrorKind::RateLimited, "an hour")
            },
        ));
    });
    let cancel = CancellationToken::new();
    let patient = StreamPlan { retry: RetryPolicy::default(), ..plan() };
    let waiting = run(&patient, SyncMode::Full, 1, &systems, &ledger, &cancel);
    let canceling = async {
        while ledger.with(|kept| kept.notices.is_empty()) {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (stop, ()) = tokio::join!(waiting, canceling);
    assert!(matches!(stop, Err(StreamStop::Canceled)));
    assert!(ledger.with(|kept| kept.notices[0].wait >= Duration::from_secs(60)));
}

#[tokio::test]
async fn an_empty_source_finishes_and_reports_nothing() {
    let systems = systems(1, Vec::new());
    let ledger = MemoryLedger::of(&systems);
    let report = run_once(&plan(), SyncMode::Full, 5, &systems, &ledger).await;
    assert_eq!(report, StreamReport { counts: Counts::default(), watermark: Some(json!(0)), breach: None });
    assert_eq!(systems.with(|world| world.finished), 1);
}

#[tokio::test]
async fn a_page_that_closes_the_gate_is_accounted_and_not_written() {
    let rules = Arc::new(Rules::compile(&json!({"properties": {"amount": {"type": "number"}}})).unwrap());
    let bad = |id: u32| if (20..24).contains(&id) { json!("much") } else { json!(1) };
    for detects_unchanged in [true, false] {
        let systems = systems(1, records((0..40).map(|id| json!({"id": id, "amount": bad(id)}))));
        systems.with(|world| world.detects_unchanged = detects_unchanged);
        let ledger = MemoryLedger::of(&systems);
        let limits = GateRules { failed_percent_max: Some(10.0), records_min: 10, ..GateRules::default() };
        let gate = Gate::new(limits, GateCounts::default());
        let plan = StreamPlan { rules: Some(rules.clone()), gate: Some(gate), ..plan() };
        let stop = run(&plan, SyncMode::Full, 10, &systems, &ledger, &CancellationToken::new()).await;
        assert!(matches!(stop, Err(StreamStop::Quarantined)), "{stop:?}");
        let counts = Counts { read: 30, created: 20, failed: 10, ..Counts::default() };
        assert_eq!(ledger.with(|kept| kept.counts), counts);
        let mut failed: Vec<String> = codes(&ledger).into_iter().map(|(code, _)| code).collect();
        failed.sort();
        assert_eq!(failed, [["record.quarantined"; 6].as_slice(), &["record.schema_violation"; 4]].concat());
        assert_eq!(
            ledger.with(|kept| kept.checkpoint.clone()),
            Some(json!(30)),
            "it goes on behind the page"
        );
        systems.with(|world| assert_eq!((world.rows.len(), world.finished), (20, 0)));
    }
}
