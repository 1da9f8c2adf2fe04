//! The last stage of a comparison: asks the destination how records stand, and explains those that differ. Deliberately
//! absent: writing, and accounting page by page, so that a comparison that is interrupted begins anew.

mod extras;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDateTime;
use connector::{Standing, Write, is_after_watermark, is_comparable};
use serde_json::Value;
use tokio::sync::mpsc;

use super::transform::{MappedPage, Ready};
use super::writer::{DestinationEnd, canceled_or};
use super::{Duplicates, Feed, StreamStop};
use crate::comparison::{Checksum, Compared, DIFFERENCES_MAX};
use crate::key_set::KeySet;
use crate::{Comparison, ComparisonLedger, Difference, DifferenceKind, Ledger, PayloadHash, Receipt, Untold};

/// Bytes of JSON of the records that are kept; what is beyond is only counted.
const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Differences that are remembered by their key, so that a newer version of the record takes them back; some 40 bytes
/// each.
const REMEMBERED_MAX: usize = 500_000;

/// Which records were to be at the destination, beside those whose receipt says so.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    /// The cursor field, and the value up to which runs have moved records.
    until: Option<(String, Value)>,
}

impl Moved {
    /// INCREMENTAL: up to this value of the cursor field, as its connector keeps it in a watermark.
    pub fn until(cursor_field: String, value: Value) -> Self {
        Self { until: Some((cursor_field, as_records_hold_it(value))) }
    }

    /// A record that no run will read any more, by its place before the watermark.
    fn is_past(&self, record: &connector::Record) -> bool {
        self.until.as_ref().is_some_and(|(field, watermark)| {
            let value = &record[field.as_str()];
            is_comparable(value, watermark) && !is_after_watermark(value, watermark)
        })
    }
}

/// A time as databases write it (`2026-01-03 00:00:00+00`) is one of RFC 3339 in records.
fn as_records_hold_it(watermark: Value) -> Value {
    let Value::String(text) = &watermark else { return watermark };
    let Ok((_, zone)) = NaiveDateTime::parse_and_remainder(text, "%Y-%m-%d %H:%M:%S%.f") else {
        return watermark;
    };
    let time = text[..text.len() - zone.len()].replacen(' ', "T", 1);
    match zone {
        "" => Value::String(time),
        "+00" => Value::String(format!("{time}Z")),
        _ => watermark,
    }
}

/// A difference that counts.
struct Counted {
    kind: DifferenceKind,
    payload_hash: PayloadHash,
}

/// A difference that is looked at once more in the end.
struct Kept {
    ready: Ready,
    kind: DifferenceKind,
    receipt: Option<Receipt>,
}

pub(super) struct Comparer<'a> {
    end: DestinationEnd<'a>,
    moved: Moved,
    duplicates: Duplicates,
    ledger: &'a dyn Ledger,
    known: &'a dyn ComparisonLedger,
    /// Keys that the source has brought, failed ones among them; or why they are not known.
    brought: Result<KeySet, Untold>,
    compared: Compared,
    /// By the hash of the key.
    counted: HashMap<u64, Counted>,
    /// Some of the counted ones, by the hash of the key.
    kept: HashMap<u64, Kept>,
    /// In the order in which they were found; some were taken back.
    kept_order: Vec<u64>,
    kept_bytes: usize,
}

impl<'a> Comparer<'a> {
    pub(super) fn new<L: Ledger + ComparisonLedger>(
        end: DestinationEnd<'a>,
        moved: Moved,
        duplicates: Duplicates,
        ledger: &'a L,
    ) -> Self {
        Self {
            end,
            moved,
            duplicates,
            ledger,
            known: ledger,
            brought: Ok(KeySet::default()),
            compared: Compared::default(),
            counted: HashMap::new(),
            kept: HashMap::new(),
            kept_order: Vec::new(),
            kept_bytes: 0,
        }
    }

    /// Asks the destination, which is open from then on.
    pub(super) async fn can_compare(&mut self) -> Result<bool, StreamStop> {
        Ok(self.end.compare(&[]).await?.is_some())
    }

    pub(super) async fn run(
        mut self,
        mut from: mpsc::Receiver<Feed<MappedPage>>,
    ) -> Result<Comparison, StreamStop> {
        loop {
            match canceled_or(&self.end.stop.after_page, async { Ok(from.recv().await) }).await? {
                Some(Feed::Page(page)) => self.page(page).await?,
                Some(Feed::End { .. }) => break,
                Some(Feed::Stop(stop)) => return Err(stop),
                None => return Err(StreamStop::internal("reading ended without saying so")),
            }
        }
        self.look_again().await?;
        self.compared.only_there = self.only_there().await?;
        self.end.finish().await?;
        Ok(Comparison::Done(Box::new(self.compared)))
    }

    async fn page(&mut self, page: MappedPage) -> Result<(), StreamStop> {
        self.remember(&page).await?;
        let counts = &mut self.compared.counts;
        counts.read += page.read;
        counts.left_out += page.skipped;
        counts.refused += page.failures.len() as u64;
        counts.source += page.ready.len() as u64;
        let (batch, rest): (Vec<Write>, Vec<_>) = page
            .ready
            .into_iter()
            .map(|ready| (ready.write, (ready.source, ready.payload_hash, ready.key_hash)))
            .unzip();
        let standings = self.standings(&batch).await?;
        let mut differing = Vec::new();
        for ((write, (source, payload_hash, key_hash)), standing) in
            batch.into_iter().zip(rest).zip(standings)
        {
            let (of_key, of_record) =
                (Checksum::of_key(&write.key), Checksum::of_record(&write.key, payload_hash));
            if self.counted.contains_key(&key_hash) {
                if self.duplicates != Duplicates::LatestWins {
                    // The first one counts, and a second one is refused by every run.
                    self.compared.counts.source -= 1;
                    self.compared.counts.refused += 1;
                    continue;
                }
                self.take_back(key_hash, of_key, &write);
            }
            self.compared.source_keys.add(of_key);
            self.compared.source_records.add(of_record);
            if standing != Standing::Missing {
                self.compared.counts.destination += 1;
                self.compared.destination_keys.add(of_key);
            }
            let kind = match standing {
                Standing::Same => {
                    self.compared.counts.matched += 1;
                    self.compared.destination_records.add(of_record);
                    continue;
                }
                Standing::Different => DifferenceKind::Different,
                Standing::Missing => DifferenceKind::Missing,
            };
            let ready = Ready {
                write,
                source,
                payload_hash,
                payload_bytes: 0,
                key_hash,
                retried: None,
                unless_written_by: None,
                place: 0,
            };
            differing.push((ready, kind));
        }
        self.explain(differing).await
    }

    async fn standings(&mut self, batch: &[Write]) -> Result<Vec<Standing>, StreamStop> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        match self.end.compare(batch).await? {
            Some(standings) if standings.len() == batch.len() => Ok(standings),
            answer => Err(StreamStop::internal(format!(
                "the destination answered for {:?} records of {}",
                answer.map(|standings| standings.len()),
                batch.len()
            ))),
        }
    }

    /// An older version of a record differed, as it was to: the newer one counts.
    fn take_back(&mut self, key_hash: u64, of_key: u128, write: &Write) {
        let Some(Counted { kind, payload_hash }) = self.counted.remove(&key_hash) else { return };
        let compared = &mut self.compared;
        compared.counts.source -= 1;
        compared.counts.left_out += 1;
        compared.source_keys.take(of_key);
        compared.source_records.take(Checksum::of_record(&write.key, payload_hash));
        match kind {
            DifferenceKind::Missing => compared.counts.missing -= 1,
            DifferenceKind::Different => {
                compared.counts.different -= 1;
                compared.counts.destination -= 1;
                compared.destination_keys.take(of_key);
            }
        }
        self.kept.remove(&key_hash);
    }

    /// Tells what was to be there from what no run has moved so far, and from what a failure tells.
    async fn explain(&mut self, differing: Vec<(Ready, DifferenceKind)>) -> Result<(), StreamStop> {
        if differing.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = differing.iter().map(|(ready, _)| ready.write.key.canonical()).collect();
        let (ledger, known) = (self.ledger, self.known);
        let stream = &self.end.open.stream.name;
        let asked = async {
            let failing: HashSet<String> = known.failing(stream, &keys).await?;
            Ok((ledger.receipts(stream, &keys).await?, failing))
        };
        let (receipts, failing) = canceled_or(&self.end.stop.now, asked).await?;
        for (ready, kind) in differing {
            let key = ready.write.key.canonical();
            let receipt = receipts.get(key).copied();
            let is_receipted = receipt.is_some_and(|receipt| receipt.payload_hash == ready.payload_hash);
            let source = ready.source.as_ref().unwrap_or(&ready.write.record);
            let counts = &mut self.compared.counts;
            if failing.contains(key) {
                counts.failing += 1;
            } else if is_receipted || self.moved.is_past(source) {
                match kind {
                    DifferenceKind::Missing => counts.missing += 1,
                    DifferenceKind::Different => counts.different += 1,
                }
                self.keep(ready, kind, receipt);
            } else {
                counts.not_moved += 1;
            }
        }
        Ok(())
    }

    fn keep(&mut self, ready: Ready, kind: DifferenceKind, receipt: Option<Receipt>) {
        let key_hash = ready.key_hash;
        if self.counted.len() < REMEMBERED_MAX {
            self.counted.insert(key_hash, Counted { kind, payload_hash: ready.payload_hash });
        }
        if self.kept.len() >= DIFFERENCES_MAX || self.kept_bytes >= KEPT_BYTES_MAX {
            return;
        }
        let source = ready.source.as_ref().map_or(0, |source| source.to_string().len());
        self.kept_bytes += source + ready.write.record.to_string().len();
        self.kept_order.push(key_hash);
        self.kept.insert(key_hash, Kept { ready, kind, receipt });
    }

    /// Compares the kept differences once more: what somebody changed while it was looked at is none.
    async fn look_again(&mut self) -> Result<(), StreamStop> {
        let kept: Vec<Kept> =
            std::mem::take(&mut self.kept_order).iter().filter_map(|hash| self.kept.remove(hash)).collect();
        let batch: Vec<Write> = kept.iter().map(|kept| kept.ready.write.clone()).collect();
        let standings = self.standings(&batch).await?;
        for (Kept { ready, kind, receipt }, standing) in kept.into_iter().zip(standings) {
            let payload_hash = ready.payload_hash;
            let (key, record, mapped) = ready.into_parts();
            let compared = &mut self.compared;
            if kind == DifferenceKind::Missing && standing != Standing::Missing {
                compared.counts.destination += 1;
                compared.destination_keys.add(Checksum::of_key(&key));
            }
            if kind == DifferenceKind::Different && standing == Standing::Missing {
                compared.counts.destination -= 1;
                compared.destination_keys.take(Checksum::of_key(&key));
            }
            match kind {
                DifferenceKind::Missing => compared.counts.missing -= 1,
                DifferenceKind::Different => compared.counts.different -= 1,
            }
            let kind = match standing {
                Standing::Same => {
                    compared.counts.matched += 1;
                    compared.destination_records.add(Checksum::of_record(&key, payload_hash));
                    continue;
                }
                Standing::Missing => {
                    compared.counts.missing += 1;
                    DifferenceKind::Missing
                }
                Standing::Different => {
                    compared.counts.different += 1;
                    DifferenceKind::Different
                }
            };
            let in_doubt = receipt.map(|receipt| receipt.next(payload_hash));
            compared.differences.push(Difference { key, kind, record, mapped, in_doubt });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Moved;

    #[test]
    fn what_is_before_the_watermark_is_past_whatever_form_times_have_there() {
        let is_past = |watermark, value| {
            let record = [("at".to_owned(), value)].into_iter().collect();
            Moved::until("at".to_owned(), watermark).is_past(&record)
        };
        for (watermark, before, after) in [
            (
                json!("2026-01-03 00:00:00.5+00"),
                json!("2026-01-03T00:00:00.5Z"),
                json!("2026-01-03T00:00:01Z"),
            ),
            (json!("2026-01-03 00:00:00"), json!("2026-01-03T00:00:00"), json!("2026-01-03T00:00:01")),
            (json!("2026-01-03T00:00:00Z"), json!("2026-01-02T00:00:00Z"), json!("2026-01-04T00:00:00Z")),
            (json!("10"), json!(9), json!(11)),
            (json!(10), json!(10), json!(null)),
        ] {
            assert!(is_past(watermark.clone(), before.clone()), "{before} of {watermark}");
            assert!(!is_past(watermark.clone(), after.clone()), "{after} of {watermark}");
        }
        assert!(!Moved::default().is_past(&[("at".to_owned(), json!(1))].into_iter().collect()));
    }
}
