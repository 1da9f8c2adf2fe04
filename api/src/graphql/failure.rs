//! Failures: what did not arrive, why, and who acts next.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

mod list;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, Subscription};
use domain::Permission;
use domain::failure::{self, Selection};
use domain::id::Kind;
use domain::incident::waiting_for;
use domain::retention::record_expires_at;
use entity::failure::FailureStatus as FailureState;
use futures::stream::BoxStream;

use super::action::SuggestedAction;
use super::caller::{actor, loaders};
use super::clues::{FailureClues, WINDOW_SECONDS_DEFAULT};
use super::error::{Result, UserError, exactly_one, outcome};
use super::exchange::Exchange;
use super::failure_group::FailureGroup;
use super::integration::Integration;
use super::live::{self, Watch};
use super::loader::ActionsOf;
use super::page::{Listed, arguments};
use super::quarantine::Quarantine;
use super::ready::{Quick, put_enums, ready, ready_fields};
use super::reveal::Reveal;
use super::run::Run;
use super::runbook::Runbook;
use super::scalar::{BigInt, DateTime, Json, id, optional_uuid, uuid, uuids};
use super::tenant::Tenant;

pub(super) use self::list::failure_list;
pub use self::list::{FailureFilter, FailureOrder};

/// Why integrations fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::failure::FailureCategory")]
pub enum FailureCategory {
    /// Somebody must do something at the source or destination.
    UserAction,
    /// The data is not what the other side takes.
    UnsupportedData,
    /// The integration itself is wrong.
    IntegrationDesign,
    /// An outside application is in the way.
    Application,
    /// Our own platform is in the way.
    Infrastructure,
}

/// Where in the pipeline a failure happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::failure::FailureStage")]
pub enum FailureStage {
    /// Reading from the source.
    Extract,
    /// Converting the record.
    Map,
    /// Checking the rules.
    Validate,
    /// Writing to the destination.
    Load,
    /// Our own platform.
    Platform,
}

/// How far a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::failure::FailureStatus")]
pub enum FailureStatus {
    /// Somebody must act.
    Open,
    /// A retry has it.
    Retrying,
    /// The record arrived.
    Resolved,
    /// It was decided to leave the record out.
    Skipped,
    /// A later run wrote a newer version of the record.
    Superseded,
}

/// Who acts next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::failure::ResponsibleParty")]
pub enum ResponsibleParty {
    /// The tenant.
    Customer,
    /// The operator's support.
    Support,
    /// The operator's engineers.
    Engineering,
    /// The maker of the outside system.
    ThirdParty,
}

/// Whether a retry can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::failure::Retryable")]
pub enum Retryable {
    /// It can.
    Yes,
    /// Not without a change of the record or its source.
    No,
    /// Nobody can say.
    Unknown,
}

/// How much depends on a record that does not arrive, by the rules of its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::impact::Impact")]
pub enum Impact {
    /// It can wait.
    Low,
    /// As usual.
    #[default]
    Medium,
    /// Business suffers.
    High,
    /// Business stands still, or much money is at stake.
    Critical,
}

/// One rule that one field broke.
#[derive(Clone, Debug, SimpleObject)]
pub struct FieldError {
    /// JSON Pointer into the record, e.g. `/lines/0/amount`.
    path: String,
    /// The rule, e.g. `required`.
    rule: String,
    /// In the customer's words, without the value.
    message: String,
}

impl From<domain::failure::FieldError> for FieldError {
    fn from(error: domain::failure::FieldError) -> Self {
        Self { path: error.path, rule: error.rule, message: error.message }
    }
}

/// A field that is null only because this viewer may not see it.
#[derive(Clone, Debug, SimpleObject)]
pub struct Redaction {
    /// Name of the field, e.g. `record`.
    pub(super) field: &'static str,
    /// Why, in the viewer's words.
    pub(super) reason: String,
}

impl Redaction {
    /// As the domain has them.
    pub(super) fn all(redactions: &[(&'static str, String)]) -> Vec<Self> {
        redactions.iter().map(|(field, reason)| Self { field, reason: reason.clone() }).collect()
    }
}

/// One record, or a run as a whole, that did not arrive, and what to do about it.
#[derive(Clone)]
pub struct Failure(pub(super) failure::Failure);

/// One record, or a run as a whole, that did not arrive, and what to do about it.
#[Object]
impl Failure {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Failure, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// The integration that moves the record.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Quick<Integration>> {
        Ok(Quick(Integration(loaders(ctx)?.referred(self.0.integration_id, "integration").await?)))
    }

    /// The run in which it failed first.
    async fn run(&self, ctx: &Context<'_>) -> Result<Run> {
        Ok(Run(loaders(ctx)?.referred(self.0.run_id, "run").await?))
    }

    /// Name of the stream; null for a failure of the run as a whole.
    fn stream(&self) -> Option<&str> {
        self.0.stream.as_deref()
    }

    /// Key of the record in the business's own terms, e.g. `PO-10042`; null for a failure of the run as a whole.
    fn business_reference(&self) -> Option<&str> {
        self.0.business_reference.as_deref()
    }

    /// The quarantine whose page it is of; null for failures of pages that were written.
    async fn quarantine(&self, ctx: &Context<'_>) -> Option<Result<Quarantine>> {
        let id = self.0.quarantine_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Quarantine))
    }

    /// The group of its cause; null for one that is older than groups.
    async fn group(&self, ctx: &Context<'_>) -> Option<Result<FailureGroup>> {
        let id = self.0.group_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(FailureGroup))
    }

    /// How far it is.
    fn status(&self) -> FailureStatus {
        self.0.status.into()
    }

    /// Why it happened.
    fn category(&self) -> FailureCategory {
        self.0.category.into()
    }

    /// Where in the pipeline.
    fn stage(&self) -> FailureStage {
        self.0.stage.into()
    }

    /// Stable code from the error catalogue, e.g. `destination.rejected`, `record.schema_violation`.
    fn code(&self) -> &str {
        &self.0.code
    }

    /// Who acts next.
    fn responsible_party(&self) -> ResponsibleParty {
        self.0.responsible_party.into()
    }

    /// Whether a retry can help.
    fn retryable(&self) -> Retryable {
        self.0.retryable.into()
    }

    /// How much depends on it, by the rules of its stream.
    fn impact(&self) -> Impact {
        self.0.impact.into()
    }

    /// The label of the rule that says so; null where none does.
    fn impact_reason(&self) -> Option<&str> {
        self.0.impact_reason.as_deref()
    }

    /// What is at stake with the record: the number at `valueField` of its stream without its sign, as a decimal number of
    /// up to four places; null where there is none.
    fn value_at_stake(&self) -> Option<&str> {
        self.0.value_at_stake.as_deref()
    }

    /// What happened, in the customer's words: no stack trace, host name or upstream text.
    fn summary(&self) -> &str {
        &self.0.summary
    }

    /// What this viewer can do about it.
    async fn suggested_action(&self, ctx: &Context<'_>) -> Result<String> {
        let is_open = matches!(self.0.status, FailureState::Open | FailureState::Retrying);
        if let Some(group_id) = self.0.group_id.filter(|_| is_open)
            && let Some(wait) = waiting_for(&actor(ctx)?, &self.0.code)
            && loaders(ctx)?.incident_of_group(group_id).await?.is_some()
        {
            return Ok(wait);
        }
        Ok(self.0.suggested_action.clone())
    }

    /// Steps that this viewer may take, or ask somebody to take: what helps most first. Empty once it has ended.
    async fn actions(&self, ctx: &Context<'_>) -> Result<Vec<SuggestedAction>> {
        let actions = loaders(ctx)?.actions(ActionsOf::Failure, self.0.id).await?;
        Ok(actions.into_iter().map(SuggestedAction).collect())
    }

    /// What staff do about it: the operator's own runbooks that fit, the most specific first, then what ships with the
    /// product; at most 20. Null to others.
    async fn runbooks(&self, ctx: &Context<'_>) -> Option<Result<Vec<Runbook>>> {
        let runbooks = async {
            if !actor(ctx)?.may(Permission::RunbookRead) {
                return Ok(None);
            }
            let runbooks = loaders(ctx)?.runbooks(self.0.id).await?;
            Ok(Some(runbooks.into_iter().map(Runbook).collect()))
        };
        runbooks.await.transpose()
    }

    /// Every rule the record broke, not only the first.
    fn field_errors(&self) -> Vec<FieldError> {
        self.0.field_errors.iter().cloned().map(Into::into).collect()
    }

    /// How often the record was tried.
    fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When it failed first.
    fn failed_at(&self) -> DateTime {
        self.0.failed_at.into()
    }

    /// When it was last tried.
    fn last_attempt_at(&self) -> DateTime {
        self.0.last_attempt_at.into()
    }

    /// When it is tried again by itself; null: it is not.
    fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.next_attempt_at.map(Into::into)
    }

    /// When it was resolved, skipped or superseded; null before that.
    fn resolved_at(&self) -> Option<DateTime> {
        self.0.resolved_at.map(Into::into)
    }

    /// Status of the outside system's reply. Audience SUPPORT.
    fn http_status(&self) -> Option<i32> {
        self.0.http_status
    }

    /// The error chain. Audience ENGINEER.
    fn technical_detail(&self) -> Option<&str> {
        self.0.technical_detail.as_deref()
    }

    /// What may explain it: what started its run, and what was going on around the failure.
    async fn clues(
        &self,
        #[graphql(
            desc = "Seconds before and after the failure that are looked at: 1 to 600.",
            default_with = "WINDOW_SECONDS_DEFAULT"
        )]
        window_seconds: i32,
    ) -> Result<FailureClues> {
        FailureClues::of(self.0.clone(), window_seconds)
    }

    /// The request to an outside system that it came of, with its reply; null for failures that came of none, for most of a
    /// run that has many, after 30 days, and once its record was deleted. Audience ENGINEER.
    async fn exchange(&self, ctx: &Context<'_>) -> Option<Result<Exchange>> {
        let id = self.0.exchange_id?;
        let exchange = async { loaders(ctx)?.exchange((self.0.id, id)).await };
        exchange.await.transpose().map(|exchange| exchange.map(Into::into))
    }

    /// The record as read, or as last edited. Tenant admins and members see it, and staff to whom `revealRecord` opened
    /// it; others get null and a redaction. Null as well once it was deleted, at `recordRemovedAt`.
    fn record(&self) -> Option<Json> {
        self.0.record.clone().map(Into::into)
    }

    /// When the record will have been kept long enough: it is deleted within a day then. Null while the failure is open or
    /// retried, where it has no record, and where the tenant keeps records for ever.
    async fn record_expires_at(&self, ctx: &Context<'_>) -> Option<Result<DateTime>> {
        if !self.0.has_record || self.0.resolved_at.is_none() {
            return None;
        }
        let kept = async { loaders(ctx)?.retention(self.0.tenant_id).await };
        let expires = kept.await.map(|kept| record_expires_at(&self.0, &kept));
        expires.transpose().map(|at| at.map(Into::into))
    }

    /// When the record was deleted because it had been kept long enough; null where that is not so. The failure stays, for it
    /// to be known that there was one.
    fn record_removed_at(&self) -> Option<DateTime> {
        self.0.record_removed_at.map(Into::into)
    }

    /// When staff of the operator could read the record, and why: the latest 20, newest first.
    async fn reveals(&self, ctx: &Context<'_>) -> Result<Vec<Reveal>> {
        Ok(loaders(ctx)?.reveals(self.0.id).await?.into_iter().map(Reveal).collect())
    }

    /// Fields of this object that are null only because this viewer may not see them, and why.
    fn redactions(&self) -> Vec<Redaction> {
        Redaction::all(&self.0.redactions)
    }

    /// Whether this viewer can retry it now.
    fn viewer_can_retry(&self) -> bool {
        self.0.viewer_can_retry
    }

    /// Whether this viewer can skip it now.
    fn viewer_can_skip(&self) -> bool {
        self.0.viewer_can_skip
    }

    /// Whether this viewer can edit its record and retry it now.
    fn viewer_can_edit(&self) -> bool {
        self.0.viewer_can_edit
    }
}

ready_fields!(FieldError { "path" => path, "rule" => rule, "message" => message });

ready_fields!(Redaction { "field" => field, "reason" => reason });

put_enums!(FailureStatus, FailureCategory, FailureStage, ResponsibleParty, Retryable, Impact);

ready!(Failure {
    "stream" => stream,
    "businessReference" => business_reference,
    "status" => status,
    "category" => category,
    "stage" => stage,
    "code" => code,
    "responsibleParty" => responsible_party,
    "retryable" => retryable,
    "impact" => impact,
    "impactReason" => impact_reason,
    "valueAtStake" => value_at_stake,
    "summary" => summary,
    "fieldErrors" => field_errors,
    "attempts" => attempts,
    "failedAt" => failed_at,
    "lastAttemptAt" => last_attempt_at,
    "nextAttemptAt" => next_attempt_at,
    "resolvedAt" => resolved_at,
    "httpStatus" => http_status,
    "technicalDetail" => technical_detail,
    "recordRemovedAt" => record_removed_at,
    "redactions" => redactions,
    "viewerCanRetry" => viewer_can_retry,
    "viewerCanSkip" => viewer_can_skip,
    "viewerCanEdit" => viewer_can_edit,
});

/// Queries of failures.
#[derive(Default)]
pub struct FailureQuery;

#[Object]
impl FailureQuery {
    /// One failure; null when there is none that the viewer may see.
    async fn failure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The failure's id.")] id: ID,
    ) -> Option<Result<Failure>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::Failure, &id)).await };
        row.await.transpose().map(|row| row.map(Failure))
    }

    /// Failures that the viewer may see.
    async fn failures(
        &self,
        ctx: &Context<'_>,
        filter: Option<FailureFilter>,
        order_by: Option<FailureOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Listed<Failure>> {
        let list = failure_list(ctx, filter, order_by)?;
        let rows = failure::list(&actor(ctx)?, &list, &arguments(first, after, last, before)).await?;
        Ok(Listed::new(rows, Failure))
    }
}

/// The failures that a bulk operation takes: by id, or by filter.
pub(super) fn selection(ids: Option<Vec<ID>>, filter: Option<FailureFilter>) -> domain::Result<Selection> {
    match (ids, filter) {
        (Some(ids), None) => Ok(Selection::Ids(uuids(Kind::Failure, &ids))),
        (None, Some(filter)) => Ok(Selection::Filter(Box::new(filter.decode()?))),
        (ids, _) => Err(exactly_one("failureIds", "filter", ids.is_some())),
    }
}

/// Which failures to skip: exactly one of `failureIds` and `filter`.
#[derive(InputObject)]
pub struct SkipFailuresInput {
    /// These, 1 to 1,000, all of one tenant and open.
    failure_ids: Option<Vec<ID>>,
    /// All open ones that match, of one tenant.
    filter: Option<FailureFilter>,
    /// Why, at most 1,000 characters. Staff must give one.
    reason: Option<String>,
}

/// How many failures were skipped, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct SkipFailuresPayload {
    /// How many; null when `userErrors` is not empty.
    skipped: Option<BigInt>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of failures. Retrying is in `retry`.
#[derive(Default)]
pub struct FailureMutation;

#[Object]
impl FailureMutation {
    /// Leaves records out: their failures become SKIPPED.
    async fn skip_failures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The failures and the reason.")] input: SkipFailuresInput,
    ) -> Result<SkipFailuresPayload> {
        let actor = actor(ctx)?;
        actor.require(Permission::FailureSkip)?;
        let skipped = match selection(input.failure_ids, input.filter) {
            Ok(selection) => failure::skip(&actor, &selection, input.reason.as_deref()).await,
            Err(error) => Err(error),
        };
        let (skipped, user_errors) = outcome(skipped)?;
        Ok(SkipFailuresPayload { skipped: skipped.map(Into::into), user_errors })
    }
}

/// Live updates of failures.
#[derive(Default)]
pub struct FailureSubscription;

#[Subscription]
impl FailureSubscription {
    /// Failures that the viewer may see, each as it is after it appeared or changed. Changes in quick succession
    /// arrive as one. With `since`, those that changed meanwhile come first: the newest 100, of the last hour; where there
    /// were more, the first event is an error `CATCH_UP_INCOMPLETE`, and what is shown is to be read anew.
    async fn failure_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only failures of this integration.")] integration_id: Option<ID>,
        #[graphql(
            desc = "What has changed since comes first: `extensions.since` of the last event, or when you read or \
                          subscribed last."
        )]
        since: Option<DateTime>,
    ) -> Result<BoxStream<'static, Result<Failure>>> {
        let integration_id = optional_uuid(Kind::Integration, integration_id.as_ref());
        let watch = Watch { id: None, integration_id, since: since.map(|since| since.0) };
        live::watch(ctx, watch, Failure).await
    }
}
