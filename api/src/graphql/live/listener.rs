//! One subscription: what it was told, what it reads of that, and what it missed while it was away.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::change::{self, CATCH_UP_MAX, KEPT_MINUTES, Listening};
use tokio::time::{Instant, sleep_until};

use super::super::caller::{Caller, LivePlace};
use super::super::error::{ResolverError, Result};
use super::{Live, Watch};
use crate::http::ErrorCode;

/// Least time between two reads of one subscription: what changes meanwhile is read together.
const READ_INTERVAL: Duration = Duration::from_millis(100);
/// Objects of one read, which are in memory until they are sent.
const READ_MAX: usize = 100;
/// How long a quiet subscription trusts its token before it looks again whether its caller is still signed in.
const RENEW_INTERVAL: Duration = Duration::from_secs(30);
/// The same right before something is sent: whoever signed out hears nothing more after so long.
const RENEW_BEFORE_SENDING: Duration = Duration::from_secs(5);

/// One subscription.
pub(super) struct Listener<T> {
    caller: Arc<Caller>,
    told: Listening,
    watch: Watch,
    /// That more was missed than is told; goes first.
    incomplete: Option<ResolverError>,
    /// Read, and to be sent.
    ready: VecDeque<T>,
    /// Everything that changed before this was read.
    read_until: DateTime<Utc>,
    /// Everything that changed before this is told when `ready` is empty; `None` while more waits.
    told_until: Option<DateTime<Utc>>,
    /// Where the caller reads until when they were told of everything.
    place: LivePlace,
    /// When the next read may be.
    read_at: Instant,
    renewed_at: Instant,
    has_ended: bool,
}

impl<T: Live> Listener<T> {
    /// Listens from now on. What has changed since the time of the watch comes first.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn start(caller: Arc<Caller>, watch: Watch) -> Result<Self> {
        let now = change::now();
        let since = watch.since.map_or(now, |since| since.min(now));
        // Before anything is read, so that no change falls in between.
        let told = caller.app().changes().listen(watch.interest(T::KIND), caller.actor().tenants());
        let instant = Instant::now();
        let mut listener = Self {
            place: caller.live_place(since),
            caller,
            told,
            watch,
            incomplete: None,
            ready: VecDeque::new(),
            read_until: since,
            told_until: None,
            read_at: instant,
            renewed_at: instant,
            has_ended: false,
        };
        if watch.since.is_some() && watch.id.is_none() {
            listener.catch_up().await?;
            listener.told_until = Some(now);
        }
        Ok(listener)
    }

    /// Sends this first.
    pub(super) fn begin_with(&mut self, row: T) {
        self.ready.push_front(row);
    }

    /// What to send next; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(incomplete) = self.incomplete.take() {
                return Some(Err(incomplete));
            }
            let row = self.ready.pop_front();
            if self.ready.is_empty()
                && let Some(until) = self.told_until.take()
            {
                self.read_until = until;
                self.place.told_until(until);
            }
            if let Some(row) = row {
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

    /// Reads what has changed, or looks whether the caller is still who they were.
    async fn step(&mut self) -> Result<()> {
        let read = async {
            self.told.arrived().await;
            sleep_until(self.read_at).await;
        };
        tokio::select! {
            () = read => Box::pin(self.read()).await,
            () = sleep_until(self.renewed_at + RENEW_INTERVAL) => Box::pin(self.renew()).await,
        }
    }

    async fn read(&mut self) -> Result<()> {
        let now = change::now();
        if self.renewed_at.elapsed() >= RENEW_BEFORE_SENDING {
            self.renew().await?;
        }
        let told = self.told.take(READ_MAX);
        let mut ids = told.ids;
        if told.has_missed {
            tracing::debug!("a subscription missed changes; it reads what there is now");
            match self.watch.id {
                Some(id) => ids = vec![id],
                None => self.catch_up().await?,
            }
        }
        ids.retain(|id| self.ready.iter().all(|row| row.id() != *id));
        if !ids.is_empty() {
            let mut rows = T::by_ids(&self.caller.actor(), &ids).await?;
            // In the order in which they changed.
            self.ready.extend(ids.iter().filter_map(|id| rows.remove(id)));
        }
        self.told_until = (!told.has_more).then_some(now);
        // What waits already is read as soon as this is sent.
        self.read_at = Instant::now() + if told.has_more { Duration::ZERO } else { READ_INTERVAL };
        Ok(())
    }

    /// Reads what has changed since the last read.
    async fn catch_up(&mut self) -> Result<()> {
        let actor = self.caller.actor();
        let of = self.watch.integration_id;
        let missed = change::since(&actor, T::KIND, T::PERMISSION, of, self.read_until).await?;
        if !missed.is_whole {
            let message = format!(
                "More has changed than you are told of: the newest {CATCH_UP_MAX} at most, of the last {KEPT_MINUTES} \
                 minutes. Read anew what you show; from here on you are told of everything."
            );
            self.incomplete = Some(ResolverError::new(ErrorCode::CatchUpIncomplete, message));
        }
        if !missed.ids.is_empty() {
            let mut rows = T::by_ids(&actor, &missed.ids).await?;
            self.ready.extend(missed.ids.iter().filter_map(|id| rows.remove(id)));
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<()> {
        self.caller.renew().await?;
        let actor = self.caller.actor();
        actor.require(T::PERMISSION)?;
        self.told.follow(actor.tenants());
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
            let listener = Listener::start(caller, Watch::default()).await.unwrap();
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
        // More than wait for a listener that does not take them; nothing is at their ids.
        for id in 0..6_000 {
            fixture.app.changes().publish(Change { id: Uuid::from_u128(id), ..fixture.change() });
        }
        fixture.app.changes().publish(fixture.change());
        assert_eq!(fixture.listener.next().await.unwrap().unwrap().id, fixture.run.id);
    }

    #[tokio::test]
    async fn who_comes_back_is_told_what_changed_meanwhile_and_until_when() {
        let mut fixture = Fixture::new().await;
        let caller = fixture.listener.caller.clone();
        let before = caller.told_until().unwrap();
        run::cancel(&fixture.actor, fixture.run.id).await.unwrap();
        let watch = Watch { since: Some(before), ..Watch::default() };
        let mut back = Listener::<Run>::start(caller.clone(), watch).await.unwrap();
        let run = back.next().await.unwrap().unwrap();
        assert_eq!((run.id, run.status), (fixture.run.id, run::RunStatus::Canceled));
        let next = std::pin::pin!(back.next());
        assert!(poll!(next).is_pending());
        // The least of both, so that it holds for each.
        assert_eq!(caller.told_until(), Some(before));
        assert_eq!(fixture.listener.next().await.unwrap().unwrap().id, fixture.run.id);
        assert!(caller.told_until().unwrap() >= before);
    }

    #[tokio::test]
    async fn who_was_away_for_too_long_is_told_so_and_hears_what_comes() {
        let fixture = Fixture::new().await;
        let caller = fixture.listener.caller.clone();
        let long_ago = domain::change::now() - chrono::Duration::hours(2);
        let watch = Watch { since: Some(long_ago), ..Watch::default() };
        let mut back = Listener::<Run>::start(caller, watch).await.unwrap();
        let incomplete = back.next().await.unwrap().unwrap_err();
        assert!(format!("{incomplete:?}").contains("CATCH_UP_INCOMPLETE"), "{incomplete:?}");
        // The newest come all the same: a run that waits since.
        assert_eq!(back.next().await.unwrap().unwrap().id, fixture.run.id);
        run::cancel(&fixture.actor, fixture.run.id).await.unwrap();
        assert_eq!(back.next().await.unwrap().unwrap().status, run::RunStatus::Canceled);
    }
}
