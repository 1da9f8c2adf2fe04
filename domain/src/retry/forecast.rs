//! Predictions of many failures: batch by batch, with an end to how many and to how long it takes. Deliberately absent: what
//! is predicted of one failure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use entity::failure::{self, FailureStatus};
use entity::integration::{self, IntegrationStatus};
use entity::run;
use pipeline::{Prospect, Rehearsal};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Order};
use uuid::Uuid;

use super::prediction::{
    Forecast, PredictedFailure, Prediction, WritingRun, Written, of_record, without_record,
};
use super::rehearsal::{compile, rehearse, stored_record};
use crate::actor::Tenants;
use crate::background::receipt::{self, Stride};
use crate::error::Result;
use crate::scope::Scope;
use crate::words::Language;

/// Failures that are predicted one by one, at most; what is beyond is only counted.
pub const PREDICTED_MAX: u64 = 10_000;
/// Failures read at once; each record can have a megabyte.
const BATCH_ROWS: u64 = 100;
/// When this is over nothing more is predicted: people wait for it, and mappings may be slow.
pub(super) const TIME_MAX: Duration = Duration::from_secs(5);
/// Compiled streams that are kept from batch to batch, at most.
const STREAMS_KEPT_MAX: usize = 50;

/// Predictions, in the order of the failures' ids.
#[derive(Debug, Default)]
pub(super) struct Forecasts {
    pub(super) of: Vec<PredictedFailure>,
    /// Every failure of the condition is in it.
    pub(super) is_complete: bool,
}

/// Predicts the open failures of a condition, up to [`PREDICTED_MAX`], as long as there is time. `keep` says which are
/// to be remembered, the others are gone with their batch.
pub(super) async fn forecast(
    scope: &Scope,
    language: &Language,
    condition: &Condition,
    mut keep: impl FnMut(&PredictedFailure) -> bool,
) -> Result<Forecasts> {
    let until = Instant::now() + TIME_MAX;
    let mut forecaster = Forecaster { scope, language, until, streams: HashMap::new() };
    let mut forecasts = Forecasts::default();
    let (mut after, mut seen) = (Uuid::nil(), 0);
    loop {
        // One more than may be predicted tells whether there are more.
        let limit = BATCH_ROWS.min(PREDICTED_MAX + 1 - seen);
        let rows = scope
            .find::<failure::Entity>()
            .filter(condition.clone())
            .filter(failure::Column::Status.eq(FailureStatus::Open))
            .filter(failure::Column::Id.gt(after))
            .order_by(failure::Column::Id, Order::Asc)
            .limit(limit)
            .all()
            .await?;
        let Some(last) = rows.last() else {
            forecasts.is_complete = true;
            return Ok(forecasts);
        };
        after = last.id;
        if seen >= PREDICTED_MAX || Instant::now() >= until {
            return Ok(forecasts);
        }
        seen += rows.len() as u64;
        let count = rows.len();
        let batch = forecaster.batch(rows).await?;
        let is_whole = batch.len() == count;
        forecasts.of.extend(batch.into_iter().filter(|predicted| keep(predicted)));
        if !is_whole {
            return Ok(forecasts);
        }
    }
}

struct Forecaster<'a> {
    scope: &'a Scope,
    /// In which reasons are said.
    language: &'a Language,
    until: Instant,
    /// `None` for a stream that the integration does not have any more.
    streams: HashMap<(Uuid, String), Option<Rehearsal>>,
}

/// Failures of one stream whose records are tried.
type OfStream = BTreeMap<(Uuid, String), Vec<failure::Model>>;

impl Forecaster<'_> {
    /// Predictions of these failures, in their order; fewer when the time is up.
    async fn batch(&mut self, rows: Vec<failure::Model>) -> Result<Vec<PredictedFailure>> {
        let ids: HashSet<Uuid> = rows.iter().map(|row| row.integration_id).collect();
        let ids = integration::Column::Id.is_in(ids);
        let integrations = self.scope.find::<integration::Entity>().filter(ids).all().await?;
        let integrations: HashMap<Uuid, integration::Model> =
            integrations.into_iter().map(|row| (row.id, row)).collect();
        let order: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut predicted: HashMap<Uuid, PredictedFailure> = HashMap::with_capacity(rows.len());
        let mut tried = OfStream::new();
        for row in rows {
            let active = integrations
                .get(&row.integration_id)
                .filter(|integration| integration.status != IntegrationStatus::Archived);
            let told = match (active, without_record(&row)) {
                (None, _) => Some(Forecast::new(Prediction::CannotSucceed, "retry-archived")),
                (Some(_), told) => told,
            };
            match told {
                Some(forecast) => {
                    predicted.insert(row.id, forecast.of(self.language, &row));
                }
                None => {
                    let stream = row.stream.clone().unwrap_or_default();
                    tried.entry((row.integration_id, stream)).or_default().push(row);
                }
            }
        }
        for ((integration_id, stream), rows) in tried {
            let Some(integration) = integrations.get(&integration_id) else { continue };
            for forecast in self.of_stream(integration, &stream, rows).await? {
                predicted.insert(forecast.failure_id, forecast);
            }
        }
        Ok(order.iter().map_while(|id| predicted.remove(id)).collect())
    }

    async fn of_stream(
        &mut self,
        integration: &integration::Model,
        name: &str,
        rows: Vec<failure::Model>,
    ) -> Result<Vec<PredictedFailure>> {
        let key = (integration.id, name.to_owned());
        let rehearsal = match self.streams.remove(&key) {
            Some(kept) => kept,
            None => match integration.streams.0.iter().find(|stream| stream.name == name) {
                Some(stream) => Some(compile(stream).await?),
                None => None,
            },
        };
        let Some(rehearsal) = rehearsal else {
            let why = "retry-no-stream";
            let of = |row| Forecast::new(Prediction::CannotSucceed, why).of(self.language, row);
            return Ok(rows.iter().map(of).collect());
        };
        let app = self.scope.app();
        let records = rows.iter().map(|row| stored_record(app, row)).collect::<Result<_>>()?;
        let (rehearsal, prospects) = rehearse(rehearsal, records, self.until).await?;
        if self.streams.len() >= STREAMS_KEPT_MAX {
            self.streams.clear();
        }
        self.streams.insert(key, Some(rehearsal));
        let stream =
            receipt::Stream { tenant_id: integration.tenant_id, integration_id: integration.id, name };
        let written = written(self.scope, stream, &prospects).await?;
        Ok(rows
            .iter()
            .zip(prospects)
            .map(|(row, prospect)| {
                let written = key_of(&prospect).and_then(|key| written.get(key));
                of_record(row, prospect, written).of(self.language, row)
            })
            .collect())
    }
}

fn key_of(prospect: &Prospect) -> Option<&str> {
    match prospect {
        Prospect::Ready { key, .. } => Some(key.canonical()),
        Prospect::LeftOut | Prospect::Refused(_) => None,
    }
}

/// What was written with the keys of these, by key.
async fn written(
    scope: &Scope,
    stream: receipt::Stream<'_>,
    prospects: &[Prospect],
) -> Result<HashMap<String, Written>> {
    let keys: Vec<&str> = prospects.iter().filter_map(key_of).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let reader = scope.reader_of(&Tenants::Some(vec![stream.tenant_id]));
    let receipts = receipt::lookup(&reader, stream, Uuid::nil(), &keys, &keys, &Stride::default()).await?;
    let runs: HashSet<Uuid> = receipts.values().map(|receipt| receipt.run).collect();
    let runs = scope.find::<run::Entity>().filter(run::Column::Id.is_in(runs)).all().await?;
    let runs: HashMap<Uuid, WritingRun> = runs
        .into_iter()
        .filter_map(|run| {
            let (started_at, finished_at, scope) = (run.started_at?, run.finished_at, run.scope);
            Some((run.id, WritingRun { started_at, finished_at, scope }))
        })
        .collect();
    Ok(receipts
        .into_iter()
        .map(|(key, receipt)| {
            let run = runs.get(&receipt.run).copied();
            (key, Written { receipt, run })
        })
        .collect())
}
