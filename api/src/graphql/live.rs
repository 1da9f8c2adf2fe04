//! Live updates: told that something changed, a subscription reads it again with its caller's rights, so what a
//! listener gets is what a query would answer. Changes of one object in quick succession arrive as one.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use domain::change::{Change, ChangeKind};
use domain::failure::{self, Failure, FailureFilter, FailureOrder};
use domain::failure_group::{self, FailureGroup, FailureGroupFilter, FailureGroupOrder};
use domain::integration::Integration;
use domain::page::{Direction, PAGE_ROWS_MAX, PageArguments};
use domain::retry::Retry;
use domain::run::{self, Run, RunFilter};
use domain::{Actor, Permission};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::call::record_denied_subscription;
use super::caller::{Caller, caller, loaders};
use super::error::{ResolverError, Result};
use super::loader::Row;
use crate::http::ErrorCode;

/// Least time between two reads of one subscription: what changes meanwhile is read together.
const READ_INTERVAL: Duration = Duration::from_millis(100);
/// Objects that wait to be read; while there are so many no further changes are taken.
const PENDING_MAX: usize = 500;
/// Changes that are looked at before a read, at most, so that a flood of others' changes delays nobody's read.
const TAKEN_MAX: usize = 1_000;
/// How long a quiet subscription trusts its token before it looks again whether its caller is still signed in.
const RENEW_INTERVAL: Duration = Duration::from_secs(30);
/// The same right before something is sent: whoever signed out hears nothing more after so long.
const RENEW_BEFORE_SENDING: Duration = Duration::from_secs(5);

/// What a subscription listens to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// This object only.
    pub(super) id: Option<Uuid>,
    /// Objects of this integration only.
    pub(super) integration_id: Option<Uuid>,
}

impl Watch {
    fn concerns(&self, kind: ChangeKind, actor: &Actor, change: &Change) -> bool {
        change.kind == kind
            && self.id.is_none_or(|id| change.id == id)
            && self.integration_id.is_none_or(|id| change.integration_id == Some(id))
            && actor.tenants().contains(change.tenant_id)
    }
}

/// Rows whose changes are told.
pub(super) trait Live: Row {
    /// What changes of it are called.
    const KIND: ChangeKind;
    /// What reading it needs.
    const PERMISSION: Permission;
    /// Its name in words.
    const NAME: &'static str;

    /// The id of the row.
    fn id(&self) -> Uuid;

    /// Of which integration it is.
    fn integration_id(&self) -> Option<Uuid>;

    /// The newest ones, for a listener that missed changes.
    fn newest(
        actor: &Actor,
        integration_id: Option<Uuid>,
    ) -> impl Future<Output = domain::Result<Vec<Self>>> + Send;
}

impl Live for Run {
    const KIND: ChangeKind = ChangeKind::Run;
    const PERMISSION: Permission = Permission::RunRead;
    const NAME: &'static str = "run";

    fn id(&self) -> Uuid {
        self.id
    }

    fn integration_id(&self) -> Option<Uuid> {
        Some(self.integration_id)
    }

    async fn newest(actor: &Actor, integration_id: Option<Uuid>) -> domain::Result<Vec<Self>> {
        let filter = RunFilter { integration_id, ..RunFilter::default() };
        let page = run::list(actor, &filter, Direction::Descending, &full_page()).await?;
        Ok(page.edges.into_iter().rev().map(|edge| edge.node).collect())
    }
}

impl Live for Failure {
    const KIND: ChangeKind = ChangeKind::Failure;
    const PERMISSION: Permission = Permission::FailureRead;
    const NAME: &'static str = "failure";

    fn id(&self) -> Uuid {
        self.id
    }

    fn integration_id(&self) -> Option<Uuid> {
        Some(self.integration_id)
    }

    async fn newest(actor: &Actor, integration_id: Option<Uuid>) -> domain::Result<Vec<Self>> {
        let filter = FailureFilter { integration_id, ..FailureFilter::default() };
        let order = FailureOrder::LastAttemptAt;
        let page = failure::list(actor, &filter, order, Direction::Descending, &full_page()).await?;
        Ok(page.edges.into_iter().rev().map(|edge| edge.node).collect())
    }
}

impl Live for FailureGroup {
    const KIND: ChangeKind = ChangeKind::FailureGroup;
    const PERMISSION: Permission = Permission::FailureRead;
    const NAME: &'static str = "group of failures";

    fn id(&self) -> Uuid {
        self.id
    }

    fn integration_id(&self) -> Option<Uuid> {
        Some(self.integration_id)
    }

    async fn newest(actor: &Actor, integration_id: Option<Uuid>) -> domain::Result<Vec<Self>> {
        let filter = FailureGroupFilter { integration_id, ..FailureGroupFilter::default() };
        let order = FailureGroupOrder::LastSeenAt;
        let page = failure_group::list(actor, &filter, order, Direction::Descending, &full_page()).await?;
        Ok(page.edges.into_iter().rev().map(|edge| edge.node).collect())
    }
}

impl Live for Retry {
    const KIND: ChangeKind = ChangeKind::Retry;
    const PERMISSION: Permission = Permission::FailureRead;
    const NAME: &'static str = "retry";

    fn id(&self) -> Uuid {
        self.id
    }

    fn integration_id(&self) -> Option<Uuid> {
        None
    }

    /// A subscription names its retry, so nothing else is missed.
    async fn newest(_actor: &Actor, _integration_id: Option<Uuid>) -> domain::Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

fn full_page() -> PageArguments {
    PageArguments { first: i32::try_from(PAGE_ROWS_MAX).ok(), ..PageArguments::default() }
}

/// Starts listening. With an id, the object as it is now comes first.
///
/// # Errors
/// Denied; `NOT_FOUND` when an id names nothing that the caller may see.
pub(super) async fn watch<T: Live, O: Send + 'static>(
    ctx: &Context<'_>,
    watch: Watch,
    object: fn(T) -> O,
) -> Result<BoxStream<'static, Result<O>>> {
    let caller = caller(ctx)?.clone();
    // Before anything is read, so that no change falls in between.
    let changes = caller.app().changes().subscribe();
    if let Err(error) = caller.actor().require(T::PERMISSION) {
        record_denied_subscription(ctx, &error).await;
        return Err(error.into());
    }
    if let Some(id) = watch.integration_id {
        loaders(ctx)?.row::<Integration>(id).await?.ok_or_else(|| not_found("integration"))?;
    }
    let mut ready = VecDeque::new();
    if let Some(id) = watch.id {
        let row = loaders(ctx)?.row::<T>(id).await?.ok_or_else(|| not_found(T::NAME))?;
        if watch.integration_id.is_some_and(|id| row.integration_id() != Some(id)) {
            return Err(not_found(T::NAME));
        }
        ready.push_back(row);
    }
    let listener = Listener { ready, ..Listener::new(caller, changes, watch) };
    let rows = stream::unfold(listener, |mut listener| async move {
        let row = listener.next().await?;
        Some((row, listener))
    });
    Ok(rows.map(move |row| row.map(object)).boxed())
}

fn not_found(what: &str) -> ResolverError {
    ResolverError::new(ErrorCode::NotFound, format!("There is no {what} with this id."))
}

/// One subscription.
struct Listener<T> {
    caller: Arc<Caller>,
    changes: Receiver<Change>,
    watch: Watch,
    /// Read, and to be sent.
    ready: VecDeque<T>,
    /// Changed, and to be read.
    pending: Vec<Uuid>,
    /// Whether changes came faster than they were taken.
    has_missed: bool,
    /// When the next read may be.
    read_at: Instant,
    renewed_at: Instant,
    has_ended: bool,
}

impl<T: Live> Listener<T> {
    fn new(caller: Arc<Caller>, changes: Receiver<Change>, watch: Watch) -> Self {
        let now = Instant::now();
        Self {
            caller,
            changes,
            watch,
            ready: VecDeque::new(),
            pending: Vec::new(),
            has_missed: false,
            read_at: now,
            renewed_at: now,
            has_ended: false,
        }
    }

    /// What to send next; `None` at the end.
    async fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Some(Ok(row));
            }
            if self.has_ended {
                return None;
            }
            if let Err(error) = self.step().await {
                self.has_ended = true;
                return Some(Err(error));
            }
        }
    }

    /// Takes one change, or reads what has changed, or looks whether the caller is still who they were.
    async fn step(&mut self) -> Result<()> {
        let has_work = self.has_missed || !self.pending.is_empty();
        tokio::select! {
            change = self.changes.recv(), if self.pending.len() < PENDING_MAX => {
                self.take(change);
                Ok(())
            }
            () = sleep_until(self.read_at), if has_work => self.read().await,
            () = sleep_until(self.renewed_at + RENEW_INTERVAL) => self.renew().await,
        }
    }

    fn take(&mut self, change: Result<Change, RecvError>) {
        match change {
            Ok(change) => {
                let concerns = self.watch.concerns(T::KIND, &self.caller.actor(), &change);
                if concerns && !self.pending.contains(&change.id) {
                    self.pending.push(change.id);
                }
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "a subscription missed changes; it reads what there is now");
                self.has_missed = true;
            }
            // The process ends.
            Err(RecvError::Closed) => self.has_ended = true,
        }
    }

    async fn read(&mut self) -> Result<()> {
        // What has been told by now belongs to the same read.
        for _ in 0..TAKEN_MAX {
            if self.pending.len() >= PENDING_MAX {
                break;
            }
            match self.changes.try_recv() {
                Ok(change) => self.take(Ok(change)),
                Err(TryRecvError::Lagged(missed)) => self.take(Err(RecvError::Lagged(missed))),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => {
                    self.take(Err(RecvError::Closed));
                    break;
                }
            }
        }
        if self.renewed_at.elapsed() >= RENEW_BEFORE_SENDING {
            self.renew().await?;
        }
        let actor = self.caller.actor();
        if std::mem::take(&mut self.has_missed) {
            match self.watch.id {
                Some(id) if !self.pending.contains(&id) => self.pending.push(id),
                Some(_) => {}
                None => {
                    let newest = T::newest(&actor, self.watch.integration_id).await?;
                    self.pending.retain(|id| newest.iter().all(|row| row.id() != *id));
                    self.ready.extend(newest);
                }
            }
        }
        let ids = std::mem::take(&mut self.pending);
        if !ids.is_empty() {
            let mut rows = T::by_ids(&actor, &ids).await?;
            // In the order in which they changed.
            self.ready.extend(ids.iter().filter_map(|id| rows.remove(id)));
        }
        self.read_at = Instant::now() + READ_INTERVAL;
        Ok(())
    }

    async fn renew(&mut self) -> Result<()> {
        self.caller.renew().await?;
        self.caller.actor().require(T::PERMISSION)?;
        self.renewed_at = Instant::now();
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use connector::{Egress, Registry};
    use domain::change::{Change, ChangeKind, Changes};
    use domain::clock::Clock;
    use domain::dispatch::{Dispatch, DispatchError, JobHint};
    use domain::integration::{self, NewIntegration, Stream, SyncMode};
    use domain::run::{self, Run};
    use domain::session::{self, Origin};
    use domain::system::{self, NewSystem};
    use domain::tenant::{self, CreateTenant};
    use domain::token::TokenSigner;
    use domain::user::{self, CreateUser};
    use domain::{Actor, App, AppOptions, Role};
    use futures::poll;
    use secrecy::ExposeSecret;
    use serde_json::json;
    use tokio::time::Instant;
    use uuid::Uuid;

    use super::{Listener, RENEW_INTERVAL, Watch};
    use crate::graphql::caller::Caller;

    const PASSWORD: &str = "correct horse battery staple 7";

    struct NoQueue;

    #[async_trait]
    impl Dispatch for NoQueue {
        async fn push(&self, _hints: &[JobHint]) -> Result<(), DispatchError> {
            Ok(())
        }

        async fn ping(&self) -> Result<(), DispatchError> {
            Ok(())
        }
    }

    /// A tenant's administrator who listens to runs, and a run.
    struct Fixture {
        app: Arc<App>,
        actor: Actor,
        run: Run,
        listener: Listener<Run>,
        _directory: tempfile::TempDir,
    }

    impl Fixture {
        async fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let app = App::open(AppOptions {
                database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
                files_dir: directory.path().join("files"),
                secret_keys: vec![[7; 32]],
                token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
                connectors: Registry::standard(Egress::new(Vec::new())),
                references: domain::system::References::default(),
                dispatch: Arc::new(NoQueue),
                changes: Changes::in_process(),
                clock: Clock::system(),
                tenant_concurrency: 4,
                lease: Duration::from_secs(60),
                people: Default::default(),
                outside: Default::default(),
            })
            .await
            .unwrap();
            app.migrate().await.unwrap();
            domain::data_key::load(&app).await.unwrap();
            let operator = Actor::operator(app.clone());
            let input = CreateTenant {
                slug: "acme".to_owned(),
                name: "Acme".to_owned(),
                external_id: None,
                run_concurrency: None,
            };
            let tenant_id = Some(tenant::create(&operator, input).await.unwrap().id);
            let mut ends = Vec::new();
            for name in ["Shop", "Ledger"] {
                let (name, connector) = (name.to_owned(), "sandbox".to_owned());
                let new = NewSystem {
                    tenant_id,
                    name,
                    connector,
                    config: json!({}),
                    credentials: None,
                    rate_limit: None,
                };
                ends.push(system::create(&operator, new).await.unwrap().id);
            }
            let stream = Stream {
                name: "orders".to_owned(),
                mode: SyncMode::Full,
                key_fields: vec!["id".to_owned()],
                cursor_field: None,
                source: json!({}),
                destination: json!({}),
                mapping: None,
                record_schema: None,
                overlap: None,
                on_schema_change: Default::default(),
                deletions: None,
                quality: Default::default(),
                impact: Default::default(),
            };
            let new = NewIntegration {
                tenant_id,
                name: "Orders".to_owned(),
                description: None,
                source_id: ends[0],
                destination_id: ends[1],
                streams: vec![stream],
                schedule: None,
                retry_policy: None,
                hold_after: None,
                reconcile: None,
            };
            let integration = integration::create(&operator, new).await.unwrap();
            let email = "ada@example.com".to_owned();
            let new = CreateUser {
                email: email.clone(),
                name: "Ada".to_owned(),
                role: Role::TenantAdmin,
                tenant_id,
                password: PASSWORD.into(),
            };
            user::create(&operator, new).await.unwrap();
            let input = session::SignIn { email, password: PASSWORD.into(), code: None };
            let token = session::sign_in(&app, input, &Origin::default()).await.unwrap().access_token;
            let actor = app.authenticate(Some(token.expose_secret())).await.unwrap();
            let run = run::start(&actor, integration.id, None).await.unwrap();
            let caller = Arc::new(Caller::new(app.clone(), Some(token), actor.clone()));
            let watch = Watch { id: None, integration_id: None };
            let listener = Listener::new(caller, app.changes().subscribe(), watch);
            Self { app, actor, run, listener, _directory: directory }
        }

        fn change(&self) -> Change {
            let (kind, id) = (ChangeKind::Run, self.run.id);
            Change { kind, tenant_id: self.run.tenant_id, id, integration_id: Some(self.run.integration_id) }
        }
    }

    #[tokio::test]
    async fn whoever_signed_out_hears_nothing_more() {
        let mut fixture = Fixture::new().await;
        session::sign_out(&fixture.actor).await.unwrap();
        fixture.listener.renewed_at = Instant::now().checked_sub(RENEW_INTERVAL).unwrap();
        fixture.app.changes().publish(fixture.change());
        let refused = fixture.listener.next().await.unwrap().unwrap_err();
        assert!(format!("{refused:?}").contains("UNAUTHENTICATED"), "{refused:?}");
        assert!(fixture.listener.next().await.is_none());
    }

    #[tokio::test]
    async fn a_burst_of_one_objects_changes_arrives_as_one() {
        let mut fixture = Fixture::new().await;
        for _ in 0..50 {
            fixture.app.changes().publish(fixture.change());
        }
        assert_eq!(fixture.listener.next().await.unwrap().unwrap().id, fixture.run.id);
        let next = std::pin::pin!(fixture.listener.next());
        assert!(poll!(next).is_pending());
    }

    #[tokio::test]
    async fn who_missed_changes_is_told_what_there_is_now() {
        let mut fixture = Fixture::new().await;
        fixture.app.changes().publish(fixture.change());
        // Of somebody else, more than are kept for a listener that lags.
        let other = Change { tenant_id: Uuid::from_u128(1), id: Uuid::from_u128(2), ..fixture.change() };
        for _ in 0..10_000 {
            fixture.app.changes().publish(other);
        }
        assert_eq!(fixture.listener.next().await.unwrap().unwrap().id, fixture.run.id);
    }
}
