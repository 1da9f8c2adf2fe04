//! Both systems and a ledger in memory, which fail when and where they are told to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use connector::{
    Action, Connector, Cursor, Description, Destination, Gone, Item, Malformed, OpenDestination, OpenSource,
    Page, Record, RecordError, RecordErrorKind, RecordKey, Removal, Source, Standing, StreamSpec, SyncMode,
    SystemAccess, SystemError, SystemErrorKind, Write, WriteOutcome,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::{Repeats, StreamPlan, StreamReport, StreamStop, run_stream};
use crate::{
    AccountedPage, ComparisonLedger, Counts, InDoubt, Ledger, LedgerError, PageBudget, PayloadHash, Receipt,
    RecordFailure, RemovedPage, RetryNotice, RetryPolicy, Shape, Side, Stop, WrittenKey,
};

/// SplitMix64: the same faults for the same seed.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn one_in(&mut self, chance: u64) -> bool {
        chance > 0 && self.below(chance) == 0
    }
}

/// What stands where a record should be.
#[derive(Debug, Clone)]
pub(super) enum Given {
    Record(Value),
    Malformed,
}

/// Both systems.
#[derive(Debug)]
pub(super) struct World {
    pub(super) random: Random,
    pub(super) given: Vec<Given>,
    /// One in so many calls fails in passing; 0: none.
    pub(super) transient_one_in: u64,
    pub(super) detects_unchanged: bool,
    /// Its source says that it may give a record again.
    pub(super) repeats: bool,
    /// A write that it knows is answered, and not done again: key, revision and contents.
    pub(super) knows_keys: bool,
    pub(super) can_compare: bool,
    /// Keys of which somebody puts the record in its place as soon as it was looked at.
    pub(super) mended: HashSet<String>,
    pub(super) known: HashSet<(String, u64, String)>,
    pub(super) rows: BTreeMap<String, Record>,
    pub(super) finished: u32,
    pub(super) writes: u32,
    pub(super) opened_sources: u32,
    pub(super) pages_read: u64,
    pub(super) pages_accounted: u64,
    pub(super) lead_max: u64,
    pub(super) next_error: Option<(Side, SystemError)>,
    pub(super) panic_at: Option<Side>,
    pub(super) short_answer: bool,
    pub(super) hang: bool,
    /// Cancelled in the middle of the first write.
    pub(super) cancel_at_write: Option<CancellationToken>,
}

#[derive(Clone)]
pub(super) struct Systems(Arc<Mutex<World>>, Arc<Description>);

pub(super) fn systems(seed: u64, given: Vec<Given>) -> Systems {
    let world = World {
        random: Random(seed),
        given,
        transient_one_in: 0,
        detects_unchanged: true,
        repeats: false,
        knows_keys: false,
        can_compare: true,
        mended: HashSet::new(),
        known: HashSet::new(),
        rows: BTreeMap::new(),
        finished: 0,
        writes: 0,
        opened_sources: 0,
        pages_read: 0,
        pages_accounted: 0,
        lead_max: 0,
        next_error: None,
        panic_at: None,
        short_answer: false,
        hang: false,
        cancel_at_write: None,
    };
    let description = Description {
        name: "memory",
        title: "Memory",
        description: "Both ends in memory.",
        config_schema: json!({}),
        credentials_schema: json!({}),
        credentials_go_to: &[],
        can_be_paced: false,
        source_schema: None,
        destination_schema: None,
        guide: Default::default(),
    };
    Systems(Arc::new(Mutex::new(world)), Arc::new(description))
}

impl Systems {
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    fn may_fail(&self, side: Side) -> Result<(), SystemError> {
        self.with(|world| {
            assert!(world.panic_at != Some(side), "told to panic");
            match world.next_error.take() {
                Some((at, error)) if at == side => return Err(error),
                other => world.next_error = other,
            }
            let chance = world.transient_one_in;
            if world.random.one_in(chance) {
                let kinds =
                    [SystemErrorKind::Unavailable, SystemErrorKind::RateLimited, SystemErrorKind::Timeout];
                let kind = kinds[world.random.below(3) as usize];
                return Err(SystemError::new(kind, "in passing"));
            }
            Ok(())
        })
    }
}

#[async_trait]
impl Connector for Systems {
    fn description(&self) -> &Description {
        &self.1
    }

    async fn test(&self, _access: &SystemAccess) -> Result<String, SystemError> {
        Ok("in memory".to_owned())
    }

    fn repeats_records(&self) -> bool {
        self.with(|world| world.repeats)
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        self.may_fail(Side::Source)?;
        self.with(|world| world.opened_sources += 1);
        let cursor = open.resume.or(open.since).and_then(|cursor| cursor.as_u64()).unwrap_or(0) as usize;
        Ok(Box::new(MemorySource {
            systems: self.clone(),
            at: cursor,
            page_records_max: open.page_records_max,
        }))
    }

    async fn open_destination(&self, _open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        self.may_fail(Side::Destination)?;
        Ok(Box::new(MemoryDestination(self.clone())))
    }
}

pub(super) struct MemorySource {
    pub(super) systems: Systems,
    pub(super) at: usize,
    pub(super) page_records_max: usize,
}

#[async_trait]
impl Source for MemorySource {
    async fn next_page(&mut self) -> Result<Option<Page>, SystemError> {
        tokio::task::yield_now().await;
        if self.systems.with(|world| world.hang) {
            std::future::pending::<()>().await;
        }
        self.systems.may_fail(Side::Source)?;
        Ok(self.systems.with(|world| {
            if self.at >= world.given.len() {
                return None;
            }
            let end = (self.at + self.page_records_max).min(world.given.len());
            let items = world.given[self.at..end]
                .iter()
                .zip(self.at..)
                .map(|(given, line)| match given {
                    Given::Record(record) => Item::Record(record.as_object().unwrap().clone().into()),
                    Given::Malformed => Item::Malformed(Malformed {
                        position: format!("line {line}"),
                        reason: "a quoted field is not closed".to_owned(),
                        raw: Some("\"".to_owned()),
                    }),
                })
                .collect();
            self.at = end;
            world.pages_read += 1;
            world.lead_max = world.lead_max.max(world.pages_read.saturating_sub(world.pages_accounted));
            Some(Page { items, checkpoint: json!(end), size_bytes: 10 })
        }))
    }

    fn watermark(&self) -> Option<Cursor> {
        Some(json!(self.at))
    }
}

pub(super) struct MemoryDestination(Systems);

#[async_trait]
impl Destination for MemoryDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        if let Some(cancel) = self.0.with(|world| world.cancel_at_write.take()) {
            cancel.cancel();
        }
        tokio::task::yield_now().await;
        let keys: HashSet<&str> = batch.iter().map(|write| write.key.canonical()).collect();
        assert_eq!(keys.len(), batch.len(), "a key stands twice in a batch");
        assert!(!batch.is_empty());
        // Before and after: an error says nothing about what was written.
        self.0.may_fail(Side::Destination)?;
        let outcomes = self.0.with(|world| {
            world.writes += 1;
            let mut outcomes: Vec<_> = batch.iter().map(|write| world.upsert(write)).collect();
            if world.short_answer {
                outcomes.pop();
            }
            outcomes
        });
        self.0.may_fail(Side::Destination)?;
        Ok(outcomes)
    }

    async fn remove(
        &mut self,
        gone: &[Gone],
        removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        self.0.may_fail(Side::Destination)?;
        Ok(self.0.with(|world| {
            assert_eq!(world.finished, 0, "the destination is still open");
            gone.iter().map(|gone| world.remove(gone.key.canonical(), removal)).collect()
        }))
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        self.0.may_fail(Side::Destination)?;
        self.0.with(|world| world.finished += 1);
        Ok(())
    }

    fn detects_unchanged(&self) -> bool {
        self.0.with(|world| world.detects_unchanged)
    }

    async fn compare(&mut self, batch: &[Write]) -> Result<Option<Vec<Standing>>, SystemError> {
        self.0.may_fail(Side::Destination)?;
        let standing = |world: &World, write: &Write| match world.rows.get(write.key.canonical()) {
            None => Standing::Missing,
            Some(there) if *there == write.record => Standing::Same,
            Some(_) => Standing::Different,
        };
        Ok(self.0.with(|world| {
            let standings: Vec<Standing> = batch.iter().map(|write| standing(world, write)).collect();
            // Somebody mends it while it is looked at.
            for write in batch.iter().filter(|write| world.mended.contains(write.key.canonical())) {
                world.rows.insert(write.key.canonical().to_owned(), write.record.clone());
            }
            world.can_compare.then_some(standings)
        }))
    }

    async fn holds(&mut self, gone: &[Gone]) -> Result<Option<Vec<bool>>, SystemError> {
        self.0.may_fail(Side::Destination)?;
        let name =
            |gone: &Gone| gone.destination_key.clone().unwrap_or_else(|| gone.key.canonical().to_owned());
        Ok(self.0.with(|world| Some(gone.iter().map(|gone| world.rows.contains_key(&name(gone))).collect())))
    }

    async fn row_count(&mut self) -> Result<Option<u64>, SystemError> {
        self.0.may_fail(Side::Destination)?;
        Ok(self.0.with(|world| Some(world.rows.len() as u64)))
    }
}

impl World {
    fn remove(&mut self, key: &str, removal: &Removal) -> Result<(), RecordError> {
        let Some(row) = self.rows.get_mut(key) else { return Ok(()) };
        if row.get("kept") == Some(&json!(true)) {
            return Err(RecordError {
                kind: RecordErrorKind::Rejected,
                field_errors: Vec::new(),
                http_status: None,
                detail: "others refer to it".to_owned(),
                exchange: None,
            });
        }
        match removal {
            Removal::Delete => {
                self.rows.remove(key);
            }
            Removal::Mark { field, at } => {
                row.insert(field.clone(), json!(at));
            }
        }
        Ok(())
    }

    fn upsert(&mut self, write: &Write) -> WriteOutcome {
        if write.record.get("refused") == Some(&json!(true)) {
            return WriteOutcome::Failed(RecordError {
                kind: RecordErrorKind::Rejected,
                field_errors: Vec::new(),
                http_status: Some(422),
                detail: "refused".to_owned(),
                exchange: None,
            });
        }
        let content = write.record.to_string();
        let is_new = self.known.insert((write.key.canonical().to_owned(), write.revision, content));
        if self.knows_keys && !is_new {
            return WriteOutcome::Written { action: Action::Updated, destination_key: None };
        }
        let before = self.rows.insert(write.key.canonical().to_owned(), write.record.clone());
        let action = match before {
            _ if !self.detects_unchanged => {
                if write.known {
                    Action::Updated
                } else {
                    Action::Created
                }
            }
            None => Action::Created,
            Some(before) if before == write.record => Action::Unchanged,
            Some(_) => Action::Updated,
        };
        WriteOutcome::Written { action, destination_key: None }
    }
}

/// What a ledger that is a database would hold.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) checkpoint: Option<Cursor>,
    pub(super) counts: Counts,
    /// Payload hash and run.
    pub(super) receipts: HashMap<String, (PayloadHash, u32)>,
    pub(super) in_doubt: HashMap<String, InDoubt>,
    pub(super) failures: Vec<RecordFailure>,
    /// Of the one KPI of the stream: records, and the sum of their values.
    pub(super) measured: (i64, i128),
    pub(super) retried_written: Vec<Uuid>,
    pub(super) retried_skipped: Vec<Uuid>,
    pub(super) notices: Vec<RetryNotice>,
    pub(super) answered: Vec<Side>,
    pub(super) shapes: Vec<Shape>,
    /// Holds the stream for a new shape.
    pub(super) is_strict: bool,
    /// Keys with failures that are not over.
    pub(super) failing: HashSet<String>,
    /// What names records at the destination, by their keys.
    pub(super) names: HashMap<String, String>,
    pub(super) pages: Vec<u64>,
    pub(super) removed: usize,
    pub(super) looked_up: usize,
    pub(super) run: u32,
    /// Cancels after so many more pages.
    pub(super) cancel_after: Option<(u64, CancellationToken)>,
    /// Loses the lease after so many more pages: before storing the next one, or just after.
    pub(super) lose_after: Option<(u64, bool)>,
}

#[derive(Default)]
pub(super) struct MemoryLedger {
    pub(super) kept: Mutex<Kept>,
    pub(super) systems: Option<Systems>,
}

impl MemoryLedger {
    pub(super) fn of(systems: &Systems) -> Self {
        Self { kept: Mutex::default(), systems: Some(systems.clone()) }
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.kept.lock().unwrap())
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn receipts(&self, _stream: &str, keys: &[&str]) -> Result<HashMap<String, Receipt>, LedgerError> {
        Ok(self.with(|kept| {
            kept.looked_up += keys.len();
            let run = kept.run;
            keys.iter()
                .filter_map(|key| {
                    let (payload_hash, written_in) = *kept.receipts.get(*key)?;
                    Some((
                        (*key).to_owned(),
                        Receipt {
                            payload_hash,
                            run: Uuid::from_u128(written_in.into()),
                            written_in_this_run: written_in == run,
                            in_doubt: kept.in_doubt.get(*key).copied(),
                        },
                    ))
                })
                .collect()
        }))
    }

    async fn sending(&self, _stream: &str, writes: &[(&str, InDoubt)]) -> Result<(), LedgerError> {
        tokio::task::yield_now().await;
        self.with(|kept| {
            for (key, in_doubt) in writes {
                assert!(kept.receipts.contains_key(*key), "{key} was never written");
                kept.in_doubt.insert((*key).to_owned(), *in_doubt);
            }
        });
        Ok(())
    }

    async fn account(&self, page: AccountedPage) -> Result<(), LedgerError> {
        tokio::task::yield_now().await;
        assert_eq!(page.counts.unaccounted(), 0);
        let written = page.counts.created + page.counts.updated + page.counts.unchanged;
        assert_eq!(written, page.receipts.len() as u64);
        assert_eq!(page.counts.failed, page.failures.len() as u64);
        if let Some(systems) = &self.systems {
            systems.with(|world| world.pages_accounted += 1);
        }
        self.with(|kept| {
            if let Some((0, false)) = kept.lose_after {
                return Err(LedgerError::LostLease);
            }
            let run = kept.run;
            kept.pages.push(page.page_number);
            kept.checkpoint = page.checkpoint.or(kept.checkpoint.take());
            kept.counts = kept.counts.saturating_add(page.counts);
            let measured = page.measured.iter();
            for total in measured.flat_map(|page| page.totals(Default::default(), |_receipt| true)) {
                kept.measured.0 += total.count;
                kept.measured.1 += total.sum;
            }
            for receipt in page.receipts {
                kept.in_doubt.remove(receipt.key.canonical());
                kept.receipts.insert(receipt.key.canonical().to_owned(), (receipt.payload_hash, run));
                kept.retried_written.extend(receipt.retried);
            }
            kept.failures.extend(page.failures);
            kept.retried_skipped.extend(page.skipped);
            if let Some((pages, cancel)) = &mut kept.cancel_after {
                if *pages == 0 {
                    cancel.cancel();
                }
                *pages = pages.saturating_sub(1);
            }
            match &mut kept.lose_after {
                Some((0, true)) => Err(LedgerError::LostLease),
                Some((pages, _)) => {
                    *pages -= 1;
                    Ok(())
                }
                None => Ok(()),
            }
        })
    }

    async fn reshaped(&self, _stream: &str, seen: &Shape) -> Result<(), LedgerError> {
        self.with(|kept| {
            kept.shapes.push(seen.clone());
            if kept.is_strict { Err(LedgerError::Held) } else { Ok(()) }
        })
    }

    fn gone<'a>(&'a self, _stream: &'a str) -> BoxStream<'a, Result<Vec<Gone>, LedgerError>> {
        let mut keys = self.with(|kept| {
            let old = kept.receipts.iter().filter(|(_key, (_hash, run))| *run != kept.run);
            old.map(|(key, _)| key.clone()).collect::<Vec<_>>()
        });
        keys.sort();
        let gone = |key: &String| Gone { key: RecordKey::stored(key, 1).unwrap(), destination_key: None };
        let pages: Vec<_> = keys.chunks(2).map(|keys| Ok(keys.iter().map(gone).collect())).collect();
        futures::stream::iter(pages).boxed()
    }

    async fn account_removed(&self, page: RemovedPage) -> Result<(), LedgerError> {
        self.with(|kept| {
            for key in page.removed {
                kept.receipts.remove(key.canonical());
                kept.removed += 1;
            }
            kept.failures.extend(page.failures);
            if let Some((0, _)) = kept.lose_after {
                return Err(LedgerError::LostLease);
            }
            Ok(())
        })
    }

    async fn retrying(&self, _stream: &str, notice: &RetryNotice) -> Result<(), LedgerError> {
        self.with(|kept| kept.notices.push(notice.clone()));
        Ok(())
    }

    async fn answers_again(&self, side: Side) -> Result<(), LedgerError> {
        self.with(|kept| kept.answered.push(side));
        Ok(())
    }
}

#[async_trait]
impl ComparisonLedger for MemoryLedger {
    async fn failing(&self, _stream: &str, keys: &[&str]) -> Result<HashSet<String>, LedgerError> {
        let is_failing = |kept: &Kept, key: &str| kept.failing.contains(key);
        Ok(self.with(|kept| {
            keys.iter().filter(|key| is_failing(kept, key)).map(|key| (*key).to_owned()).collect()
        }))
    }

    fn written<'a>(&'a self, _stream: &'a str) -> BoxStream<'a, Result<Vec<WrittenKey>, LedgerError>> {
        let written = self.with(|kept| {
            let one = |key: &String| WrittenKey {
                canonical: key.clone(),
                destination_key: kept.names.get(key).cloned(),
            };
            let mut written: Vec<WrittenKey> = kept.receipts.keys().map(one).collect();
            written.sort_by(|one, other| one.canonical.cmp(&other.canonical));
            written
        });
        let pages: Vec<_> = written.chunks(7).map(|page| Ok(page.to_vec())).collect();
        futures::stream::iter(pages).boxed()
    }
}

pub(super) fn spec(mode: SyncMode) -> StreamSpec {
    StreamSpec {
        name: "orders".to_owned(),
        key_fields: vec!["id".to_owned()],
        cursor_field: None,
        mode,
        classified: Default::default(),
    }
}

pub(super) fn access() -> SystemAccess {
    SystemAccess {
        config: json!({}),
        credentials: String::from("{}").into(),
        files_dir: "unused".into(),
        tokens: None,
        pace: Default::default(),
        progress: Default::default(),
        credential_store: Default::default(),
        inbox: None,
    }
}

pub(super) fn plan() -> StreamPlan {
    let retry = RetryPolicy {
        base: Duration::from_nanos(1),
        ceiling: Duration::from_nanos(1),
        retry_after_max: Duration::from_nanos(1),
        attempts_max: 6,
    };
    StreamPlan {
        mapping: None,
        rules: None,
        fresh: true,
        shape: None,
        removal: None,
        checks: Default::default(),
        gate: None,
        kpis: None,
        repeats: Repeats::Nowhere,
        pages: PageBudget::new(u64::MAX),
        retry,
        progress: Default::default(),
    }
}

pub(super) fn open_destination(mode: SyncMode) -> OpenDestination {
    OpenDestination {
        access: access(),
        stream: spec(mode),
        options: json!({}),
        run: Uuid::nil(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    }
}

pub(super) fn open_source(mode: SyncMode, page_records_max: usize) -> OpenSource {
    OpenSource {
        access: access(),
        stream: spec(mode),
        options: json!({}),
        since: None,
        overlap: None,
        from: None,
        only: None,
        part: None,
        resume: None,
        page_records_max,
    }
}

pub(super) async fn run(
    plan: &StreamPlan,
    mode: SyncMode,
    page: usize,
    systems: &Systems,
    ledger: &MemoryLedger,
    cancel: &CancellationToken,
) -> Result<StreamReport, StreamStop> {
    let resume = ledger.with(|kept| kept.checkpoint.clone());
    let open = OpenSource { resume, ..open_source(mode, page) };
    let connector: Arc<dyn Connector> = Arc::new(systems.clone());
    let stop = Stop::from(cancel.clone());
    run_stream(plan.clone(), connector.clone(), open, connector, open_destination(mode), ledger, &stop).await
}

pub(super) async fn run_once(
    plan: &StreamPlan,
    mode: SyncMode,
    page: usize,
    systems: &Systems,
    ledger: &MemoryLedger,
) -> StreamReport {
    run(plan, mode, page, systems, ledger, &CancellationToken::new()).await.unwrap()
}

pub(super) fn records(values: impl IntoIterator<Item = Value>) -> Vec<Given> {
    values.into_iter().map(Given::Record).collect()
}

pub(super) fn codes(ledger: &MemoryLedger) -> Vec<(String, Option<String>)> {
    ledger.with(|kept| {
        let key = |failure: &RecordFailure| failure.key.as_ref().map(|key| key.reference().to_owned());
        kept.failures.iter().map(|failure| (failure.code.clone(), key(failure))).collect()
    })
}
