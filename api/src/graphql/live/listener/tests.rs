//! A subscription against a real database: what it is told of, what it missed, and when it ends.

#![expect(clippy::unwrap_used, reason = "tests")]

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
use crate::graphql::asked::Asked;
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
        let listener = Listener::start(caller, Watch::default(), Asked::default()).await.unwrap();
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
async fn what_could_not_be_read_for_a_moment_is_told_when_it_can_be() {
    let mut fixture = Fixture::new().await;
    run::cancel(&fixture.actor, fixture.run.id).await.unwrap();
    // As a step that finds the database away.
    let told = fixture.listener.told.take(100);
    assert!(told.ids.contains(&fixture.run.id));
    fixture.listener.put_off();
    let next = fixture.listener.next().await.unwrap().unwrap();
    assert_eq!((next.id, next.status), (fixture.run.id, run::RunStatus::Canceled));
}

#[tokio::test]
async fn what_did_not_arrive_from_another_process_is_told_and_nothing_later_counts_as_told_before() {
    let mut fixture = Fixture::new().await;
    let (caller, app) = (fixture.listener.caller.clone(), fixture.app.clone());
    app.changes().doubt();
    let doubted = domain::change::now();
    run::cancel(&fixture.actor, fixture.run.id).await.unwrap();
    // As if it had been canceled by another process, and something else had happened in this one.
    fixture.listener.told.take(100);
    app.changes().publish(Change { id: Uuid::from_u128(1), ..fixture.change() });
    {
        let next = std::pin::pin!(fixture.listener.next());
        assert!(
            tokio::time::timeout(Duration::from_millis(500), next).await.is_err(),
            "nothing is at that id"
        );
    }
    assert!(caller.told_until().unwrap() <= doubted);

    app.changes().be_sure();
    let next = fixture.listener.next().await.unwrap().unwrap();
    assert_eq!((next.id, next.status), (fixture.run.id, run::RunStatus::Canceled));
    assert!(caller.told_until().unwrap() > doubted);
}

#[tokio::test]
async fn who_comes_back_is_told_what_changed_meanwhile_and_until_when() {
    let mut fixture = Fixture::new().await;
    let caller = fixture.listener.caller.clone();
    let before = caller.told_until().unwrap();
    run::cancel(&fixture.actor, fixture.run.id).await.unwrap();
    let watch = Watch { since: Some(before), ..Watch::default() };
    let mut back = Listener::<Run>::start(caller.clone(), watch, Asked::default()).await.unwrap();
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
    let mut back = Listener::<Run>::start(caller, watch, Asked::default()).await.unwrap();
    let incomplete = back.next().await.unwrap().unwrap_err();
    assert!(format!("{incomplete:?}").contains("CATCH_UP_INCOMPLETE"), "{incomplete:?}");
    // The newest come all the same: a run that waits since.
    assert_eq!(back.next().await.unwrap().unwrap().id, fixture.run.id);
    run::cancel(&fixture.actor, fixture.run.id).await.unwrap();
    assert_eq!(back.next().await.unwrap().unwrap().status, run::RunStatus::Canceled);
}
