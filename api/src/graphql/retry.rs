//! Retries: durable bulk operations over failures.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, Subscription};
use domain::Permission;
use domain::id::Kind;
use domain::retry::{self, Prediction};
use domain::run::RunParent;
use futures::stream::BoxStream;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::failure::{FailureFilter, FieldError, selection};
use super::live::{self, Watch};
use super::loader::Runs;
use super::page::{Listed, arguments};
use super::run::{Run, RunFilter, RunOrder, run_list};
use super::scalar::{BigInt, DateTime, Json, id, uuid};
use super::tenant::Tenant;

/// How far a retry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::retry::RetryStatus")]
pub enum RetryStatus {
    /// No run of it has started.
    Queued,
    /// It is at work.
    Running,
    /// Every failure of it was tried.
    Completed,
    /// It was canceled; what is done stays.
    Canceled,
}

/// A bulk retry: durable, with progress; cancelling keeps what is done.
#[derive(Clone)]
pub struct Retry(pub(super) retry::Retry);

/// A bulk retry: durable, with progress; cancelling keeps what is done.
#[Object]
impl Retry {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Retry, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// How far it is.
    fn status(&self) -> RetryStatus {
        self.0.status.into()
    }

    /// Who asked for it, in words a customer understands.
    fn requested_by(&self) -> &str {
        &self.0.requested_by
    }

    /// When it was asked for.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it ended; null before that.
    fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(Into::into)
    }

    /// Failures it took: resolved + failed + remaining.
    fn total(&self) -> BigInt {
        self.0.total.into()
    }

    /// Failures it resolved.
    fn resolved(&self) -> BigInt {
        self.0.resolved.into()
    }

    /// Failures that failed again, or were let go when it was canceled.
    fn failed(&self) -> BigInt {
        self.0.failed.into()
    }

    /// Failures that are still to be tried.
    fn remaining(&self) -> BigInt {
        (self.0.total - self.0.resolved - self.0.failed).max(0).into()
    }

    /// Its runs, one for each integration.
    async fn runs(
        &self,
        ctx: &Context<'_>,
        filter: Option<RunFilter>,
        order_by: Option<RunOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Listed<Run>> {
        let list = Runs { of: RunParent::Retry, list: run_list(ctx, filter, order_by)? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Listed::new(page, Run))
    }
}

/// What a retry of a failure would do, by the integration's mapping and rules as they are now, the record as it is stored
/// or was edited, and what was written with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::retry::Prediction")]
pub enum RetryPrediction {
    /// Nothing was ever written with its key.
    WouldCreate,
    /// Something else was written with its key, before it failed.
    WouldUpdate,
    /// Exactly this is there already: nothing would be written, and the failure would be resolved.
    AlreadyWritten,
    /// A later run wrote something else with its key: the older would be put over the newer.
    WouldOverwriteNewer,
    /// It is gone from the source: it would be deleted or marked at the destination, as its stream's `deletions` say.
    WouldBeRemoved,
    /// The mapping leaves it out: nothing would be written, and it would end as skipped.
    WouldBeLeftOut,
    /// It would fail again, unless it is edited or the integration changed.
    CannotSucceed,
    /// Nobody can tell; the reason says why.
    Unknown,
}

/// A failure, and what a retry of it would do.
#[derive(Clone, Debug, SimpleObject)]
pub struct PredictedFailure {
    /// The failure.
    failure_id: ID,
    /// Key of its record in the business's own terms, e.g. `PO-10042`, as it was when it failed; null for a failure of a
    /// run as a whole.
    business_reference: Option<String>,
    /// What a retry would do.
    prediction: RetryPrediction,
    /// Why, in words; without values of the record.
    reason: String,
    /// The rules that it would break; empty where that is not why.
    field_errors: Vec<FieldError>,
}

/// What a retry would do, told before anything is done.
pub struct RetryPlan(retry::RetryPlan);

/// What a retry would do, told before anything is done, failure by failure. Every failure is in one of the counts
/// `wouldCreate`, `wouldUpdate`, `alreadyWritten`, `wouldOverwriteNewer`, `wouldBeRemoved`, `wouldBeLeftOut`, `cannotSucceed`,
/// `unknown` and `unpredicted`.
#[Object]
impl RetryPlan {
    /// Open failures that match: retryable + notRetryable.
    fn total(&self) -> BigInt {
        self.0.total.into()
    }

    /// Of these, how many would be tried.
    fn retryable(&self) -> BigInt {
        self.0.retryable.into()
    }

    /// How many can't be tried, because nothing of them was kept that could be written.
    fn not_retryable(&self) -> BigInt {
        self.0.not_retryable.into()
    }

    /// How many are there already, exactly so: nothing would be written.
    fn already_written(&self) -> BigInt {
        self.0.count(Prediction::AlreadyWritten).into()
    }

    /// How many would write a key that was never written.
    fn would_create(&self) -> BigInt {
        self.0.count(Prediction::WouldCreate).into()
    }

    /// How many would change what was written before they failed.
    fn would_update(&self) -> BigInt {
        self.0.count(Prediction::WouldUpdate).into()
    }

    /// How many would put older contents over what a later run wrote.
    fn would_overwrite_newer(&self) -> BigInt {
        self.0.count(Prediction::WouldOverwriteNewer).into()
    }

    /// How many would be deleted or marked at the destination, because they are gone from the source.
    fn would_be_removed(&self) -> BigInt {
        self.0.count(Prediction::WouldBeRemoved).into()
    }

    /// How many the mapping leaves out: they would end as skipped.
    fn would_be_left_out(&self) -> BigInt {
        self.0.count(Prediction::WouldBeLeftOut).into()
    }

    /// How many would fail again, unless they are edited or the integration changed.
    fn cannot_succeed(&self) -> BigInt {
        self.0.count(Prediction::CannotSucceed).into()
    }

    /// Of how many nobody can tell.
    fn unknown(&self) -> BigInt {
        self.0.count(Prediction::Unknown).into()
    }

    /// How many are counted in `total` only: the first 10,000 are predicted, as far as 5 seconds last.
    fn unpredicted(&self) -> BigInt {
        self.0.unpredicted.into()
    }

    /// The first failures of each prediction, in the order in which they failed.
    async fn failures(
        &self,
        #[graphql(desc = "Those with one of these; by default all.")] prediction: Option<
            Vec<RetryPrediction>,
        >,
        #[graphql(desc = "How many of each, 0 to 100.", default = 20)] first: i32,
    ) -> Result<Vec<PredictedFailure>> {
        let first = usize::try_from(first).ok().filter(|first| *first <= retry::NAMED_MAX);
        let first = first.ok_or_else(|| domain::Error::Argument {
            argument: "first",
            message: format!("must be from 0 to {}", retry::NAMED_MAX),
        })?;
        let mut counts: HashMap<Prediction, usize> = HashMap::new();
        let wanted = |found: Prediction| {
            prediction.as_ref().is_none_or(|wanted| wanted.iter().any(|one| Prediction::from(*one) == found))
        };
        let named =
            self.0.named.iter().filter(|predicted| wanted(predicted.prediction)).filter(|predicted| {
                let count = counts.entry(predicted.prediction).or_default();
                *count += 1;
                *count <= first
            });
        Ok(named
            .map(|predicted| PredictedFailure {
                failure_id: id(Kind::Failure, predicted.failure_id),
                business_reference: predicted.business_reference.clone(),
                prediction: predicted.prediction.into(),
                reason: predicted.reason.clone(),
                field_errors: predicted.field_errors.iter().cloned().map(Into::into).collect(),
            })
            .collect())
    }
}

/// Queries of retries.
#[derive(Default)]
pub struct RetryQuery;

#[Object]
impl RetryQuery {
    /// One retry; null when there is none that the viewer may see.
    async fn retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The retry's id.")] id: ID,
    ) -> Option<Result<Retry>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::Retry, &id)).await };
        row.await.transpose().map(|row| row.map(Retry))
    }

    /// What `retryFailures` with this filter would do, failure by failure, by what is stored now. Nothing is done.
    async fn retry_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which failures.")] filter: FailureFilter,
    ) -> Result<RetryPlan> {
        Ok(RetryPlan(retry::plan(&actor(ctx)?, &filter.decode()?).await?))
    }
}

/// Which failures to retry: exactly one of `failureIds` and `filter`.
#[derive(InputObject)]
pub struct RetryFailuresInput {
    /// These, 1 to 1,000, all of one tenant and open.
    failure_ids: Option<Vec<ID>>,
    /// All open ones that match, of one tenant.
    filter: Option<FailureFilter>,
    /// Only those of which a retry would do one of these, as `retryPlan` says; absent or null: all. It is decided now: what
    /// is written until the retry has its turn changes nothing. Of at most 10,000 failures.
    only: Option<Vec<RetryPrediction>>,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first retry and starts none.
    idempotency_key: Option<String>,
}

/// A record as it should have been.
#[derive(InputObject)]
pub struct EditAndRetryFailureInput {
    /// Which failure; it must be open and have a record.
    failure_id: ID,
    /// The whole record, an object with all key fields of its stream; at most 1 MiB.
    #[graphql(secret)]
    record: Json,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first retry and starts none.
    idempotency_key: Option<String>,
}

/// Which retry to cancel.
#[derive(InputObject)]
pub struct CancelRetryInput {
    /// Which retry.
    retry_id: ID,
}

/// A retry, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct RetryPayload {
    /// The retry; null when `userErrors` is not empty.
    retry: Option<Retry>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl RetryPayload {
    fn of(result: domain::Result<retry::Retry>) -> Result<Self> {
        let (retry, user_errors) = outcome(result)?;
        Ok(Self { retry: retry.map(Retry), user_errors })
    }
}

/// Mutations of retries.
#[derive(Default)]
pub struct RetryMutation;

#[Object]
impl RetryMutation {
    /// Retries failures, by id or by filter. It is durable: once answered it will be done, whatever restarts.
    async fn retry_failures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The failures.")] input: RetryFailuresInput,
    ) -> Result<RetryPayload> {
        let actor = actor(ctx)?;
        actor.require(Permission::FailureRetry)?;
        RetryPayload::of(match selection(input.failure_ids, input.filter) {
            Ok(selection) => {
                let only: Option<Vec<Prediction>> =
                    input.only.map(|only| only.into_iter().map(Into::into).collect());
                retry::start(&actor, &selection, only.as_deref(), input.idempotency_key.as_deref()).await
            }
            Err(error) => Err(error),
        })
    }

    /// Stores an edited record and retries its failure. The record is checked against key fields, mapping and rules first:
    /// where it would fail again, `userErrors` say so by fields of the record, and nothing is changed.
    async fn edit_and_retry_failure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The failure and its record.")] input: EditAndRetryFailureInput,
    ) -> Result<RetryPayload> {
        let id = uuid(Kind::Failure, &input.failure_id);
        let key = input.idempotency_key.as_deref();
        RetryPayload::of(retry::edit_and_start(&actor(ctx)?, id, &input.record.0, key).await)
    }

    /// Cancels a retry: what is done stays, what is not goes back to open.
    async fn cancel_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The retry.")] input: CancelRetryInput,
    ) -> Result<RetryPayload> {
        RetryPayload::of(retry::cancel(&actor(ctx)?, uuid(Kind::Retry, &input.retry_id)).await)
    }
}

/// Live updates of retries.
#[derive(Default)]
pub struct RetrySubscription;

#[Subscription]
impl RetrySubscription {
    /// A retry as it is now, and again after each change. Changes in quick succession arrive as one.
    async fn retry_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The retry's id.")] retry_id: ID,
    ) -> Result<BoxStream<'static, Result<Retry>>> {
        let watch = Watch { id: Some(uuid(Kind::Retry, &retry_id)), ..Watch::default() };
        live::watch(ctx, watch, Retry).await
    }
}
