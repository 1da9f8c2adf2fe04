//! Records that only the destination has: how a comparison finds them among the receipts, and how a retry removes those that
//! somebody asked for. Deliberately absent: what the source brings and the destination holds (`pipeline`).

use std::collections::{HashMap, HashSet};

use connector::{Gone, RecordKey};
use entity::failure::{self, FailureStatus};
use entity::integration::{Deletions, Stream};
use futures::stream::{BoxStream, StreamExt};
use pipeline::{LedgerError, OnlyThere, RecordFailure, Stage, Untold, WrittenKey};
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::gone::{Survey, is_many};
use super::lease::{RunLease, storage};
use super::receipt::{Entry, Walk};
use crate::error::{Doing, Error, Result};
use crate::reconciliation::RECONCILIATION_EXTRA;
use crate::scope::TxScope;

/// Records that a retry removes of a stream, at most; each reconciliation makes fewer. What is beyond stays open.
const ASKED_MAX: u64 = 10_000;

/// What is stored of that.
pub(super) struct Extras {
    pub(super) extra: Option<i64>,
    pub(super) others: Option<i64>,
    pub(super) kept: Vec<Gone>,
    /// In words for people.
    pub(super) reason: Option<String>,
    /// A repair may remove them.
    pub(super) can_be_removed: bool,
}

impl Extras {
    /// Of a stream of the integration.
    pub(super) fn of(only_there: OnlyThere, stream: Option<&Stream>) -> Self {
        let can_be_removed = stream.is_some_and(|stream| stream.deletions.is_some());
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        match only_there {
            OnlyThere::Told { extra, kept, others } => Self {
                extra: Some(count(extra)),
                others: others.map(count),
                kept,
                reason: (extra > 0 && !can_be_removed).then(|| left_words(extra)),
                can_be_removed,
            },
            OnlyThere::Untold(why) => Self {
                extra: None,
                others: None,
                kept: Vec::new(),
                reason: Some(untold_words(why).to_owned()),
                can_be_removed,
            },
        }
    }
}

fn left_words(extra: u64) -> String {
    let records = if extra == 1 { "1 record is" } else { &format!("{extra} records are") };
    format!(
        "{records} only at the destination: the source does not have them any more. The stream has no `deletions`, by which \
         a repair could remove them."
    )
}

fn untold_words(why: Untold) -> &'static str {
    match why {
        Untold::Unasked => "What only the destination has can't be told: it can't be asked for a key alone.",
        Untold::Unreadable => {
            "What only the destination has can't be told: some records of the source can't be read, and it is not known \
             which they are."
        }
        Untold::NoRoom => {
            "What only the destination has can't be told: the source has more records than there is room to remember."
        }
    }
}

/// A record that only the destination has, as a failure: nothing of it is left that could be written.
pub(super) fn as_failure(key: RecordKey) -> RecordFailure {
    RecordFailure {
        stage: Stage::Load,
        code: RECONCILIATION_EXTRA.to_owned(),
        key: Some(key),
        position: None,
        field_errors: Vec::new(),
        http_status: None,
        detail: "it has a receipt and is at the destination, and the source did not bring its key".to_owned(),
        record: None,
        mapped: None,
        raw: None,
        attempts: 0,
        retried: None,
        exchange: None,
    }
}

impl RunLease {
    /// As [`pipeline::ComparisonLedger::written`].
    pub(super) fn written_keys<'a>(
        &'a self,
        stream: &'a str,
    ) -> BoxStream<'a, std::result::Result<Vec<WrittenKey>, LedgerError>> {
        let pages = futures::stream::try_unfold(Some(None::<String>), async move |next| {
            let Some(after) = next else { return Ok(None) };
            let Walk { entries, next } = self.walk(stream, after.as_deref()).await.map_err(storage)?;
            let key =
                |entry: Entry| WrittenKey { canonical: entry.key, destination_key: entry.destination_key };
            Ok(Some((entries.into_iter().map(key).collect(), next.map(Some))))
        });
        pages.boxed()
    }

    /// Records that this retry is to remove, in a page; with the same safeguards as those that a run finds by itself.
    pub(super) async fn asked_to_remove(
        &self,
        stream: &str,
        deletions: &Deletions,
    ) -> std::result::Result<Vec<Gone>, LedgerError> {
        let asked = self.asked(stream).await.map_err(storage)?;
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        self.close_receipts(stream).await?;
        let (gone, survey) = self.still_written(stream, &asked).await.map_err(storage)?;
        if is_many(&survey, deletions) {
            self.hold_once(stream, deletions, &survey).await?;
        }
        Ok(gone)
    }

    async fn asked(&self, stream: &str) -> Result<HashSet<String>> {
        let tx = TxScope::begin(&self.app, self.run.tenant_id).await?;
        let keys: Vec<Option<String>> = tx
            .find::<failure::Entity>()
            .select_only()
            .column(failure::Column::RecordKey)
            .filter(self.retried_extras(stream))
            .limit(ASKED_MAX)
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading what is to be removed")?;
        Ok(keys.into_iter().flatten().collect())
    }

    fn retried_extras(&self, stream: &str) -> Condition {
        Condition::all()
            .add(failure::Column::RetryRunId.eq(self.run.id))
            .add(failure::Column::Status.eq(FailureStatus::Retrying))
            .add(failure::Column::Stream.eq(stream))
            .add(failure::Column::Code.eq(RECONCILIATION_EXTRA))
    }

    /// Those of these keys that have a receipt, but for those that another record is named as at the destination.
    async fn still_written(&self, stream: &str, asked: &HashSet<String>) -> Result<(Vec<Gone>, Survey)> {
        let mut survey = Survey::default();
        // Several keys may have become one there.
        let mut gone: HashMap<String, Vec<Gone>> = HashMap::new();
        let key_count = self.integration.streams.0.iter().find(|known| known.name == stream);
        let key_count = key_count.map_or(0, |stream| stream.key_fields.len());
        let mut next = Some(None);
        while let Some(after) = next.take() {
            let Walk { entries, next: behind } = self.walk(stream, after.as_deref()).await?;
            survey.known += entries.len() as u64;
            for entry in entries {
                survey.has_names |= entry.destination_key.is_some();
                // What this run has written is there again.
                if asked.contains(&entry.key) && entry.run != self.run.id {
                    let key = RecordKey::stored(&entry.key, key_count).ok_or_else(|| {
                        Error::internal(
                            "reading write receipts",
                            "one is of other key fields than the stream's",
                        )
                    })?;
                    let name = entry.destination_key.clone().unwrap_or_else(|| entry.key.clone());
                    let records = gone.entry(name).or_default();
                    records.push(Gone { key, destination_key: entry.destination_key });
                }
            }
            next = behind.map(Some);
        }
        survey.gone = gone.values().map(Vec::len).sum::<usize>() as u64;
        if survey.has_names {
            let mut next = Some(None);
            while let Some(after) = next.take() {
                let Walk { entries, next: behind } = self.walk(stream, after.as_deref()).await?;
                let stays = |entry: &&Entry| !asked.contains(&entry.key) || entry.run == self.run.id;
                for entry in entries.iter().filter(stays) {
                    gone.remove(entry.destination_key.as_ref().unwrap_or(&entry.key));
                }
                next = behind.map(Some);
            }
        }
        Ok((gone.into_values().flatten().collect(), survey))
    }

    /// The failures of these keys that this retry is to settle by removing their records, by key.
    pub(super) async fn removals_of(
        &self,
        tx: &TxScope,
        stream: &str,
        keys: Vec<&str>,
    ) -> Result<HashMap<String, Vec<Uuid>>> {
        let rows: Vec<(Uuid, String)> = tx
            .find::<failure::Entity>()
            .select_only()
            .column(failure::Column::Id)
            .column(failure::Column::RecordKey)
            .filter(self.retried_extras(stream))
            .filter(failure::Column::RecordKey.is_in(keys))
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading failures of what was removed")?;
        let mut ids: HashMap<String, Vec<Uuid>> = HashMap::new();
        for (id, key) in rows {
            ids.entry(key).or_default().push(id);
        }
        Ok(ids)
    }
}
