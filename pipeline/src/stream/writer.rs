//! The last stage: receipts are looked up, records written, and the page accounted while the next one is
//! written. Deliberately absent: a page that is half accounted, and one that is accounted before its turn.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use connector::{
    Action, Connector, Destination, Gone, OpenDestination, Progress, Record, RecordError, Removal, Standing,
    SystemError, Write, WriteOutcome,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use telemetry::trace::{self, Kind, Span};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::checks::{Checker, Checks, Taken};
use super::delivery::{Answered, Deliveries, Repeats};
use super::transform::{MappedPage, Ready};
use super::{Duplicates, Feed, StreamReport, StreamStop, milliseconds, removal};
use crate::gate::PageCounts;
use crate::retry::Patience;
use crate::seen::SeenKeys;
use crate::{
    AccountedPage, Counts, Gate, InDoubt, Ledger, LedgerError, NewReceipt, Receipt, RecordFailure,
    RetryNotice, Shape, Side, Stop,
};

pub(super) struct Writer<'a> {
    /// What becomes of records that are gone from the source.
    removal: Option<Removal>,
    end: DestinationEnd<'a>,
    accounting: Accounting<'a>,
    storing: Progress,
    key_fields: Vec<String>,
    duplicates: Duplicates,
    fresh: bool,
    checker: Checker,
    gate: Option<Gate>,
    seen: SeenKeys,
    deliveries: Deliveries,
    counts: Counts,
}

impl<'a> Writer<'a> {
    #[expect(clippy::too_many_arguments, reason = "called once; a struct would repeat each name")]
    pub(super) fn new(
        connector: Arc<dyn Connector>,
        open: OpenDestination,
        key_fields: Vec<String>,
        duplicates: Duplicates,
        fresh: bool,
        checks: Checks,
        gate: Option<Gate>,
        removal: Option<Removal>,
        repeats: Repeats,
        patience: Patience,
        storing: Progress,
        ledger: &'a dyn Ledger,
        stop: &'a Stop,
    ) -> Self {
        let checker = Checker::new(checks, open.resumed);
        Self {
            removal,
            end: DestinationEnd::new(connector, open, patience, ledger, stop),
            accounting: Accounting::default(),
            storing,
            key_fields,
            duplicates,
            fresh,
            checker,
            gate,
            seen: SeenKeys::default(),
            deliveries: Deliveries::new(repeats),
            counts: Counts::default(),
        }
    }

    pub(super) async fn run(
        mut self,
        from: mpsc::Receiver<Feed<MappedPage>>,
    ) -> Result<StreamReport, StreamStop> {
        let result = self.pages(from).await;
        // Whatever stopped the stream, a page that is being stored is stored.
        self.accounting.done().await?;
        result
    }

    async fn pages(
        &mut self,
        mut from: mpsc::Receiver<Feed<MappedPage>>,
    ) -> Result<StreamReport, StreamStop> {
        // Opened while the first page is read; it also says whether receipts are needed.
        let detects_unchanged = self.end.detects_unchanged().await?;
        loop {
            let next = canceled_or(&self.end.stop.after_page, async { Ok(from.recv().await) });
            match self.accounting.beside(next).await? {
                Some(Feed::Page(page)) => {
                    // Its accounting goes on beside what comes next, and belongs to it still.
                    let batch = Arc::new(trace::child(Kind::Internal, "batch"));
                    batch.within(self.page(page, detects_unchanged, &batch)).await?;
                }
                Some(Feed::End { watermark }) => {
                    self.accounting.done().await?;
                    let breach =
                        self.gate.as_ref().and_then(|gate| Some((gate.at_the_end()?, gate.counts().clone())));
                    // What is missing in a source that is not as usual is not gone.
                    if let (Some(removal), None) = (&self.removal, &breach) {
                        removal::remove_gone(&mut self.end, removal).await?;
                    }
                    self.end.finish().await?;
                    return Ok(StreamReport { counts: self.counts, watermark, breach });
                }
                Some(Feed::Stop(stop)) => return Err(stop),
                None => return Err(StreamStop::internal("reading ended without saying so")),
            }
        }
    }

    async fn page(
        &mut self,
        page: MappedPage,
        detects_unchanged: bool,
        batch_span: &Arc<Span>,
    ) -> Result<(), StreamStop> {
        let started = Instant::now();
        if let Some(shape) = &page.shape {
            self.tell_shape(shape).await?;
        }
        let mut counts = Counts { read: page.read, skipped: page.skipped, ..Counts::default() };
        let mut receipts = Vec::with_capacity(page.ready.len());
        // Of each receipt the place of its record among those that were measured.
        let mut places = Vec::with_capacity(page.ready.len());
        let mut failures = page.failures;

        let mut key_hashes: Vec<u64> = page.ready.iter().map(|ready| ready.key_hash).collect();
        key_hashes.sort_unstable();
        let lookup = self.lookup(detects_unchanged);
        let known = self.receipts(&page.ready, lookup).await?;
        let (mut ready, mut taken, room) = (page.ready, Taken::default(), page.room);
        if !self.checker.is_idle() {
            let refuses = matches!(self.duplicates, Duplicates::Refused { .. });
            let is_twice = |ready: &Ready| {
                let receipt = known.get(ready.write.key.canonical());
                refuses && receipt.is_some_and(|receipt| receipt.written_in_this_run)
            };
            let (checker, end, accounting) = (&mut self.checker, &mut self.end, &mut self.accounting);
            (ready, taken) = checker.check(ready, is_twice, end, accounting, &mut failures).await?;
        }
        let mut batch = Vec::with_capacity(ready.len());
        let mut doubts = Vec::new();
        let mut pending = Vec::with_capacity(ready.len());
        let mut written_bytes = 0;
        for mut ready in ready {
            let receipt = known.get(ready.write.key.canonical());
            // A first record that the destination refused has no receipt, so the second one is tried.
            let refuses = matches!(self.duplicates, Duplicates::Refused { .. });
            let is_second = |receipt: &&Receipt| {
                refuses && receipt.written_in_this_run || Some(receipt.run) == ready.unless_written_by
            };
            if receipt.filter(is_second).is_some() {
                let retried = ready.retried;
                let (key, record, mapped) = ready.into_parts();
                let failure = RecordFailure::duplicate_key(key, &self.key_fields, record);
                failures.push(RecordFailure { mapped, retried, ..failure });
                continue;
            }
            if lookup == Lookup::SeenInThisRun {
                self.seen.insert(ready.key_hash);
            }
            if !detects_unchanged && receipt.is_some_and(|receipt| receipt.confirms(ready.payload_hash)) {
                counts.unchanged += 1;
                receipts.push(NewReceipt {
                    key: ready.write.key,
                    destination_key: None,
                    payload_hash: ready.payload_hash,
                    action: Action::Unchanged,
                    retried: ready.retried,
                });
                places.push(ready.place);
                continue;
            }
            ready.write.known = receipt.is_some();
            if let Some(receipt) = receipt {
                let next = receipt.next(ready.payload_hash);
                ready.write.revision = next.revision;
                // One that compares with what is there is not misled by a receipt.
                if !detects_unchanged && receipt.in_doubt != Some(next) {
                    doubts.push((batch.len(), next));
                }
            }
            written_bytes += ready.payload_bytes;
            batch.push(ready.write);
            pending.push((ready.source, ready.payload_hash, ready.retried, ready.place));
        }

        let judged = PageCounts {
            read: page.read,
            failed: failures.len() as u64,
            passed: page.passed,
            nulls: page.nulls,
        };
        let breach = self.gate.as_mut().and_then(|gate| gate.judge(&judged));
        if breach.is_some() {
            doubts.clear();
            written_bytes = 0;
            for (write, (source, _, retried, _)) in batch.drain(..).zip(pending.drain(..)) {
                let (record, mapped) = parts(write.record, source);
                let failure = RecordFailure::quarantined(write.key, record, mapped);
                failures.push(RecordFailure { retried, ..failure });
            }
        }

        self.put_in_doubt(&batch, &doubts).await?;
        let (outcomes, attempts) = if batch.is_empty() {
            (Vec::new(), 0)
        } else {
            self.accounting.beside(self.end.write(&batch)).await?
        };
        if outcomes.len() != batch.len() {
            return Err(StreamStop::internal(format!(
                "the destination answered for {} records of {}",
                outcomes.len(),
                batch.len()
            )));
        }
        for ((write, outcome), (source, payload_hash, retried, place)) in
            batch.into_iter().zip(outcomes).zip(pending)
        {
            match outcome {
                WriteOutcome::Written { action, destination_key } => {
                    match action {
                        Action::Created => counts.created += 1,
                        Action::Updated => counts.updated += 1,
                        Action::Unchanged => counts.unchanged += 1,
                    }
                    receipts.push(NewReceipt {
                        key: write.key,
                        destination_key,
                        payload_hash,
                        action,
                        retried,
                    });
                    places.push(place);
                }
                WriteOutcome::Failed(error) => {
                    let (record, mapped) = parts(write.record, source);
                    let failure = RecordFailure::refused(write.key, record, error, attempts);
                    failures.push(RecordFailure { mapped, retried, ..failure });
                }
            }
        }
        counts.failed = failures.len() as u64;
        debug_assert_eq!(counts.unaccounted(), 0, "page {} does not balance: {counts:?}", page.number);

        let measured = match &page.measures {
            Some(measures) => {
                let (receipts, places, known, is_sent_again) = (&receipts, &places, &known, attempts > 1);
                let answered = Answered { measures, receipts, places, known, is_sent_again };
                Some(self.deliveries.measured(answered, &mut self.end, &mut self.accounting).await?)
            }
            None => None,
        };
        let values = self.checker.kept(taken, &receipts);
        let page = AccountedPage {
            stream: self.end.open.stream.name.clone(),
            page_number: page.number,
            checkpoint: page.checkpoint,
            counts,
            receipts,
            failures,
            refuses_duplicates: matches!(self.duplicates, Duplicates::Refused { .. }),
            is_sent: attempts > 0,
            skipped: page.skipped_retries,
            values,
            measured,
            gate: self.gate.as_ref().map(|gate| gate.counts().clone()),
            breach,
            size_bytes: page.size_bytes,
            written_bytes,
            read_ms: page.read_ms,
            map_ms: page.map_ms,
            write_ms: milliseconds(started),
        };
        tell(batch_span, &page);
        let is_closed = page.breach.is_some();
        // One at a time, in order: a checkpoint also says that the pages before it are accounted.
        self.accounting.done().await?;
        let (ledger, storing) = (self.end.ledger, self.storing.clone());
        let batch_span = batch_span.clone();
        let account = batch_span.clone().within(async move {
            let _waiting = storing.wait();
            let accounted = ledger.account(page).await;
            drop((room, batch_span));
            accounted
        });
        self.accounting = Accounting { account: Some(account.boxed()), key_hashes };
        self.counts = self.counts.saturating_add(counts);
        if is_closed {
            self.accounting.done().await?;
            return Err(StreamStop::Quarantined);
        }
        Ok(())
    }

    /// Nothing of the page is written before this is heard, and what comes before it is stored.
    async fn tell_shape(&mut self, shape: &Shape) -> Result<(), StreamStop> {
        self.accounting.done().await?;
        let ledger = self.end.ledger;
        let stream = &self.end.open.stream.name;
        canceled_or(&self.end.stop.now, async { Ok(ledger.reshaped(stream, shape).await?) }).await
    }

    /// Says of these writes, by their place in the batch, that what their receipts say may not be there any more: this
    /// process may end, or an answer be lost, before anybody knows.
    async fn put_in_doubt(&mut self, batch: &[Write], doubts: &[(usize, InDoubt)]) -> Result<(), StreamStop> {
        if doubts.is_empty() {
            return Ok(());
        }
        let writes: Vec<(&str, InDoubt)> =
            doubts.iter().map(|(place, doubt)| (batch[*place].key.canonical(), *doubt)).collect();
        let ledger = self.end.ledger;
        let stream = &self.end.open.stream.name;
        let told = canceled_or(&self.end.stop.now, async { Ok(ledger.sending(stream, &writes).await?) });
        self.accounting.beside(told).await
    }

    /// Which receipts this stream's records need.
    fn lookup(&self, detects_unchanged: bool) -> Lookup {
        let finds_duplicates = matches!(self.duplicates, Duplicates::Refused { .. });
        let finds_unchanged = !detects_unchanged && !self.fresh;
        if finds_unchanged || self.duplicates == (Duplicates::Refused { resumed: true }) {
            Lookup::All
        } else if finds_duplicates || !detects_unchanged {
            Lookup::SeenInThisRun
        } else {
            Lookup::None
        }
    }

    /// Takes `&mut self` so that the future can move between threads: destinations are not `Sync`.
    async fn receipts(
        &mut self,
        ready: &[Ready],
        lookup: Lookup,
    ) -> Result<HashMap<String, Receipt>, StreamStop> {
        let asked = ready.iter().filter(|ready| match lookup {
            _ if ready.unless_written_by.is_some() => true,
            Lookup::All => true,
            Lookup::SeenInThisRun => self.seen.may_contain(ready.key_hash),
            Lookup::None => false,
        });
        let mut keys = Vec::new();
        let mut in_page_before = false;
        for ready in asked {
            keys.push(ready.write.key.canonical());
            in_page_before |= self.accounting.key_hashes.binary_search(&ready.key_hash).is_ok();
        }
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        if in_page_before {
            self.accounting.done().await?;
        }
        let ledger = self.end.ledger;
        let stream = &self.end.open.stream.name;
        let receipts = canceled_or(&self.end.stop.now, async { Ok(ledger.receipts(stream, &keys).await?) });
        self.accounting.beside(receipts).await
    }
}

/// What whoever looks at the trace of a batch wants to know of it.
fn tell(span: &Span, page: &AccountedPage) {
    if !span.is_recorded() {
        return;
    }
    let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
    span.set("trestle.batch.number", number(page.page_number));
    span.set("trestle.batch.read", number(page.counts.read));
    span.set("trestle.batch.created", number(page.counts.created));
    span.set("trestle.batch.updated", number(page.counts.updated));
    span.set("trestle.batch.unchanged", number(page.counts.unchanged));
    span.set("trestle.batch.skipped", number(page.counts.skipped));
    span.set("trestle.batch.failed", number(page.counts.failed));
}

/// The record as it was read, and as it was mapped where there is a mapping.
fn parts(written: Record, source: Option<Record>) -> (Record, Option<Record>) {
    match source {
        Some(source) => (source, Some(written)),
        None => (written, None),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lookup {
    All,
    /// Those of keys that this run may have seen before.
    SeenInThisRun,
    None,
}

/// The page that is being stored, while the next one is on its way to the destination. Not interrupted by a
/// cancel.
#[derive(Default)]
pub(super) struct Accounting<'a> {
    account: Option<BoxFuture<'a, Result<(), LedgerError>>>,
    /// Of its records, sorted: what is asked about these must wait until it is stored.
    key_hashes: Vec<u64>,
}

impl Accounting<'_> {
    /// Waits until it is stored.
    pub(super) async fn done(&mut self) -> Result<(), StreamStop> {
        if let Some(account) = &mut self.account {
            let accounted = account.await;
            self.account = None;
            accounted?;
        }
        Ok(())
    }

    /// Works on something else while it is being stored. That it can't be stored ends the work.
    pub(super) async fn beside<T>(
        &mut self,
        work: impl Future<Output = Result<T, StreamStop>>,
    ) -> Result<T, StreamStop> {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            Err(stop) = self.done() => Err(stop),
            result = &mut work => result,
        }
    }
}

/// A destination that is opened again after a transient error, and given the same batch again.
pub(super) struct DestinationEnd<'a> {
    connector: Arc<dyn Connector>,
    pub(super) open: OpenDestination,
    destination: Option<Box<dyn Destination>>,
    pub(super) patience: Patience,
    pub(super) ledger: &'a dyn Ledger,
    pub(super) stop: &'a Stop,
}

impl<'a> DestinationEnd<'a> {
    pub(super) fn new(
        connector: Arc<dyn Connector>,
        open: OpenDestination,
        patience: Patience,
        ledger: &'a dyn Ledger,
        stop: &'a Stop,
    ) -> Self {
        Self { connector, open, destination: None, patience, ledger, stop }
    }

    async fn detects_unchanged(&mut self) -> Result<bool, StreamStop> {
        loop {
            let progress = self.open.access.progress.clone();
            let opened = canceled_or(&self.stop.after_page, async {
                let _waiting = progress.wait();
                Ok(self.opened().await.map(|end| end.detects_unchanged()))
            });
            match opened.await? {
                Ok(answer) => return Ok(answer),
                Err(error) => self.wait_after(error).await?,
            }
        }
    }

    /// The outcomes, and how many calls it took.
    async fn write(&mut self, batch: &[Write]) -> Result<(Vec<WriteOutcome>, u32), StreamStop> {
        // What the ledger has just woken, like a connection on its way back to its pool, waits for this thread, and no other
        // may take it over: a connector that blocks the thread would keep it for ever.
        tokio::task::yield_now().await;
        loop {
            let progress = self.open.access.progress.clone();
            let written = canceled_or(&self.stop.now, async {
                let _waiting = progress.wait();
                Ok(match self.opened().await {
                    Ok(destination) => destination.write(batch).await,
                    Err(error) => Err(error),
                })
            });
            match written.await? {
                Ok(outcomes) => {
                    let attempts = self.answered().await?;
                    return Ok((outcomes, attempts));
                }
                Err(error) => self.wait_after(error).await?,
            }
        }
    }

    /// The answers, and how many calls it took.
    pub(super) async fn remove(
        &mut self,
        gone: &[Gone],
        removal: &Removal,
    ) -> Result<(Vec<Result<(), RecordError>>, u32), StreamStop> {
        loop {
            let progress = self.open.access.progress.clone();
            let removed = canceled_or(&self.stop.now, async {
                let _waiting = progress.wait();
                Ok(match self.opened().await {
                    Ok(destination) => destination.remove(gone, removal).await,
                    Err(error) => Err(error),
                })
            });
            match removed.await? {
                Ok(outcomes) => {
                    let attempts = self.answered().await?;
                    return Ok((outcomes, attempts));
                }
                Err(error) => self.wait_after(error).await?,
            }
        }
    }

    /// How the records of a batch stand; `None` where the destination can't be asked.
    pub(super) async fn compare(&mut self, batch: &[Write]) -> Result<Option<Vec<Standing>>, StreamStop> {
        // As before a write.
        tokio::task::yield_now().await;
        loop {
            let progress = self.open.access.progress.clone();
            let compared = canceled_or(&self.stop.now, async {
                let _waiting = progress.wait();
                Ok(match self.opened().await {
                    Ok(destination) => destination.compare(batch).await,
                    Err(error) => Err(error),
                })
            });
            match compared.await? {
                Ok(standings) => {
                    self.answered().await?;
                    return Ok(standings);
                }
                Err(error) => self.wait_after(error).await?,
            }
        }
    }

    pub(super) async fn finish(&mut self) -> Result<(), StreamStop> {
        loop {
            let progress = self.open.access.progress.clone();
            let finished = canceled_or(&self.stop.now, async {
                let _waiting = progress.wait();
                Ok(match self.opened().await {
                    Ok(destination) => destination.finish().await,
                    Err(error) => Err(error),
                })
            });
            match finished.await? {
                Ok(()) => return self.answered().await.map(|_calls| ()),
                Err(error) => self.wait_after(error).await?,
            }
        }
    }

    pub(super) async fn opened(&mut self) -> Result<&mut Box<dyn Destination>, SystemError> {
        match &mut self.destination {
            Some(destination) => Ok(destination),
            closed => Ok(closed.insert(self.connector.open_destination(self.open.clone()).await?)),
        }
    }

    /// It has answered, to so many calls.
    pub(super) async fn answered(&mut self) -> Result<u32, StreamStop> {
        let failed = self.patience.attempts();
        if failed > 0 {
            self.patience.reset();
            self.ledger.answers_again(Side::Destination).await?;
        }
        Ok(failed + 1)
    }

    /// # Errors
    /// When trying again is of no use, or the stream was canceled meanwhile.
    pub(super) async fn wait_after(&mut self, error: SystemError) -> Result<(), StreamStop> {
        self.destination = None;
        let Some(wait) = self.patience.wait_after(&error) else {
            return Err(StreamStop::side(Side::Destination, error, self.patience.attempts()));
        };
        let attempt = self.patience.attempts();
        tracing::warn!(
            attempt,
            wait_ms = wait.as_millis(),
            error.kind = error.kind.code(),
            "writing is retried"
        );
        let notice = RetryNotice { side: Side::Destination, error, attempt, wait };
        self.ledger.retrying(&self.open.stream.name, &notice).await?;
        canceled_or(&self.stop.after_page, async {
            tokio::time::sleep(wait).await;
            Ok(())
        })
        .await
    }
}

pub(super) async fn canceled_or<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, StreamStop>>,
) -> Result<T, StreamStop> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(StreamStop::Canceled),
        result = work => result,
    }
}
