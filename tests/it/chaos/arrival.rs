//! What became of each record, looked for at its destination, among the receipts and among the failures. Deliberately
//! absent: counts and rows, which `verdict` looks at.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use super::load::Moved;
use super::receipts;
use super::record::{self, Fate};
use super::verdict::{TRANSIENT, Verdict, told};

const OF_BAD_RECORDS: [&str; 3] = ["record.schema_violation", "record.duplicate_key", "destination.rejected"];
/// A destination's records: key to owner, version and note.
type Stored = BTreeMap<String, (String, usize, String)>;

/// What is seen of one integration.
struct Seen {
    stored: Stored,
    receipts: BTreeSet<String>,
    /// Open failures: key (empty for a run as a whole) and code.
    failed: BTreeSet<(String, String)>,
}

impl Seen {
    fn transient(&self, key: &str) -> bool {
        TRANSIENT.iter().any(|code| self.failed.contains(&(key.to_owned(), (*code).to_owned())))
    }
}

impl Verdict<'_> {
    /// That each record of the last generation arrived, or that a failure says why not; `all` when what can be mended
    /// was.
    pub(super) async fn records_arrived(&self, all: bool) -> Vec<String> {
        let (last, generations, canceled) = {
            let book = self.load.book();
            (book.last.clone(), book.generations.clone(), book.canceled.clone())
        };
        let mut database = self.database.connect().await;
        let mut warehouse = self.warehouse.connect().await;
        let mut wrongs = Vec::new();
        for (place, moved) in self.load.moved.iter().enumerate() {
            let stored = self.stored(moved, &mut warehouse).await;
            let blocks: Vec<Vec<u8>> =
                sqlx::query_scalar("SELECT entries FROM receipt_block WHERE integration_id = $1")
                    .bind(moved.uuid)
                    .fetch_all(&mut database)
                    .await
                    .expect("a query");
            let receipts: BTreeSet<String> = blocks.iter().flat_map(|block| receipts::keys(block)).collect();
            let failures = sqlx::query(
                "SELECT coalesce(record_key, ''), code FROM failure WHERE integration_id = $1 AND status = 'OPEN'",
            )
            .bind(moved.uuid)
            .fetch_all(&mut database)
            .await
            .expect("a query");
            let failed: BTreeSet<(String, String)> =
                failures.iter().map(|row| (row.get(0), row.get(1))).collect();
            let status: String = sqlx::query_scalar("SELECT status FROM run WHERE id = $1")
                .bind(last[&place])
                .fetch_one(&mut database)
                .await
                .expect("the last run is there");
            let seen = Seen { stored, receipts, failed };
            // A run that could not go on has one failure for all that it did not read.
            let went_through = !matches!(status.as_str(), "FAILED" | "CANCELED");
            if !went_through && (all || seen.failed.iter().all(|(key, _)| !key.is_empty())) {
                let by = if canceled.contains(&last[&place]) { " by a caller" } else { "" };
                wrongs
                    .push(format!("{}: its last run is {status}{by}, and no failure says why", moved.owner));
            }
            let generation = if went_through { generations[&place] } else { usize::MAX };
            let found = self.judge(moved, &seen, generation, all);
            wrongs.extend(found.into_iter().map(|wrong| format!("{}: {wrong}", moved.owner)));
        }
        told("of the records", wrongs)
    }

    async fn stored(&self, moved: &Moved, warehouse: &mut PgConnection) -> Stored {
        if moved.is_written_outside {
            let stored = self.outside.stored(&moved.owner).into_iter();
            return stored
                .map(|(key, record)| {
                    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
                    let version = record["version"].as_u64().unwrap_or_default();
                    (key, (text("owner"), usize::try_from(version).expect("small"), text("note")))
                })
                .collect();
        }
        let sql = format!("SELECT id, owner, coalesce(version, 0), coalesce(note, '') FROM {}", moved.owner);
        let rows = warehouse.fetch_all(AssertSqlSafe(sql)).await.expect("a query");
        rows.iter()
            .map(|row| {
                let version = usize::try_from(row.get::<i32, _>(2)).expect("not negative");
                (row.get(0), (row.get(1), version, row.get(3)))
            })
            .collect()
    }

    /// What is wrong with the records of one integration; `generation` is `usize::MAX` when no run brought the last one.
    fn judge(&self, moved: &Moved, seen: &Seen, generation: usize, all: bool) -> Vec<String> {
        let mut wrongs = Vec::new();
        let keys: BTreeSet<String> = seen.stored.keys().cloned().collect();
        // An answer may be lost for good: then the record is there, and a failure says that nobody knows.
        let unsure = |key: &String| !all && seen.transient(key);
        let without = keys.difference(&seen.receipts).filter(|key| !unsure(key));
        wrongs.extend(without.map(|key| format!("{key} is there and has no receipt")));
        wrongs.extend(
            seen.receipts.difference(&keys).map(|key| format!("{key} has a receipt and is not there")),
        );
        for (key, (owner, _, _)) in seen.stored.iter().filter(|(_, (owner, _, _))| *owner != moved.owner) {
            wrongs.push(format!("{key} is of {owner}"));
        }
        for (key, code) in &seen.failed {
            let is_known = OF_BAD_RECORDS.contains(&code.as_str()) || TRANSIENT.contains(&code.as_str());
            if !is_known || (all && TRANSIENT.contains(&code.as_str())) {
                wrongs.push(format!("{key:?} has failed with {code}"));
            }
        }
        let mut expected = BTreeSet::new();
        let knows = generation != usize::MAX;
        let mut arrives = |key: String, version: usize, wrongs: &mut Vec<String>| {
            match seen.stored.get(&key) {
                _ if !knows || unsure(&key) => {}
                None => wrongs.push(format!("{key} is not there and has not failed")),
                Some((_, stored, note)) if *stored != version || note == "second" => {
                    wrongs.push(format!("{key} is there as {stored} ({note}), not {version}"));
                }
                Some(_) => {}
            }
            expected.insert(key);
        };
        if moved.is_read_outside {
            for place in 0..self.size.records {
                let key = record::key(place);
                let version = record::version(place, if knows { generation } else { 0 });
                let code = match record::fate(place) {
                    Fate::Good => {
                        arrives(key, version, &mut wrongs);
                        continue;
                    }
                    Fate::Invalid => "record.schema_violation",
                    Fate::Refused => "destination.rejected",
                    Fate::Duplicate => "record.duplicate_key",
                };
                let is_told = seen.failed.contains(&(key.clone(), code.to_owned())) || unsure(&key);
                if knows && !is_told {
                    wrongs.push(format!("{key} is bad, and no failure says so ({code})"));
                }
            }
        } else {
            for number in 1..=self.size.records {
                if let Some(key) = record::sandbox_key(number) {
                    arrives(key, 0, &mut wrongs);
                }
            }
        }
        wrongs.extend(keys.difference(&expected).map(|key| format!("{key} is there and should not be")));
        wrongs
    }
}
