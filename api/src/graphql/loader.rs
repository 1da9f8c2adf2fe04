//! Loaders: what many fields of one answer ask for is read in one statement, with the rights of the request's
//! caller. They batch and don't remember, so nothing is stale after a mutation or in a long subscription.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::runtime::Timer;
use chrono::{DateTime, Utc};
use domain::Actor;
use domain::action::{self, SuggestedAction};
use domain::api_key::{self, ApiKey};
use domain::backfill::{self, Backfill, BackfillFilter};
use domain::exchange::{self, Exchange};
use domain::failure::{self, Failure, FailureFilter, FailureOrder, FailureParent};
use domain::failure_group::{
    self, FailureGroup, FailureGroupActivity, FailureGroupFilter, FailureGroupHour, FailureGroupOrder,
    FailureGroupParent,
};
use domain::health::{
    self, Health, HealthAlert, HealthAlertFilter, HealthTargetChange, HealthTargets, Metrics, Overview,
    Series,
};
use domain::integration::{self, Integration, IntegrationFilter, IntegrationOrder};
use domain::invitation::{self, Invitation};
use domain::log_line::{self, LogFilter, LogLine};
use domain::notice::{self, NoticeAttempt, NoticeDelivery};
use domain::page::{Direction, Page, PageArguments};
use domain::portal_key::{self, PortalKey};
use domain::portal_session::{self, PortalSession};
use domain::quarantine::{self, Quarantine, QuarantineFilter, QuarantineParent};
use domain::reconciliation::{self, Difference, ReconciledStream, Reconciliation, ReconciliationFilter};
use domain::retry::{self, Retry};
use domain::reveal::{self, Reveal};
use domain::run::{self, Run, RunFilter, RunParent, RunWait};
use domain::run_event::{self, RunEvent};
use domain::run_metric::{self, RunMetrics};
use domain::run_slice::{self, RunSlice};
use domain::runbook::{self, Runbook};
use domain::stream_cursor::{self, StreamCursor};
use domain::stream_schema::{self, StreamSchema};
use domain::system::{self, System, SystemFilter, SystemOrder};
use domain::system_grant::{self, Authorization};
use domain::tenant::{self, Tenant};
use domain::user::{self, User};
use domain::webhook_endpoint::{self, WebhookEndpoint};
use domain::webhook_event::{self, TriggeringEvent};
use futures::future::{BoxFuture, FutureExt};
use futures::task::{FutureObj, Spawn, SpawnError};
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;
use uuid::Uuid;

use super::caller::Caller;
use super::error::{ResolverError, Result};
use super::page;

/// How long a loader waits for further keys: the fields of one level of an answer are resolved together.
const BATCH_DELAY: Duration = Duration::from_millis(1);
/// Keys of one statement; far below what both databases take as parameters.
const BATCH_KEYS_MAX: usize = 1_000;

/// The loaders of one request.
pub struct Loaders(DataLoader<Reader>);

impl Loaders {
    /// For a request of this caller.
    pub(super) fn new(caller: Arc<Caller>) -> Self {
        let loader = DataLoader::new(Reader(caller), Tasks::default(), Delay);
        Self(loader.delay(BATCH_DELAY).max_batch_size(BATCH_KEYS_MAX))
    }

    /// A row by its id; `None` when there is none that the caller may see.
    ///
    /// # Errors
    /// What the domain's `by_ids` refuses.
    pub(super) async fn row<T: Row>(&self, id: Uuid) -> Result<Option<T>> {
        self.0.load_one((id, PhantomData)).await
    }

    /// A row that another one refers to.
    ///
    /// # Errors
    /// As [`row`](Self::row); `INTERNAL` when it is not there.
    pub(super) async fn referred<T: Row>(&self, id: Uuid, what: &'static str) -> Result<T> {
        self.row(id).await?.ok_or_else(|| ResolverError::dangling(what))
    }

    /// Rows by id, in the order of the ids, those that the caller may see.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub(super) async fn rows<T: Row>(&self, ids: &[Uuid]) -> Result<Vec<T>> {
        let mut rows = self.0.load_many(ids.iter().map(|id| (*id, PhantomData))).await?;
        Ok(ids.iter().filter_map(|id| rows.remove(&(*id, PhantomData))).collect())
    }

    /// The latest reveals of a failure.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn reveals(&self, failure_id: Uuid) -> Result<Vec<Reveal>> {
        Ok(self.0.load_one(OfFailure(failure_id)).await?.unwrap_or_default())
    }

    /// Failures of a group in each of the last hours.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn group_series(&self, group_id: Uuid, hours: i64) -> Result<Vec<FailureGroupHour>> {
        Ok(self.0.load_one(GroupSeriesOf(group_id, hours)).await?.unwrap_or_default())
    }

    /// The request that a failure came of, with its reply; `None` when it is gone.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn exchange(&self, of: exchange::OfFailure) -> Result<Option<Exchange>> {
        self.0.load_one(ExchangeOf(of)).await
    }

    /// What may be done about something.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn actions(&self, of: ActionsOf) -> Result<Vec<SuggestedAction>> {
        Ok(self.0.load_one(of).await?.unwrap_or_default())
    }

    /// The runbooks of a failure.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn runbooks(&self, failure_id: Uuid) -> Result<Vec<Runbook>> {
        Ok(self.0.load_one(RunbooksOf(failure_id)).await?.unwrap_or_default())
    }

    /// The deliveries of a notice.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn deliveries(&self, notice_id: Uuid) -> Result<Vec<NoticeDelivery>> {
        Ok(self.0.load_one(OfNotice(notice_id)).await?.unwrap_or_default())
    }

    /// The attempts at a delivery.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn attempts(&self, delivery_id: Uuid) -> Result<Vec<NoticeAttempt>> {
        Ok(self.0.load_one(OfDelivery(delivery_id)).await?.unwrap_or_default())
    }

    /// Why a run waits; `None` when it does not.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn wait(&self, run_id: Uuid) -> Result<Option<RunWait>> {
        self.0.load_one(WaitOf(run_id)).await
    }

    /// What a run cost; `None` where nothing is known yet.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn metrics(&self, run_id: Uuid) -> Result<Option<RunMetrics>> {
        self.0.load_one(MetricsOf(run_id)).await
    }

    /// What was logged beside a run in a span of time.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn nearby_logs(
        &self,
        run_id: Uuid,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<LogLine>> {
        Ok(self.0.load_one(Nearby { run_id, from, to }).await?.unwrap_or_default())
    }

    /// The latest event that a webhook had brought when a run was asked for; `None` when none is kept.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn triggering_event(&self, run_id: Uuid) -> Result<Option<TriggeringEvent>> {
        self.0.load_one(EventOf(run_id)).await
    }

    /// Where the next run of a stream begins; `None` where that is the beginning.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn cursor(&self, integration_id: Uuid, stream: &str) -> Result<Option<StreamCursor>> {
        self.0.load_one(CursorOf(integration_id, stream.to_owned())).await
    }

    /// Which fields the records of a stream have; `None` where no run has seen any.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn schema(&self, integration_id: Uuid, stream: &str) -> Result<Option<StreamSchema>> {
        self.0.load_one(SchemaOf(integration_id, stream.to_owned())).await
    }

    /// How a system's access stands; `None` where it is not had by OAuth 2.0.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn authorization(&self, system_id: Uuid) -> Result<Option<Authorization>> {
        self.0.load_one(AuthorizationOf(system_id)).await
    }

    /// Where a system sends its events to; `None` where it sends none.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn webhook(&self, system_id: Uuid) -> Result<Option<WebhookEndpoint>> {
        self.0.load_one(WebhookOf(system_id)).await
    }

    /// How an integration is, with what became of its runs in so many hours.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn health(&self, integration_id: Uuid, window_hours: i32) -> Result<Option<Health>> {
        self.0.load_one(HealthOf(integration_id, window_hours)).await?.transpose()
    }

    /// The same of a tenant's integrations together.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn tenant_health(&self, tenant_id: Uuid, window_hours: i32) -> Result<Option<Overview>> {
        self.0.load_one(OverviewOf(tenant_id, window_hours)).await?.transpose()
    }

    /// What is expected of an integration.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn health_targets(&self, integration_id: Uuid) -> Result<HealthTargets> {
        Ok(self.0.load_one(TargetsOf(integration_id)).await?.unwrap_or_default())
    }

    /// What became of runs by the hour or day.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn series(&self, of: SeriesOf) -> Result<Vec<Metrics>> {
        self.0.load_one(of).await?.unwrap_or_else(|| Ok(Vec::new()))
    }

    /// The reconciliation that came by itself after a run; `None` where none did.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn reconciliation_after(&self, run_id: Uuid) -> Result<Option<Reconciliation>> {
        self.0.load_one(ReconciliationAfter(run_id)).await
    }

    /// What came of comparing the streams of a reconciliation so far.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn reconciled_streams(&self, id: Uuid) -> Result<Vec<ReconciledStream>> {
        Ok(self.0.load_one(StreamsOf(id)).await?.unwrap_or_default())
    }

    /// A page of a list under a row.
    ///
    /// # Errors
    /// What the domain's list refuses.
    pub(super) async fn page<L: List>(
        &self,
        parent: Uuid,
        list: L,
        page: PageArguments,
    ) -> Result<Page<L::Row>> {
        let key = Nested { parent, list, page };
        match self.0.load_one(key.clone()).await? {
            Some(page) => page,
            None => Ok(page::empty(&key.page)),
        }
    }
}

/// Rows that can be read by many ids at once.
pub(super) trait Row: Clone + Send + Sync + 'static {
    fn by_ids(
        actor: &Actor,
        ids: &[Uuid],
    ) -> impl Future<Output = domain::Result<HashMap<Uuid, Self>>> + Send;
}

/// A list under a row, which can be read for many such rows at once.
pub(super) trait List: Clone + Eq + Hash + Send + Sync + 'static {
    /// What it lists.
    type Row: Clone + Send + Sync + 'static;

    fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> impl Future<Output = domain::Result<HashMap<Uuid, Page<Self::Row>>>> + Send;
}

/// Reads for the caller of one request.
struct Reader(Arc<Caller>);

impl<T: Row> Loader<(Uuid, PhantomData<fn() -> T>)> for Reader {
    type Value = T;
    type Error = ResolverError;

    async fn load(
        &self,
        keys: &[(Uuid, PhantomData<fn() -> T>)],
    ) -> Result<HashMap<(Uuid, PhantomData<fn() -> T>), T>> {
        let ids: Vec<Uuid> = keys.iter().map(|(id, _)| *id).collect();
        let rows = T::by_ids(&self.0.actor(), &ids).await?;
        Ok(rows.into_iter().map(|(id, row)| ((id, PhantomData), row)).collect())
    }
}

/// The reveals of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct OfFailure(Uuid);

impl Loader<OfFailure> for Reader {
    type Value = Vec<Reveal>;
    type Error = ResolverError;

    async fn load(&self, keys: &[OfFailure]) -> Result<HashMap<OfFailure, Vec<Reveal>>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let reveals = reveal::by_failures(&self.0.actor(), &ids).await?;
        Ok(reveals.into_iter().map(|(id, reveals)| (OfFailure(id), reveals)).collect())
    }
}

/// The last hours of a group of failures, and how many.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct GroupSeriesOf(Uuid, i64);

impl Loader<GroupSeriesOf> for Reader {
    type Value = Vec<FailureGroupHour>;
    type Error = ResolverError;

    async fn load(&self, keys: &[GroupSeriesOf]) -> Result<HashMap<GroupSeriesOf, Vec<FailureGroupHour>>> {
        let mut by_hours: HashMap<i64, Vec<Uuid>> = HashMap::new();
        for GroupSeriesOf(id, hours) in keys {
            by_hours.entry(*hours).or_default().push(*id);
        }
        let mut series = HashMap::new();
        for (hours, ids) in by_hours {
            let found = failure_group::series(&self.0.actor(), &ids, hours).await?;
            series.extend(found.into_iter().map(|(id, rows)| (GroupSeriesOf(id, hours), rows)));
        }
        Ok(series)
    }
}

/// The request that a failure came of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ExchangeOf(exchange::OfFailure);

impl Loader<ExchangeOf> for Reader {
    type Value = Exchange;
    type Error = ResolverError;

    async fn load(&self, keys: &[ExchangeOf]) -> Result<HashMap<ExchangeOf, Exchange>> {
        let of: Vec<exchange::OfFailure> = keys.iter().map(|key| key.0).collect();
        let exchanges = exchange::by_failures(&self.0.actor(), &of).await?;
        Ok(exchanges.into_iter().map(|(of, exchange)| (ExchangeOf(of), exchange)).collect())
    }
}

/// The runbooks of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RunbooksOf(Uuid);

impl Loader<RunbooksOf> for Reader {
    type Value = Vec<Runbook>;
    type Error = ResolverError;

    async fn load(&self, keys: &[RunbooksOf]) -> Result<HashMap<RunbooksOf, Vec<Runbook>>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let runbooks = runbook::by_failures(&self.0.actor(), &ids).await?;
        Ok(runbooks.into_iter().map(|(id, runbooks)| (RunbooksOf(id), runbooks)).collect())
    }
}

/// What steps are about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ActionsOf {
    Failure(Uuid),
    Integration(Uuid),
    System(Uuid),
}

impl Loader<ActionsOf> for Reader {
    type Value = Vec<SuggestedAction>;
    type Error = ResolverError;

    async fn load(&self, keys: &[ActionsOf]) -> Result<HashMap<ActionsOf, Vec<SuggestedAction>>> {
        let (mut failures, mut integrations, mut systems) = (Vec::new(), Vec::new(), Vec::new());
        for key in keys {
            match key {
                ActionsOf::Failure(id) => failures.push(*id),
                ActionsOf::Integration(id) => integrations.push(*id),
                ActionsOf::System(id) => systems.push(*id),
            }
        }
        let actor = self.0.actor();
        let mut found = HashMap::with_capacity(keys.len());
        if !failures.is_empty() {
            let actions = action::of_failures(&actor, &failures).await?;
            found.extend(actions.into_iter().map(|(id, actions)| (ActionsOf::Failure(id), actions)));
        }
        if !integrations.is_empty() {
            let actions = action::of_integrations(&actor, &integrations).await?;
            found.extend(actions.into_iter().map(|(id, actions)| (ActionsOf::Integration(id), actions)));
        }
        if !systems.is_empty() {
            let actions = action::of_systems(&actor, &systems).await?;
            found.extend(actions.into_iter().map(|(id, actions)| (ActionsOf::System(id), actions)));
        }
        Ok(found)
    }
}

/// The deliveries of a notice.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct OfNotice(Uuid);

impl Loader<OfNotice> for Reader {
    type Value = Vec<NoticeDelivery>;
    type Error = ResolverError;

    async fn load(&self, keys: &[OfNotice]) -> Result<HashMap<OfNotice, Vec<NoticeDelivery>>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let deliveries = notice::deliveries_by_notices(&self.0.actor(), &ids).await?;
        Ok(deliveries.into_iter().map(|(id, deliveries)| (OfNotice(id), deliveries)).collect())
    }
}

/// The attempts at a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct OfDelivery(Uuid);

impl Loader<OfDelivery> for Reader {
    type Value = Vec<NoticeAttempt>;
    type Error = ResolverError;

    async fn load(&self, keys: &[OfDelivery]) -> Result<HashMap<OfDelivery, Vec<NoticeAttempt>>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let attempts = notice::attempts_by_deliveries(&self.0.actor(), &ids).await?;
        Ok(attempts.into_iter().map(|(id, attempts)| (OfDelivery(id), attempts)).collect())
    }
}

/// Why a run waits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct WaitOf(Uuid);

impl Loader<WaitOf> for Reader {
    type Value = RunWait;
    type Error = ResolverError;

    async fn load(&self, keys: &[WaitOf]) -> Result<HashMap<WaitOf, RunWait>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let waits = run::waits(&self.0.actor(), &ids).await?;
        Ok(waits.into_iter().map(|(id, wait)| (WaitOf(id), wait)).collect())
    }
}

/// What a run cost.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct MetricsOf(Uuid);

impl Loader<MetricsOf> for Reader {
    type Value = RunMetrics;
    type Error = ResolverError;

    async fn load(&self, keys: &[MetricsOf]) -> Result<HashMap<MetricsOf, RunMetrics>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let metrics = run_metric::by_runs(&self.0.actor(), &ids).await?;
        Ok(metrics.into_iter().map(|(id, metrics)| (MetricsOf(id), metrics)).collect())
    }
}

/// What was logged beside a run.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Nearby {
    run_id: Uuid,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Loader<Nearby> for Reader {
    type Value = Vec<LogLine>;
    type Error = ResolverError;

    async fn load(&self, keys: &[Nearby]) -> Result<HashMap<Nearby, Vec<LogLine>>> {
        // Failures of one page have one time.
        let mut spans: HashMap<(DateTime<Utc>, DateTime<Utc>), Vec<Uuid>> = HashMap::new();
        for key in keys {
            spans.entry((key.from, key.to)).or_default().push(key.run_id);
        }
        let mut lines = HashMap::with_capacity(keys.len());
        for ((from, to), runs) in spans {
            let nearby = log_line::nearby(&self.0.actor(), &runs, from, to).await?;
            lines.extend(nearby.into_iter().map(|(run_id, lines)| (Nearby { run_id, from, to }, lines)));
        }
        Ok(lines)
    }
}

/// The event that brought a run about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct EventOf(Uuid);

impl Loader<EventOf> for Reader {
    type Value = TriggeringEvent;
    type Error = ResolverError;

    async fn load(&self, keys: &[EventOf]) -> Result<HashMap<EventOf, TriggeringEvent>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let events = webhook_event::triggering(&self.0.actor(), &ids).await?;
        Ok(events.into_iter().map(|(id, event)| (EventOf(id), event)).collect())
    }
}

/// How a system's access stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct AuthorizationOf(Uuid);

impl Loader<AuthorizationOf> for Reader {
    type Value = Authorization;
    type Error = ResolverError;

    async fn load(&self, keys: &[AuthorizationOf]) -> Result<HashMap<AuthorizationOf, Authorization>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let authorizations = system_grant::by_systems(&self.0.actor(), &ids).await?;
        Ok(authorizations.into_iter().map(|(id, found)| (AuthorizationOf(id), found)).collect())
    }
}

/// Where a system sends its events to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct WebhookOf(Uuid);

impl Loader<WebhookOf> for Reader {
    type Value = WebhookEndpoint;
    type Error = ResolverError;

    async fn load(&self, keys: &[WebhookOf]) -> Result<HashMap<WebhookOf, WebhookEndpoint>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let endpoints = webhook_endpoint::by_systems(&self.0.actor(), &ids).await?;
        Ok(endpoints.into_iter().map(|(id, found)| (WebhookOf(id), found)).collect())
    }
}

/// Where the next run of a stream begins.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CursorOf(Uuid, String);

impl Loader<CursorOf> for Reader {
    type Value = StreamCursor;
    type Error = ResolverError;

    async fn load(&self, keys: &[CursorOf]) -> Result<HashMap<CursorOf, StreamCursor>> {
        let integrations: HashSet<Uuid> = keys.iter().map(|key| key.0).collect();
        let integrations: Vec<Uuid> = integrations.into_iter().collect();
        let cursors = stream_cursor::by_integrations(&self.0.actor(), &integrations).await?;
        Ok(cursors.into_iter().map(|((id, stream), cursor)| (CursorOf(id, stream), cursor)).collect())
    }
}

/// Which fields the records of a stream have.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SchemaOf(Uuid, String);

impl Loader<SchemaOf> for Reader {
    type Value = StreamSchema;
    type Error = ResolverError;

    async fn load(&self, keys: &[SchemaOf]) -> Result<HashMap<SchemaOf, StreamSchema>> {
        let integrations: HashSet<Uuid> = keys.iter().map(|key| key.0).collect();
        let integrations: Vec<Uuid> = integrations.into_iter().collect();
        let schemas = stream_schema::by_integrations(&self.0.actor(), &integrations).await?;
        Ok(schemas.into_iter().map(|((id, stream), schema)| (SchemaOf(id, stream), schema)).collect())
    }
}

/// How an integration is, with what became of its runs in so many hours.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct HealthOf(Uuid, i32);

impl Loader<HealthOf> for Reader {
    /// Windows are refused one by one.
    type Value = Result<Health>;
    type Error = ResolverError;

    async fn load(&self, keys: &[HealthOf]) -> Result<HashMap<HealthOf, Self::Value>> {
        let actor = self.0.actor();
        let mut values = HashMap::with_capacity(keys.len());
        for (window, ids) in grouped(keys.iter().map(|key| (key.1, key.0))) {
            let found = health::by_integrations(&actor, &ids, window).await;
            fill(&mut values, found, &ids, |id| HealthOf(id, window));
        }
        Ok(values)
    }
}

/// The same of a tenant's integrations together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct OverviewOf(Uuid, i32);

impl Loader<OverviewOf> for Reader {
    type Value = Result<Overview>;
    type Error = ResolverError;

    async fn load(&self, keys: &[OverviewOf]) -> Result<HashMap<OverviewOf, Self::Value>> {
        let actor = self.0.actor();
        let mut values = HashMap::with_capacity(keys.len());
        for (window, ids) in grouped(keys.iter().map(|key| (key.1, key.0))) {
            let found = health::by_tenants(&actor, &ids, window).await;
            fill(&mut values, found, &ids, |id| OverviewOf(id, window));
        }
        Ok(values)
    }
}

/// What is expected of an integration.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TargetsOf(Uuid);

impl Loader<TargetsOf> for Reader {
    type Value = HealthTargets;
    type Error = ResolverError;

    async fn load(&self, keys: &[TargetsOf]) -> Result<HashMap<TargetsOf, HealthTargets>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let targets = health::targets_by_integrations(&self.0.actor(), &ids).await?;
        Ok(targets.into_iter().map(|(id, targets)| (TargetsOf(id), targets)).collect())
    }
}

/// Whose runs a series is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum HealthOwner {
    Integration,
    Tenant,
    Platform,
}

/// What became of runs by the hour or day.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SeriesOf {
    pub(super) owner: HealthOwner,
    pub(super) id: Uuid,
    pub(super) series: Series,
}

impl Loader<SeriesOf> for Reader {
    type Value = Result<Vec<Metrics>>;
    type Error = ResolverError;

    async fn load(&self, keys: &[SeriesOf]) -> Result<HashMap<SeriesOf, Self::Value>> {
        let actor = self.0.actor();
        let mut values = HashMap::with_capacity(keys.len());
        for ((owner, series), ids) in grouped(keys.iter().map(|key| ((key.owner, key.series), key.id))) {
            let found = match owner {
                HealthOwner::Integration => health::series_by_integrations(&actor, &ids, series).await,
                HealthOwner::Tenant => health::series_by_tenants(&actor, &ids, series).await,
                HealthOwner::Platform => health::series_of_platform(&actor, series)
                    .await
                    .map(|points| HashMap::from([(Uuid::nil(), points)])),
            };
            fill(&mut values, found, &ids, |id| SeriesOf { owner, id, series });
        }
        Ok(values)
    }
}

/// Ids by what else is asked with them.
fn grouped<K: Eq + Hash>(keys: impl Iterator<Item = (K, Uuid)>) -> HashMap<K, Vec<Uuid>> {
    let mut groups: HashMap<K, Vec<Uuid>> = HashMap::new();
    keys.for_each(|(key, id)| groups.entry(key).or_default().push(id));
    groups
}

/// Answers those of a group, or refuses all of them.
fn fill<K: Eq + Hash, V>(
    values: &mut HashMap<K, Result<V>>,
    found: domain::Result<HashMap<Uuid, V>>,
    ids: &[Uuid],
    key: impl Fn(Uuid) -> K,
) {
    match found {
        Ok(found) => values.extend(found.into_iter().map(|(id, value)| (key(id), Ok(value)))),
        Err(error) => {
            let error = ResolverError::from(error);
            values.extend(ids.iter().map(|id| (key(*id), Err(error.clone()))));
        }
    }
}

/// The reconciliation that came by itself after a run.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ReconciliationAfter(Uuid);

impl Loader<ReconciliationAfter> for Reader {
    type Value = Reconciliation;
    type Error = ResolverError;

    async fn load(&self, keys: &[ReconciliationAfter]) -> Result<HashMap<ReconciliationAfter, Self::Value>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let rows = reconciliation::by_runs(&self.0.actor(), &ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (ReconciliationAfter(id), row)).collect())
    }
}

/// What came of comparing the streams of a reconciliation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StreamsOf(Uuid);

impl Loader<StreamsOf> for Reader {
    type Value = Vec<ReconciledStream>;
    type Error = ResolverError;

    async fn load(&self, keys: &[StreamsOf]) -> Result<HashMap<StreamsOf, Self::Value>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let streams = reconciliation::streams(&self.0.actor(), &ids).await?;
        Ok(streams.into_iter().map(|(id, streams)| (StreamsOf(id), streams)).collect())
    }
}

/// A page of a list under a row.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Nested<L> {
    parent: Uuid,
    list: L,
    page: PageArguments,
}

impl<L: List> Loader<Nested<L>> for Reader {
    /// Lists are refused one by one: a bad cursor in one field is no fault of the others.
    type Value = Result<Page<L::Row>>;
    type Error = ResolverError;

    async fn load(&self, keys: &[Nested<L>]) -> Result<HashMap<Nested<L>, Self::Value>> {
        let mut groups: HashMap<(&L, &PageArguments), Vec<Uuid>> = HashMap::new();
        for key in keys {
            groups.entry((&key.list, &key.page)).or_default().push(key.parent);
        }
        let actor = self.0.actor();
        let mut values = HashMap::with_capacity(keys.len());
        for ((list, page), parents) in groups {
            let key = |parent| Nested { parent, list: list.clone(), page: page.clone() };
            match list.pages(&actor, &parents, page).await {
                Ok(pages) => values.extend(pages.into_iter().map(|(parent, rows)| (key(parent), Ok(rows)))),
                Err(error) => {
                    let error = ResolverError::from(error);
                    values.extend(parents.into_iter().map(|parent| (key(parent), Err(error.clone()))));
                }
            }
        }
        Ok(values)
    }
}

impl Row for Tenant {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        tenant::by_ids(actor, ids).await
    }
}

impl Row for User {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        user::by_ids(actor, ids).await
    }
}

impl Row for Invitation {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        invitation::by_ids(actor, ids).await
    }
}

impl Row for ApiKey {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        api_key::by_ids(actor, ids).await
    }
}

impl Row for PortalKey {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        portal_key::by_ids(actor, ids).await
    }
}

impl Row for PortalSession {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        portal_session::by_ids(actor, ids).await
    }
}

impl Row for System {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        system::by_ids(actor, ids).await
    }
}

impl Row for Integration {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        integration::by_ids(actor, ids).await
    }
}

impl Row for Run {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        run::by_ids(actor, ids).await
    }
}

impl Row for Failure {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        failure::by_ids(actor, ids).await
    }
}

impl Row for Retry {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        retry::by_ids(actor, ids).await
    }
}

impl Row for Backfill {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        backfill::by_ids(actor, ids).await
    }
}

impl Row for FailureGroup {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        failure_group::by_ids(actor, ids).await
    }
}

/// Groups of failures under a tenant or an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct FailureGroups {
    pub(super) of: FailureGroupParent,
    pub(super) filter: FailureGroupFilter,
    pub(super) order: FailureGroupOrder,
    pub(super) direction: Direction,
}

impl List for FailureGroups {
    type Row = FailureGroup;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<FailureGroup>>> {
        let (of, filter) = (self.of, &self.filter);
        failure_group::pages_by_parent(actor, of, parents, filter, self.order, self.direction, page).await
    }
}

/// What was done with a group of failures.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct FailureGroupActivities {
    pub(super) direction: Direction,
}

impl List for FailureGroupActivities {
    type Row = FailureGroupActivity;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<FailureGroupActivity>>> {
        failure_group::activity_pages_by_group(actor, parents, self.direction, page).await
    }
}

impl Row for Quarantine {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        quarantine::by_ids(actor, ids).await
    }
}

/// Quarantines under an integration or a run.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Quarantines {
    pub(super) of: QuarantineParent,
    pub(super) filter: QuarantineFilter,
    pub(super) direction: Direction,
}

impl List for Quarantines {
    type Row = Quarantine;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Quarantine>>> {
        quarantine::pages_by_parent(actor, self.of, parents, &self.filter, self.direction, page).await
    }
}

/// Backfills under an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Backfills {
    pub(super) filter: BackfillFilter,
    pub(super) direction: Direction,
}

impl List for Backfills {
    type Row = Backfill;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Backfill>>> {
        backfill::pages_by_integration(actor, parents, &self.filter, self.direction, page).await
    }
}

impl Row for Reconciliation {
    async fn by_ids(actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self>> {
        reconciliation::by_ids(actor, ids).await
    }
}

/// Reconciliations under an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Reconciliations {
    pub(super) filter: ReconciliationFilter,
    pub(super) direction: Direction,
}

impl List for Reconciliations {
    type Row = Reconciliation;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Reconciliation>>> {
        reconciliation::pages_by_integration(actor, parents, &self.filter, self.direction, page).await
    }
}

/// Differences under a reconciliation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Differences;

impl List for Differences {
    type Row = Difference;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Difference>>> {
        reconciliation::differences(actor, parents, page).await
    }
}

/// Alerts under an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct HealthAlerts {
    pub(super) filter: HealthAlertFilter,
    pub(super) direction: Direction,
}

impl List for HealthAlerts {
    type Row = HealthAlert;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<HealthAlert>>> {
        health::alert_pages(actor, parents, &self.filter, self.direction, page).await
    }
}

/// Changes of targets under an integration, newest first.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct HealthTargetChanges;

impl List for HealthTargetChanges {
    type Row = HealthTargetChange;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<HealthTargetChange>>> {
        health::target_change_pages(actor, parents, Direction::Descending, page).await
    }
}

/// Runs under a tenant, an integration, a retry, a backfill or a reconciliation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Runs {
    pub(super) of: RunParent,
    pub(super) filter: RunFilter,
    pub(super) direction: Direction,
}

impl List for Runs {
    type Row = Run;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Run>>> {
        run::pages_by_parent(actor, self.of, parents, &self.filter, self.direction, page).await
    }
}

/// Failures under a tenant, an integration, a run, a quarantine or a group.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Failures {
    pub(super) of: FailureParent,
    pub(super) filter: FailureFilter,
    pub(super) order: FailureOrder,
    pub(super) direction: Direction,
}

impl List for Failures {
    type Row = Failure;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Failure>>> {
        failure::pages_by_parent(actor, self.of, parents, &self.filter, self.order, self.direction, page)
            .await
    }
}

/// Integrations under a tenant.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Integrations {
    pub(super) filter: IntegrationFilter,
    pub(super) order: IntegrationOrder,
    pub(super) direction: Direction,
}

impl List for Integrations {
    type Row = Integration;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Integration>>> {
        integration::pages_by_tenant(actor, parents, &self.filter, self.order, self.direction, page).await
    }
}

/// Systems under a tenant.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Systems {
    pub(super) filter: SystemFilter,
    pub(super) order: SystemOrder,
    pub(super) direction: Direction,
}

impl List for Systems {
    type Row = System;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<System>>> {
        system::pages_by_tenant(actor, parents, &self.filter, self.order, self.direction, page).await
    }
}

/// Events under a run.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Events;

impl List for Events {
    type Row = RunEvent;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<RunEvent>>> {
        run_event::pages_by_run(actor, parents, page).await
    }
}

/// Events under a run, of a span of time.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct EventsBetween {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

impl List for EventsBetween {
    type Row = RunEvent;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<RunEvent>>> {
        run_event::pages_between(actor, parents, self.from, self.to, page).await
    }
}

/// Log lines under a run.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Logs {
    pub(super) filter: LogFilter,
}

impl List for Logs {
    type Row = LogLine;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<LogLine>>> {
        log_line::pages_by_run(actor, parents, &self.filter, page).await
    }
}

/// Slices under a run.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Slices;

impl List for Slices {
    type Row = RunSlice;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<RunSlice>>> {
        run_slice::pages_by_run(actor, parents, page).await
    }
}

/// Runs batches on Tokio, in the span of the field that began them.
#[derive(Default)]
struct Tasks(TaskTracker);

impl Spawn for Tasks {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.0.spawn(future.in_current_span().with_current_subscriber());
        Ok(())
    }
}

/// Waits on Tokio.
struct Delay;

impl Timer for Delay {
    fn delay(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }
}
