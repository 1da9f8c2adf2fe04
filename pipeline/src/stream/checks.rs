//! Checks of a record against others: values that no two records of a run may share, and values that must be the key of
//! a record of another stream, or in a table of the destination. Deliberately absent: a memory that grows with the run; what
//! a run has seen is kept by the ledger, as receipts of a stream of their own, and a filter in memory says which of them are
//! worth a look.

use std::collections::{BTreeSet, HashMap, HashSet};

use connector::{Action, FieldError, Place, RecordKey};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::StreamStop;
use super::transform::Ready;
use super::writer::{Accounting, DestinationEnd, canceled_or};
use crate::failure::field_error;
use crate::seen::SeenKeys;
use crate::{NewReceipt, PayloadHash, Receipt, RecordFailure};

/// Values of a table that are known to be there, of each reference; some 40 bytes each. When there are more, the memory
/// begins anew.
const FOUND_MAX: usize = 50_000;

/// What records of a stream are checked for, besides their own rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// Values that no two records of a run may share.
    pub unique: Vec<Unique>,
    /// Values that must be there.
    pub references: Vec<Reference>,
    /// Values that must be in a table of the destination.
    pub table_references: Vec<TableReference>,
}

/// Fields of the mapped record whose values no two records of a run may share; a record in which one of them is null
/// shares nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// Their names.
    pub fields: Vec<String>,
    /// The stream as whose receipts the ledger keeps the values; no stream of records may be named so.
    pub kept_as: String,
}

/// Fields of the mapped record whose values must be the key of a record of another stream that was written; a record in
/// which one of them is null refers to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Their names, in the order of the other stream's key fields.
    pub fields: Vec<String>,
    /// The other stream.
    pub stream: String,
}

/// Fields of the mapped record whose values must be at a place of the destination, which judges in its own types; a record in
/// which one of them is null refers to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReference {
    /// Their names, in the order of the place's columns.
    pub fields: Vec<String>,
    /// Where they must be.
    pub place: Place,
}

/// The checks of a stream that is under way.
pub(super) struct Checker {
    checks: Checks,
    /// Hashes of values that were found, for each of `checks.table_references`.
    found: Vec<HashSet<u128>>,
    /// Values that this attempt may have seen, for each of `checks.unique`.
    seen: Vec<SeenKeys>,
    /// An attempt before has seen values as well.
    resumed: bool,
}

/// Values that records of a page take, if they are written.
#[derive(Default)]
pub(super) struct Taken(Vec<Take>);

struct Take {
    rule: usize,
    value: RecordKey,
    owner: PayloadHash,
    record: RecordKey,
}

impl Checker {
    pub(super) fn new(checks: Checks, resumed: bool) -> Self {
        let seen = checks.unique.iter().map(|_unique| SeenKeys::default()).collect();
        let found = checks.table_references.iter().map(|_reference| HashSet::new()).collect();
        Self { checks, found, seen, resumed }
    }

    pub(super) fn is_idle(&self) -> bool {
        let Checks { unique, references, table_references } = &self.checks;
        unique.is_empty() && references.is_empty() && table_references.is_empty()
    }

    /// Takes those out of a page that fail; `is_out` says which fail for their key already, and take no value.
    pub(super) async fn check(
        &mut self,
        ready: Vec<Ready>,
        is_out: impl Fn(&Ready) -> bool,
        end: &mut DestinationEnd<'_>,
        accounting: &mut Accounting<'_>,
        failures: &mut Vec<RecordFailure>,
    ) -> Result<(Vec<Ready>, Taken), StreamStop> {
        let mut errors: Vec<Vec<FieldError>> = ready.iter().map(|_ready| Vec::new()).collect();
        let places: Vec<usize> = (0..ready.len()).filter(|place| !is_out(&ready[*place])).collect();
        for reference in &self.checks.references {
            let values: Vec<(usize, RecordKey)> = places
                .iter()
                .filter_map(|place| {
                    Some((*place, RecordKey::of(&ready[*place].write.record, &reference.fields)?))
                })
                .collect();
            // No key has a NUL, and PostgreSQL takes none in a question.
            let asked: BTreeSet<&str> = values
                .iter()
                .map(|(_, value)| value.canonical())
                .filter(|value| !value.contains('\0'))
                .collect();
            let found =
                receipts(&reference.stream, &asked.into_iter().collect::<Vec<_>>(), end, accounting).await?;
            for (place, value) in &values {
                if !found.contains_key(value.canonical()) {
                    let message = format!("refers to nothing that is known of `{}`", reference.stream);
                    let fields = reference.fields.iter();
                    errors[*place].extend(fields.map(|field| field_error(field, "reference", &message)));
                }
            }
        }
        for place in 0..self.checks.table_references.len() {
            self.look_up(place, &ready, &places, &mut errors, end, accounting).await?;
        }
        let are_missing: Vec<bool> = errors.iter().map(|errors| !errors.is_empty()).collect();
        let mut taken = Taken::default();
        for (rule, unique) in self.checks.unique.iter().enumerate() {
            let seen = &mut self.seen[rule];
            let mut takes = Vec::new();
            let mut first: HashMap<u128, usize> = HashMap::new();
            let mut twice = BTreeSet::new();
            for &place in places.iter().filter(|place| errors[**place].is_empty()) {
                let record = &ready[place].write;
                let Some(value) = RecordKey::of(&record.record, &unique.fields) else { continue };
                let hash = xxh3_128(value.canonical().as_bytes());
                if first.insert(hash, place).is_some() {
                    twice.insert(place);
                    continue;
                }
                takes.push((place, hash, PayloadHash::of_text(record.key.canonical())));
            }
            let asked: Vec<String> = takes
                .iter()
                .filter(|(_, hash, _)| self.resumed || seen.may_contain(half(*hash)))
                .map(|(_, hash, _)| name(*hash))
                .collect();
            if !asked.is_empty() {
                // What the page before has taken is known once it is stored.
                accounting.done().await?;
            }
            let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
            let before = receipts(&unique.kept_as, &asked, end, accounting).await?;
            for (place, hash, owner) in takes {
                let other = before.get(&name(hash));
                if other.is_some_and(|other| other.written_in_this_run && other.payload_hash != owner) {
                    twice.insert(place);
                    continue;
                }
                seen.insert(half(hash));
                let (value, record) = (RecordKey::of_text(name(hash)), ready[place].write.key.clone());
                taken.0.push(Take { rule, value, owner, record });
            }
            for place in twice {
                let message = "must be unique: another record of this run has the same value";
                let fields = unique.fields.iter();
                errors[place].extend(fields.map(|field| field_error(field, "unique", message)));
            }
        }
        let mut good = Vec::with_capacity(ready.len());
        for ((ready, errors), is_missing) in ready.into_iter().zip(errors).zip(are_missing) {
            if errors.is_empty() {
                good.push(ready);
                continue;
            }
            let retried = ready.retried;
            let (key, record, mapped) = ready.into_parts();
            let failure = match is_missing {
                true => RecordFailure::missing_reference(key, record, errors),
                false => RecordFailure::duplicate_value(key, record, errors),
            };
            failures.push(RecordFailure { mapped, retried, ..failure });
        }
        Ok((good, taken))
    }

    /// One reference to a table, of the records at these places. Each value is asked for once, as long as it is remembered
    /// that it was found; one that was not may have come since.
    async fn look_up(
        &mut self,
        rule: usize,
        ready: &[Ready],
        places: &[usize],
        errors: &mut [Vec<FieldError>],
        end: &mut DestinationEnd<'_>,
        accounting: &mut Accounting<'_>,
    ) -> Result<(), StreamStop> {
        let TableReference { fields, place } = &self.checks.table_references[rule];
        let known = &mut self.found[rule];
        let mut asked: HashMap<u128, usize> = HashMap::new();
        let mut values: Vec<Vec<Value>> = Vec::new();
        let mut of_records: Vec<(usize, u128)> = Vec::new();
        for &at in places {
            let record = &ready[at].write.record;
            let of_record: Option<Vec<Value>> = fields
                .iter()
                .map(|field| record.get(field).filter(|value| !value.is_null()).cloned())
                .collect();
            let Some(of_record) = of_record else { continue };
            // With its types: the text `5` may be there and the number not.
            let hash = xxh3_128(Value::from(of_record.clone()).to_string().as_bytes());
            if known.contains(&hash) {
                continue;
            }
            of_records.push((at, hash));
            asked.entry(hash).or_insert_with(|| {
                values.push(of_record);
                values.len() - 1
            });
        }
        if values.is_empty() {
            return Ok(());
        }
        let found = accounting.beside(end.find(place, &values)).await?;
        if found.len() != values.len() {
            return Err(StreamStop::internal(format!(
                "the destination answered for {} values of {}",
                found.len(),
                values.len()
            )));
        }
        let message = format!("refers to nothing that is in `{}`", place.table);
        for (at, hash) in of_records {
            if !asked.get(&hash).is_some_and(|value| found[*value]) {
                errors[at].extend(fields.iter().map(|field| field_error(field, "reference", &message)));
                continue;
            }
            if known.len() >= FOUND_MAX {
                known.clear();
            }
            known.insert(hash);
        }
        Ok(())
    }

    /// What of it is to be kept: of records that are at the destination now. One that it refused takes no value.
    pub(super) fn kept(&self, taken: Taken, receipts: &[NewReceipt]) -> Vec<(String, Vec<NewReceipt>)> {
        if taken.0.is_empty() {
            return Vec::new();
        }
        let there: HashSet<&RecordKey> = receipts.iter().map(|receipt| &receipt.key).collect();
        let mut kept: Vec<(String, Vec<NewReceipt>)> =
            self.checks.unique.iter().map(|unique| (unique.kept_as.clone(), Vec::new())).collect();
        for take in taken.0.into_iter().filter(|take| there.contains(&take.record)) {
            kept[take.rule].1.push(NewReceipt {
                key: take.value,
                destination_key: None,
                payload_hash: take.owner,
                action: Action::Unchanged,
                retried: None,
            });
        }
        kept
    }
}

async fn receipts(
    stream: &str,
    keys: &[&str],
    end: &mut DestinationEnd<'_>,
    accounting: &mut Accounting<'_>,
) -> Result<HashMap<String, Receipt>, StreamStop> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let ledger = end.ledger;
    let receipts = canceled_or(&end.stop.now, async { Ok(ledger.receipts(stream, keys).await?) });
    accounting.beside(receipts).await
}

/// As a key: 32 hexadecimal digits, and nothing of the value.
fn name(hash: u128) -> String {
    format!("{hash:032x}")
}

/// For the filter.
fn half(hash: u128) -> u64 {
    hash as u64
}
