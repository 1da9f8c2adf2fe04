//! Reconciliations: both ends of an integration, compared.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::Permission;
use domain::id::Kind;
use domain::page::PageArguments;
use domain::reconciliation;
use domain::run::{RunList, RunParent};

use super::caller::{actor, loaders};
use super::error::{ResolverError, Result, UserError, outcome};
use super::failure::Failure;
use super::integration::Integration;
use super::loader::{Differences, Runs};
use super::page::{Connection, OrderDirection, arguments};
use super::retry::Retry;
use super::run::Run;
use super::scalar::{BigInt, DateTime, id, uuid};
use super::tenant::Tenant;

/// How far a reconciliation is, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::reconciliation::ReconciliationStatus")]
pub enum ReconciliationStatus {
    /// It waits for a worker.
    Pending,
    /// A worker has it.
    Running,
    /// Everything that was moved is at the destination as it is at the source, but for records whose failures are not over.
    Matched,
    /// Something that was moved is missing at the destination, is something else there, or is only there, gone from the
    /// source.
    Drifted,
    /// A destination can't be asked what it holds.
    Unknown,
    /// It could not go on; its run says why.
    Failed,
    /// It was canceled.
    Canceled,
}

/// What came of comparing a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::reconciliation::ReconciliationOutcome")]
pub enum ReconciliationOutcome {
    /// Everything that was moved is there as it is.
    Matched,
    /// Something that was moved is not, or is gone from the source and still there.
    Drifted,
    /// The destination can't be asked.
    Unknown,
}

/// How a record that was moved differs at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::reconciliation::DifferenceKind")]
pub enum DifferenceKind {
    /// Nothing is there under its key.
    Missing,
    /// Something else is there under its key.
    Different,
    /// Only the destination has it: it was moved, and is gone from the source.
    Extra,
}

/// Both ends of an integration, compared record by record: the source is read as a whole, and the destination says how each
/// record stands there, in its own types. Nothing is changed by it.
#[derive(Clone)]
pub struct Reconciliation(pub(super) reconciliation::Reconciliation);

/// Both ends of an integration, compared record by record: the source is read as a whole, and the destination says how each
/// record stands there, in its own types. Nothing is changed by it.
#[Object]
impl Reconciliation {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Reconciliation, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// What is compared.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Integration> {
        Ok(Integration(loaders(ctx)?.referred(self.0.integration_id, "integration").await?))
    }

    /// How far it is, and what came of it.
    async fn status(&self, ctx: &Context<'_>) -> Result<ReconciliationStatus> {
        let run = self.last_run(ctx).await?;
        // What came of it is stored with the end of its run, which may be later than this row was read.
        let row = loaders(ctx)?.referred(self.0.id, "reconciliation").await?;
        Ok(reconciliation::ReconciliationStatus::of(&row, &run).into())
    }

    /// The run that does it; the last one where it was retried. Of its counts, `unchanged` is what matched, `failed` what
    /// drifted and can be repaired, and `skipped` all else.
    async fn run(&self, ctx: &Context<'_>) -> Result<Run> {
        Ok(Run(self.last_run(ctx).await?))
    }

    /// The run after which it came by itself; null where somebody asked for it.
    async fn after_run(&self, ctx: &Context<'_>) -> Option<Result<Run>> {
        let id = self.0.after_run_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Run))
    }

    /// Who or what asked for it, in words a customer understands.
    fn requested_by(&self) -> &str {
        &self.0.requested_by
    }

    /// When it was asked for.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When its run ended; null before that.
    async fn finished_at(&self, ctx: &Context<'_>) -> Option<Result<DateTime>> {
        let run = self.last_run(ctx).await;
        run.map(|run| run.finished_at.map(Into::into)).transpose()
    }

    /// What came of each stream that was compared so far, by name.
    async fn streams(&self, ctx: &Context<'_>) -> Result<Vec<ReconciledStream>> {
        self.last_run(ctx).await?;
        let rows = loaders(ctx)?.reconciled_streams(self.0.id).await?;
        Ok(rows.into_iter().map(ReconciledStream).collect())
    }

    /// The records that drifted, in the order in which they were found: up to 1,000 a stream, and 32 MiB of them; the counts
    /// of the streams go on.
    async fn differences(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<ReconciliationDifference>> {
        self.last_run(ctx).await?;
        let page = loaders(ctx)?.page(self.0.id, Differences, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, ReconciliationDifference))
    }

    /// The last retry by which `repairReconciliation` brings home what it found; null where nobody asked for that.
    async fn repaired_by(&self, ctx: &Context<'_>) -> Option<Result<Retry>> {
        let row = async {
            // Also where there is none: whoever may not read retries is not told that either.
            actor(ctx)?.require(Permission::FailureRead)?;
            match self.0.retry_id {
                Some(id) => loaders(ctx)?.row(id).await,
                None => Ok(None),
            }
        };
        row.await.transpose().map(|row| row.map(Retry))
    }
}

impl Reconciliation {
    /// Read before all else that an answer has: what is stored with the end of the run, or before it, is there then.
    async fn last_run(&self, ctx: &Context<'_>) -> Result<domain::run::Run> {
        let list = Runs { of: RunParent::Reconciliation, list: RunList::default() };
        let one = PageArguments { first: Some(1), ..PageArguments::default() };
        let page = loaders(ctx)?.page(self.0.id, list, one).await?;
        let edge = page.edges.into_iter().next();
        edge.map(|edge| edge.node).ok_or_else(|| ResolverError::dangling("run"))
    }
}

/// What came of comparing one stream.
#[derive(Clone)]
pub struct ReconciledStream(reconciliation::ReconciledStream);

/// What came of comparing one stream.
#[Object]
impl ReconciledStream {
    /// Name of the stream.
    fn name(&self) -> &str {
        &self.0.stream
    }

    /// What came of it.
    fn outcome(&self) -> ReconciliationOutcome {
        self.0.outcome.into()
    }

    /// What can't be told or repaired, and why, in words for people: always where the outcome is UNKNOWN.
    fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Records of each kind.
    fn counts(&self) -> ReconciliationCounts {
        (&self.0).into()
    }

    /// Sums that both ends have in common where they hold the same, in whatever order.
    fn checksums(&self) -> ReconciliationChecksums {
        (&self.0).into()
    }

    /// When it was compared.
    fn finished_at(&self) -> DateTime {
        self.0.finished_at.into()
    }
}

/// Records of a comparison, which balance: read = source + leftOut + refused, and
/// source = matched + missing + different + failing + notMoved.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct ReconciliationCounts {
    /// Items that the source gave.
    read: BigInt,
    /// Records that the mapping leaves out, or that a newer version of them replaced.
    left_out: BigInt,
    /// Items that are no record which could be written: malformed, without a key, against the rules, or a second one with
    /// its key.
    refused: BigInt,
    /// Records that could be at the destination.
    source: BigInt,
    /// Those of them whose key is there, whatever it holds.
    destination: BigInt,
    /// Those that are there as they are.
    matched: BigInt,
    /// Those that were moved, and whose key is not there.
    missing: BigInt,
    /// Those that were moved, and are something else there.
    different: BigInt,
    /// Those that are not there as they are because of a failure that is open or being retried.
    failing: BigInt,
    /// Those that are not there as they are because the source has changed since the last run.
    not_moved: BigInt,
    /// Records that only the destination has: they were moved, and are gone from the source. They are in none of the sums
    /// above. Null where that can't be told; `reason` says why.
    extra: Option<BigInt>,
    /// Rows of the destination that are none of all these: other ones write there too, or they are marked as gone. That is
    /// no drift. Null where the destination does not count.
    others: Option<BigInt>,
}

impl From<&reconciliation::ReconciledStream> for ReconciliationCounts {
    fn from(row: &reconciliation::ReconciledStream) -> Self {
        Self {
            read: row.read_count.into(),
            left_out: row.left_out_count.into(),
            refused: row.refused_count.into(),
            source: row.source_count.into(),
            destination: row.destination_count.into(),
            matched: row.matched_count.into(),
            missing: row.missing_count.into(),
            different: row.different_count.into(),
            failing: row.failing_count.into(),
            not_moved: row.not_moved_count.into(),
            extra: row.extra_count.map(Into::into),
            others: row.other_count.map(Into::into),
        }
    }
}

/// Sums of 128-bit hashes (XXH3), each as 32 hexadecimal digits: the same for the same records in any order.
#[derive(Clone, Debug, SimpleObject)]
pub struct ReconciliationChecksums {
    /// Of the keys of the source's records.
    source_keys: String,
    /// Of those keys that are at the destination.
    destination_keys: String,
    /// Of the source's records, as they are mapped.
    source_records: String,
    /// Of those records that are at the destination as they are.
    destination_records: String,
}

impl From<&reconciliation::ReconciledStream> for ReconciliationChecksums {
    fn from(row: &reconciliation::ReconciledStream) -> Self {
        Self {
            source_keys: row.source_keys.clone(),
            destination_keys: row.destination_keys.clone(),
            source_records: row.source_records.clone(),
            destination_records: row.destination_records.clone(),
        }
    }
}

/// A record that was moved and is not at the destination as it is, or is there and gone from the source.
#[derive(Clone)]
pub struct ReconciliationDifference(reconciliation::Difference);

/// A record that was moved and is not at the destination as it is, or is there and gone from the source.
#[Object]
impl ReconciliationDifference {
    /// Name of the stream.
    fn stream(&self) -> &str {
        &self.0.stream
    }

    /// Its key, as it is compared.
    fn key(&self) -> &str {
        &self.0.record_key
    }

    /// Its key in the business's own terms.
    fn business_reference(&self) -> &str {
        &self.0.business_reference
    }

    /// How it differs.
    fn kind(&self) -> DifferenceKind {
        self.0.kind.into()
    }

    /// The failure that holds the record and says what became of it; null for an EXTRA one of a stream without `deletions`,
    /// which a repair leaves as it is.
    async fn failure(&self, ctx: &Context<'_>) -> Option<Result<Failure>> {
        let id = self.0.failure_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Failure))
    }
}

/// Which reconciliations a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct ReconciliationFilter {
    /// That came to one of these; not those that have not ended, or could not go on.
    outcome: Option<Vec<ReconciliationOutcome>>,
}

impl ReconciliationFilter {
    pub(super) fn decode(self) -> reconciliation::ReconciliationFilter {
        let outcome = self.outcome.map(|outcome| outcome.into_iter().map(Into::into).collect());
        reconciliation::ReconciliationFilter { outcome }
    }
}

/// By what reconciliations are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum ReconciliationOrderField {
    /// By the time they were asked for.
    #[default]
    CreatedAt,
}

/// Order of a list of reconciliations; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct ReconciliationOrder {
    /// By what.
    #[graphql(default)]
    pub(super) field: ReconciliationOrderField,
    /// Which way.
    #[graphql(default)]
    pub(super) direction: OrderDirection,
}

/// Queries of reconciliations.
#[derive(Default)]
pub struct ReconciliationQuery;

#[Object]
impl ReconciliationQuery {
    /// One reconciliation; null when there is none that the viewer may see.
    async fn reconciliation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reconciliation's id.")] id: ID,
    ) -> Option<Result<Reconciliation>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::Reconciliation, &id)).await };
        row.await.transpose().map(|row| row.map(Reconciliation))
    }
}

/// What to compare.
#[derive(InputObject)]
pub struct ReconcileIntegrationInput {
    /// Which integration.
    integration_id: ID,
    /// Names of its streams; absent or null: all.
    streams: Option<Vec<String>>,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first reconciliation and starts none.
    idempotency_key: Option<String>,
}

/// What to bring home.
#[derive(InputObject)]
pub struct RepairReconciliationInput {
    /// Which reconciliation.
    reconciliation_id: ID,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first retry and starts none.
    idempotency_key: Option<String>,
}

/// A reconciliation, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct ReconciliationPayload {
    /// The reconciliation; null when `userErrors` is not empty.
    reconciliation: Option<Reconciliation>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// What brings home what a reconciliation found, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct RepairReconciliationPayload {
    /// The reconciliation; null when `userErrors` is not empty.
    reconciliation: Option<Reconciliation>,
    /// The retry of exactly the records that it found; null when `userErrors` is not empty.
    retry: Option<Retry>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of reconciliations.
#[derive(Default)]
pub struct ReconciliationMutation;

#[Object]
impl ReconciliationMutation {
    /// Compares both ends of an integration. What was moved and is not at the destination as it is becomes failures, up to
    /// 1,000 a stream; failures of an earlier reconciliation are superseded. It is durable: once answered it will be done,
    /// whatever restarts; one that is interrupted begins anew.
    async fn reconcile_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration and its streams.")] input: ReconcileIntegrationInput,
    ) -> Result<ReconciliationPayload> {
        let integration = uuid(Kind::Integration, &input.integration_id);
        let key = input.idempotency_key.as_deref();
        let started = reconciliation::start(&actor(ctx)?, integration, input.streams, key).await;
        let (reconciliation, user_errors) = outcome(started)?;
        Ok(ReconciliationPayload { reconciliation: reconciliation.map(Reconciliation), user_errors })
    }

    /// Brings home what a reconciliation found, by a retry of exactly those records that are still open.
    async fn repair_reconciliation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reconciliation.")] input: RepairReconciliationInput,
    ) -> Result<RepairReconciliationPayload> {
        let id = uuid(Kind::Reconciliation, &input.reconciliation_id);
        let key = input.idempotency_key.as_deref();
        let (repaired, user_errors) = outcome(reconciliation::repair(&actor(ctx)?, id, key).await)?;
        let (reconciliation, retry) = repaired.unzip();
        Ok(RepairReconciliationPayload {
            reconciliation: reconciliation.map(Reconciliation),
            retry: retry.map(Retry),
            user_errors,
        })
    }
}
