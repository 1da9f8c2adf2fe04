//! What a retry would do, told before anything is done, and the choice of failures by it.

use std::collections::{BTreeMap, HashSet};

use entity::failure::{self, FailureStatus};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::Condition;
use uuid::Uuid;

use super::can_be_tried;
use super::forecast::{PREDICTED_MAX, TIME_MAX, forecast};
use super::prediction::{PredictedFailure, Prediction};
use crate::actor::Actor;
use crate::error::{Error, Problem, ProblemCode, Result};
use crate::failure::FailureFilter;
use crate::permission::Permission;
use crate::scope::Scope;
use crate::words::shipped_english;

/// Failures of each prediction that a plan names, at most.
pub const NAMED_MAX: usize = 100;

/// What a retry would do, told before anything is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryPlan {
    /// Failures that the filter names and that are open.
    pub total: u64,
    /// Of these, how many would be tried.
    pub retryable: u64,
    /// How many can't be tried, because nothing of them was kept that could be written.
    pub not_retryable: u64,
    /// How many there are of each prediction; one that is not here has none.
    pub counts: BTreeMap<Prediction, u64>,
    /// How many are counted in `total` and not predicted.
    pub unpredicted: u64,
    /// The first ones of each prediction, up to [`NAMED_MAX`], in the order in which they failed.
    pub named: Vec<PredictedFailure>,
}

impl RetryPlan {
    /// How many of them a retry would do this with.
    pub fn count(&self, prediction: Prediction) -> u64 {
        self.counts.get(&prediction).copied().unwrap_or_default()
    }
}

/// What [`start`](super::start) with this filter would do, by what is stored now. Of more than [`PREDICTED_MAX`] failures
/// only the first are predicted.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn plan(actor: &Actor, filter: &FailureFilter) -> Result<RetryPlan> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let open = || {
        scope
            .find::<failure::Entity>()
            .filter(filter.condition(&scope))
            .filter(failure::Column::Status.eq(FailureStatus::Open))
    };
    let total = open().count().await?;
    let retryable = open().filter(can_be_tried()).count().await?;
    let mut counts: BTreeMap<Prediction, u64> = BTreeMap::new();
    let forecasts = forecast(&scope, &actor.language(), &filter.condition(&scope), |predicted| {
        let count = counts.entry(predicted.prediction).or_default();
        *count += 1;
        *count <= NAMED_MAX as u64
    })
    .await?;
    let predicted: u64 = counts.values().sum();
    // Some may have come or gone since they were counted.
    let total = if forecasts.is_complete { predicted } else { total.max(predicted) };
    let retryable = retryable.min(total);
    Ok(RetryPlan {
        total,
        retryable,
        not_retryable: total - retryable,
        counts,
        unpredicted: total - predicted,
        named: forecasts.of,
    })
}

/// The failures of a condition of which a retry would do one of these. Decided now: what happens later changes nothing.
///
/// # Errors
/// Rejected: `REQUIRED` only, when it is empty; `LIMIT_REACHED` when not all of them can be predicted.
pub(super) async fn choose(scope: &Scope, condition: &Condition, only: &[Prediction]) -> Result<Condition> {
    if only.is_empty() {
        return Err(Error::rejected(Problem::required(["only"], "name at least one, or leave it out")));
    }
    let only: HashSet<Prediction> = only.iter().copied().collect();
    // Nobody reads why.
    let language = shipped_english();
    let is_wanted = |predicted: &PredictedFailure| only.contains(&predicted.prediction);
    let forecasts = forecast(scope, &language, condition, is_wanted).await?;
    if !forecasts.is_complete {
        let message = format!(
            "there are more failures than can be predicted at once ({PREDICTED_MAX}, and as many as {} s last for); narrow \
             the filter",
            TIME_MAX.as_secs()
        );
        return Err(Error::rejected(Problem::new(ProblemCode::LimitReached, ["only"], message)));
    }
    let ids: Vec<Uuid> = forecasts.of.into_iter().map(|predicted| predicted.failure_id).collect();
    Ok(Condition::all()
        .add(failure::Column::Id.is_in(ids))
        .add(failure::Column::Status.eq(FailureStatus::Open)))
}
