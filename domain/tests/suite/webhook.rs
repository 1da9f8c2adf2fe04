//! What becomes of events with time: kept while somebody has still to read them, and for three days, then gone. Through
//! `domain`'s public functions on SQLite, with a clock that is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::{Egress, Registry};
use domain::background::Background;
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::integration::{self, Integration, NewIntegration, Stream, SyncMode};
use domain::page::PageArguments;
use domain::system::{self, NewSystem, System};
use domain::tenant::{self, CreateTenant};
use domain::token::TokenSigner;
use domain::webhook_endpoint::{self, WebhookEndpoint};
use domain::webhook_event::{Reception, Taken};
use domain::{Actor, App, AppOptions, run, stream_cursor};
use futures::StreamExt;
use http::HeaderMap;
use serde_json::{Value, json};
use uuid::Uuid;

/// 2026-09-21T14:13:20Z.
const NOW_MILLIS: i64 = 1_790_000_000_000;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

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

/// A system that receives, and a clock that stands still until it is moved.
struct Fixture {
    app: Arc<App>,
    operator: Actor,
    tenant_id: Uuid,
    system: System,
    reception: Reception,
    millis: Arc<AtomicI64>,
    _directory: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let millis = Arc::new(AtomicI64::new(NOW_MILLIS));
        let now = millis.clone();
        let app = App::open(AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
            connectors: Registry::standard(Egress::new(Vec::new())),
            references: domain::system::References::default(),
            dispatch: Arc::new(NoQueue),
            changes: Changes::in_process(),
            clock: Clock::from_fn(move || {
                DateTime::<Utc>::from_timestamp_millis(now.load(Ordering::SeqCst)).unwrap()
            }),
            tenant_concurrency: 4,
            lease: Duration::from_secs(30),
            people: Default::default(),
            outside: Default::default(),
        })
        .await
        .unwrap();
        app.migrate().await.unwrap();
        domain::data_key::load(&app).await.unwrap();
        let operator = Actor::operator(app.clone());
        let (slug, name) = ("acme".to_owned(), "ACME".to_owned());
        let tenant = CreateTenant { slug, name, external_id: None, run_concurrency: None };
        let tenant_id = tenant::create(&operator, tenant).await.unwrap().id;
        let verification = json!({"kind": "token", "header": "X-Token"});
        let config = json!({"receive": {
            "verification": verification, "idHeader": "X-Id", "typeHeader": "X-Type", "coalesceSeconds": 60,
        }});
        let credentials = Some(json!({"secrets": ["a good token"]}));
        let system = make_system(&operator, tenant_id, "webhook", config, credentials).await;
        let reception = Reception::new(&app);
        Self { app, operator, tenant_id, system, reception, millis, _directory: directory }
    }

    async fn send(&self, id: &str) -> Taken {
        let address = self.endpoint().await.path.unwrap();
        let place = self.reception.place(address.rsplit_once('/').unwrap().1).await.unwrap().unwrap();
        let headers: HeaderMap = [("x-token", "a good token"), ("x-id", id), ("x-type", "order.made")]
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .into_iter()
            .collect();
        self.reception.receive(&place, &headers, b"0123456789".to_vec()).await.unwrap().unwrap()
    }

    async fn endpoint(&self) -> WebhookEndpoint {
        let endpoints = webhook_endpoint::by_systems(&self.operator, &[self.system.id]).await.unwrap();
        endpoints[&self.system.id].clone()
    }

    async fn waiting(&self) -> (i64, i64) {
        let endpoint = self.endpoint().await;
        (endpoint.waiting, endpoint.waiting_bytes)
    }

    async fn reader(&self, name: &str) -> Integration {
        self.reader_of(name, json!({})).await
    }

    /// One whose stream has these `source` options.
    async fn reader_of(&self, name: &str, source: Value) -> Integration {
        let sandbox = make_system(&self.operator, self.tenant_id, "sandbox", json!({}), None).await;
        let new = NewIntegration {
            tenant_id: Some(self.tenant_id),
            name: name.to_owned(),
            description: None,
            source_id: self.system.id,
            destination_id: sandbox.id,
            streams: vec![Stream {
                name: "orders".to_owned(),
                mode: SyncMode::Incremental,
                key_fields: vec!["id".to_owned()],
                cursor_field: None,
                source,
                destination: json!({}),
                mapping: None,
                record_schema: None,
                overlap: None,
                on_schema_change: Default::default(),
                deletions: None,
                quality: Default::default(),
                impact: Default::default(),
            }],
            schedule: None,
            retry_policy: None,
            hold_after: None,
            reconcile: None,
        };
        integration::create(&self.operator, new).await.unwrap()
    }

    /// As if an integration had read everything in front of an event.
    async fn is_at(&self, integration: &Integration, sequence: i64) {
        let to = Some(Value::from(sequence));
        stream_cursor::reset(&self.operator, integration.id, "orders", to.as_ref(), "a test").await.unwrap();
    }

    /// The runs of an integration, oldest last.
    async fn runs(&self, integration: &Integration) -> Vec<run::Run> {
        let filter = run::RunFilter { integration_id: Some(integration.id), ..Default::default() };
        let page = PageArguments { first: Some(50), ..Default::default() };
        let list = run::RunList { filter, ..Default::default() };
        let page = run::list(&self.operator, &list, &page).await.unwrap();
        page.edges.into_iter().map(|edge| edge.node).collect()
    }

    fn days_go_by(&self, days: i64) {
        self.millis.fetch_add(days * DAY_MILLIS + 1, Ordering::SeqCst);
    }

    /// How many events went.
    async fn purge(&self) -> u64 {
        Background::new(self.app.clone()).purge().await.unwrap()
    }
}

async fn make_system(
    operator: &Actor,
    tenant_id: Uuid,
    connector: &str,
    config: Value,
    credentials: Option<Value>,
) -> System {
    let name = format!("{connector} {}", Uuid::now_v7());
    let connector = connector.to_owned();
    let new =
        NewSystem { tenant_id: Some(tenant_id), name, connector, config, credentials, rate_limit: None };
    system::create(operator, new).await.unwrap()
}

#[tokio::test]
async fn events_that_nobody_has_read_are_kept_for_ever_and_others_for_three_days() {
    let it = Fixture::new().await;
    for id in ["a", "b", "c"] {
        assert_eq!(it.send(id).await, Taken::Stored);
    }
    it.days_go_by(30);
    assert_eq!((it.purge().await, it.waiting().await), (0, (3, 30)), "nobody reads them");
    let (slow, fast) = (it.reader("slow").await, it.reader("fast").await);
    it.is_at(&fast, 4).await;
    it.is_at(&slow, 2).await;
    assert_eq!(it.waiting().await, (2, 20), "the slower one counts");
    assert_eq!((it.purge().await, it.purge().await), (1, 0));
    assert_eq!(it.waiting().await, (2, 20));
    assert_eq!(it.send("b").await, Taken::Known);
    assert_eq!(it.send("a").await, Taken::Stored, "its id is forgotten with it");
    integration::archive(&it.operator, slow.id).await.unwrap();
    it.is_at(&fast, 5).await;
    assert_eq!((it.waiting().await, it.purge().await), ((0, 0), 2), "the last one is young");
    it.days_go_by(2);
    assert_eq!((it.purge().await, it.send("a").await), (0, Taken::Known));
    it.days_go_by(1);
    assert_eq!((it.purge().await, it.waiting().await), (1, (0, 0)));
    assert_eq!(it.endpoint().await.received, 4);
}

#[tokio::test]
async fn a_cursor_that_is_set_back_makes_what_is_kept_wait_again() {
    let it = Fixture::new().await;
    let reader = it.reader("reader").await;
    for id in ["a", "b", "c"] {
        it.send(id).await;
    }
    it.is_at(&reader, 4).await;
    assert_eq!(it.waiting().await, (0, 0));
    stream_cursor::reset(&it.operator, reader.id, "orders", None, "a test").await.unwrap();
    assert_eq!(it.waiting().await, (3, 30));
    it.is_at(&reader, 3).await;
    it.days_go_by(4);
    assert_eq!(it.purge().await, 2);
    stream_cursor::reset(&it.operator, reader.id, "orders", None, "a test").await.unwrap();
    assert_eq!(it.waiting().await, (1, 10), "what is gone does not wait");
}

#[tokio::test]
async fn what_comes_in_a_minute_is_one_run_that_begins_when_it_is_over() {
    let it = Fixture::new().await;
    let reader = it.reader("reader").await;
    it.send("a").await;
    it.millis.fetch_add(30_000, Ordering::SeqCst);
    it.send("b").await;
    let runs = it.runs(&reader).await;
    assert_eq!(runs.len(), 1);
    let background = Background::new(it.app.clone());
    assert_eq!(background.all_due(None).await.unwrap().0, [], "not before the minute is over");
    it.millis.fetch_add(29_999, Ordering::SeqCst);
    assert_eq!(background.all_due(None).await.unwrap().0, []);
    it.millis.fetch_add(1, Ordering::SeqCst);
    assert_eq!(background.all_due(None).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn who_wants_nothing_of_what_comes_reads_on_all_the_same() {
    let it = Fixture::new().await;
    let (wants, other) = (
        it.reader_of("orders", json!({"eventTypes": ["order.*"]})).await,
        it.reader_of("users", json!({"eventTypes": ["user.*"]})).await,
    );
    it.send("first").await;
    assert_eq!((it.runs(&wants).await.len(), it.runs(&other).await.len()), (1, 0));
    let step = domain::webhook_event::WAITING_EVENTS_MAX / 10;
    let sent = futures::stream::iter(0..step - 2).map(|number| {
        let it = &it;
        async move { it.send(&number.to_string()).await }
    });
    let taken: Vec<Taken> = sent.buffer_unordered(50).collect().await;
    assert!(taken.iter().all(|taken| *taken == Taken::Stored));
    assert_eq!(it.runs(&other).await.len(), 0);
    it.send("last").await;
    assert_eq!((it.endpoint().await.received, it.runs(&other).await.len()), (step, 1));
}

#[tokio::test]
async fn a_cursor_is_not_set_behind_what_has_come() {
    let it = Fixture::new().await;
    let reader = it.reader("reader").await;
    it.send("a").await;
    for (to, is_good) in [
        (json!(1), true),
        (json!(2), true),
        (json!(3), false),
        (json!(0), false),
        (json!(i64::MIN), false),
        (json!(1_790_000_000), false),
        (json!("2026-09-21T14:13:20Z"), true),
        (json!("yesterday"), false),
    ] {
        let set = stream_cursor::reset(&it.operator, reader.id, "orders", Some(&to), "a test").await;
        assert_eq!(set.is_ok(), is_good, "{to}");
    }
}
