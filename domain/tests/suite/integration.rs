//! Systems and integrations: what may be stored, what a change of them does to runs that wait, and that credentials
//! stay where they are. Through `domain`'s public functions on SQLite; what callers can't see is read from the file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::{
    Connector, Description, Destination, Egress, OpenDestination, OpenSource, Registry, Source, SystemAccess,
    SystemError, SystemErrorKind,
};
use domain::api_key::{self, CreateApiKey};
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::integration::{
    self, Integration, IntegrationChanges, IntegrationFilter, IntegrationList, IntegrationOrder,
    IntegrationParts, NewIntegration, NewSchedule, Status, Stream, SyncMode,
};
use domain::page::{Direction, Page, PageArguments};
use domain::system::{self, NewSystem, System, SystemChanges, SystemFilter, SystemOrder, SystemStatus};
use domain::tenant::{self, CreateTenant, Tenant};
use domain::token::TokenSigner;
use domain::{Actor, App, AppOptions, Error, run};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row};
use uuid::Uuid;

/// 2026-09-21T14:13:20Z, a Monday.
const NOW_MILLIS: i64 = 1_790_000_000_000;
const SECRET: &str = "hunter2-open-sesame";

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

/// A system that lets in who knows the word, and that can't be written to.
struct Door(Description);

impl Door {
    fn new() -> Self {
        let object = |properties: Value| json!({"type": "object", "properties": properties, "additionalProperties": false});
        let mut credentials = object(json!({"word": {"type": "string"}}));
        credentials["required"] = json!(["word"]);
        Self(Description {
            name: "door",
            title: "Door",
            description: "For tests.",
            config_schema: object(json!({"floor": {"type": "integer"}})),
            credentials_schema: credentials,
            credentials_go_to: &[],
            can_be_paced: false,
            source_schema: Some(object(json!({}))),
            destination_schema: None,
            guide: Default::default(),
        })
    }
}

fn nothing() -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, "there is nothing behind this door")
}

#[async_trait]
impl Connector for Door {
    fn description(&self) -> &Description {
        &self.0
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let credentials: Value = serde_json::from_str(access.credentials.expose_secret()).unwrap();
        if credentials["word"] == SECRET {
            Ok("The door is open.".to_owned())
        } else {
            Err(SystemError::new(SystemErrorKind::Unauthorized, "door-7.internal keeps shut")
                .with_hint("it knows no such word"))
        }
    }

    async fn open_source(&self, _open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        Err(nothing())
    }

    async fn open_destination(&self, _open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        Err(nothing())
    }
}

/// A fresh database with a tenant, and a clock that stands still until it is moved.
struct Fixture {
    app: Arc<App>,
    operator: Actor,
    tenant: Tenant,
    millis: Arc<AtomicI64>,
    directory: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let millis = Arc::new(AtomicI64::new(NOW_MILLIS));
        let now = millis.clone();
        let standard = Registry::standard(Egress::new(Vec::new()));
        let connectors =
            standard.all().cloned().chain([Arc::new(Door::new()) as Arc<dyn Connector>]).collect();
        let app = App::open(AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
            connectors: Registry::of(connectors),
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
        let tenant = make_tenant(&operator, "acme").await;
        Self { app, operator, tenant, millis, directory }
    }

    async fn system(&self, name: &str) -> System {
        self.system_of(self.tenant.id, name, "sandbox", json!({}), None).await
    }

    async fn system_of(
        &self,
        tenant_id: Uuid,
        name: &str,
        connector: &str,
        config: Value,
        credentials: Option<Value>,
    ) -> System {
        let (name, connector) = (name.to_owned(), connector.to_owned());
        let new =
            NewSystem { tenant_id: Some(tenant_id), name, connector, config, credentials, rate_limit: None };
        system::create(&self.operator, new).await.unwrap()
    }

    /// From a sandbox to another one.
    async fn integration(&self) -> Integration {
        let (source, destination) = (self.system("Shop").await, self.system("Ledger").await);
        let new = new_integration(self.tenant.id, "Orders", source.id, destination.id);
        integration::create(&self.operator, new).await.unwrap()
    }

    /// A partner's key with these scopes on these tenants.
    async fn partner(&self, scopes: &[&str], tenants: &[Uuid]) -> Actor {
        let input = CreateApiKey {
            name: "Partner".to_owned(),
            role: None,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            tenant_ids: tenants.to_vec(),
            expires_at: None,
        };
        let key = api_key::create(&self.operator, input).await.unwrap();
        self.app.authenticate(Some(key.secret.expose_secret())).await.unwrap()
    }

    async fn database(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.directory.path().join("trestle.db"));
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    /// The first column of every row, as text.
    async fn texts(&self, sql: &str) -> Vec<String> {
        let rows =
            sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.database().await).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }

    async fn jobs(&self) -> Vec<String> {
        self.texts("SELECT status FROM job ORDER BY id").await
    }

    async fn update(&self, id: Uuid, changes: IntegrationChanges) -> Result<Integration, Error> {
        integration::update(&self.operator, id, changes).await
    }
}

async fn make_tenant(operator: &Actor, slug: &str) -> Tenant {
    let input = CreateTenant {
        slug: slug.to_owned(),
        name: slug.to_uppercase(),
        external_id: None,
        run_concurrency: None,
    };
    tenant::create(operator, input).await.unwrap()
}

fn stream(name: &str) -> Stream {
    Stream {
        name: name.to_owned(),
        mode: SyncMode::Full,
        key_fields: vec!["id".to_owned()],
        cursor_field: None,
        source: json!({"records": 10}),
        destination: json!({}),
        mapping: None,
        record_schema: None,
        overlap: None,
        on_schema_change: Default::default(),
        deletions: None,
        quality: Default::default(),
        impact: Default::default(),
    }
}

fn new_integration(tenant_id: Uuid, name: &str, source_id: Uuid, destination_id: Uuid) -> NewIntegration {
    NewIntegration {
        tenant_id: Some(tenant_id),
        name: name.to_owned(),
        description: None,
        source_id,
        destination_id,
        streams: vec![stream("orders")],
        schedule: None,
        retry_policy: None,
        hold_after: None,
        reconcile: None,
    }
}

fn schedule(cron: &str, time_zone: &str) -> NewSchedule {
    NewSchedule { cron: cron.to_owned(), time_zone: time_zone.to_owned() }
}

/// Code and path of every problem, e.g. `Conflict name`.
#[track_caller]
fn problems<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    let Err(Error::Rejected(problems)) = result else {
        unreachable!("should have been rejected: {result:?}");
    };
    problems.iter().map(|problem| format!("{:?} {}", problem.code, problem.path.join("."))).collect()
}

fn names<T>(page: Page<T>, name: impl Fn(T) -> String) -> Vec<String> {
    page.edges.into_iter().map(|edge| name(edge.node)).collect()
}

async fn all_integrations(actor: &Actor, filter: IntegrationFilter) -> Vec<String> {
    let page = PageArguments::default();
    let (order, direction) = (IntegrationOrder::Name, Direction::Ascending);
    let list = IntegrationList { filter, order, direction, ..Default::default() };
    let page = integration::list(actor, &list, &page).await.unwrap();
    names(page, |integration| integration.name)
}

#[tokio::test]
async fn an_integration_is_made_as_it_was_asked_for() {
    let it = Fixture::new().await;
    let (source, destination) = (it.system("Shop").await, it.system("Ledger").await);
    let mut orders = stream(" orders ");
    orders.mode = SyncMode::Incremental;
    orders.cursor_field = Some("updatedAt".to_owned());
    orders.mapping = Some(".email = downcase(string!(.email))".to_owned());
    orders.record_schema = Some(json!({"required": ["id"]}));
    let mut people = stream("people");
    people.cursor_field = Some("updatedAt".to_owned());
    people.mapping = Some(" \n".to_owned());
    people.record_schema = Some(Value::Null);
    let new = NewIntegration {
        description: Some(" Every hour,\nmore or less. ".to_owned()),
        streams: vec![orders.clone(), people.clone()],
        schedule: Some(schedule("30  16 * * *", "Europe/Berlin")),
        ..new_integration(it.tenant.id, " Orders ", source.id, destination.id)
    };
    let made = integration::create(&it.operator, new).await.unwrap();
    assert_eq!((made.name.as_str(), made.status), ("Orders", Status::Active));
    assert_eq!(made.description.as_deref(), Some("Every hour,\nmore or less."));
    assert_eq!((made.source_id, made.destination_id), (source.id, destination.id));
    orders.name = "orders".to_owned();
    (people.mapping, people.record_schema) = (None, None);
    assert_eq!(made.streams.0, [orders, people]);
    assert_eq!(made.schedule_cron.as_deref(), Some("30 16 * * *"));
    assert_eq!(made.next_run_at.unwrap().to_rfc3339(), "2026-09-21T14:30:00+00:00");
    assert_eq!(integration::get(&it.operator, made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(
        integration::by_ids(&it.operator, &[made.id], IntegrationParts::ALL).await.unwrap()[&made.id],
        made
    );

    let again = new_integration(it.tenant.id, "Orders", source.id, destination.id);
    assert_eq!(problems(integration::create(&it.operator, again).await), ["Conflict name"]);
    assert_eq!(all_integrations(&it.operator, IntegrationFilter::default()).await, ["Orders"]);
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let it = Fixture::new().await;
    let (source, destination) = (it.system("Shop").await, it.system("Ledger").await);
    let mut first = stream("orders");
    first.mode = SyncMode::Incremental;
    first.key_fields = Vec::new();
    first.source = json!({"records": -1, "recrods": 1});
    first.destination = json!({"rejectEvery": "no", "x\0": 1});
    first.mapping = Some(".a = downcase(1)\n.b = nosuch(.b)".to_owned());
    first.record_schema = Some(json!({"properties": {"a/b": {"type": "strin"}}}));
    let mut second = stream("orders");
    second.key_fields = vec!["id".to_owned(), "id".to_owned()];
    second.cursor_field = Some("a\0".to_owned());
    second.source = json!("x".repeat(70_000));
    second.mapping = Some("x".repeat(70_000));
    second.record_schema = Some(json!({"$ref": "https://example.com/schema"}));
    let new = NewIntegration {
        description: Some("a\0b".to_owned()),
        streams: vec![first, second],
        schedule: Some(schedule("0 25 * * *", "Berlin")),
        ..new_integration(it.tenant.id, "", source.id, destination.id)
    };
    let rejected = integration::create(&it.operator, new).await;
    let Err(Error::Rejected(found)) = &rejected else { unreachable!("{rejected:?}") };
    let mapping: Vec<&str> = found
        .iter()
        .filter(|problem| problem.path == ["streams", "0", "mapping"])
        .map(|problem| problem.message.as_str())
        .collect();
    assert!(mapping[0].starts_with("line 1, column "), "{mapping:?}");
    assert!(mapping.iter().any(|message| message.starts_with("line 2, column ")), "{mapping:?}");
    let mut expected = vec![
        "Required name",
        "Invalid description",
        "Required streams.0.keyFields",
        "Required streams.0.cursorField",
        "Invalid streams.0.source.records",
        "Invalid streams.0.source.recrods",
        "Invalid streams.0.destination",
    ];
    expected.extend(mapping.iter().map(|_| "Invalid streams.0.mapping"));
    expected.extend([
        "Invalid streams.0.recordSchema.properties.a/b.type",
        "Invalid streams.1.name",
        "Invalid streams.1.keyFields",
        "Invalid streams.1.cursorField",
        "TooLong streams.1.source",
        "TooLong streams.1.mapping",
        "Invalid streams.1.recordSchema.$ref",
        "Invalid schedule.cron",
        "Invalid schedule.timeZone",
    ]);
    assert_eq!(problems(rejected), expected);

    let none = NewIntegration {
        streams: Vec::new(),
        ..new_integration(it.tenant.id, &"x".repeat(101), Uuid::nil(), destination.id)
    };
    let expected = ["TooLong name", "NotFound sourceId", "Required streams"];
    assert_eq!(problems(integration::create(&it.operator, none).await), expected);
    let many = NewIntegration {
        tenant_id: Some(Uuid::nil()),
        streams: (0..51).map(|number| stream(&number.to_string())).collect(),
        ..new_integration(it.tenant.id, "x", source.id, destination.id)
    };
    assert_eq!(
        problems(integration::create(&it.operator, many).await),
        ["NotFound tenantId", "LimitReached streams"]
    );
    let nobodys =
        NewIntegration { tenant_id: None, ..new_integration(it.tenant.id, "x", source.id, destination.id) };
    assert_eq!(problems(integration::create(&it.operator, nobodys).await), ["Required tenantId"]);
    let door = it.system_of(it.tenant.id, "Door", "door", json!({}), Some(json!({"word": SECRET}))).await;
    let mut to_door = new_integration(it.tenant.id, "x", door.id, door.id);
    to_door.streams[0].source = json!({});
    assert_eq!(problems(integration::create(&it.operator, to_door).await), ["Invalid destinationId"]);
    assert_eq!(all_integrations(&it.operator, IntegrationFilter::default()).await, [""; 0]);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_null_clears() {
    let it = Fixture::new().await;
    let made = it.integration().await;
    let changes = IntegrationChanges {
        description: Some(Some("Daily".to_owned())),
        schedule: Some(Some(schedule("@daily", "UTC"))),
        ..Default::default()
    };
    let changed = it.update(made.id, changes).await.unwrap();
    assert_eq!(changed.description.as_deref(), Some("Daily"));
    assert_eq!(changed.next_run_at.unwrap().to_rfc3339(), "2026-09-22T00:00:00+00:00");

    it.millis.fetch_add(1_000, Ordering::SeqCst);
    let renamed =
        it.update(made.id, IntegrationChanges { name: Some("Bills".to_owned()), ..Default::default() });
    let renamed = renamed.await.unwrap();
    let expected =
        Integration { name: "Bills".to_owned(), updated_at: renamed.updated_at, ..changed.clone() };
    assert_eq!(renamed, expected);
    assert_eq!((renamed.updated_at - changed.updated_at).num_milliseconds(), 1_000);

    let changes = IntegrationChanges { description: Some(None), schedule: Some(None), ..Default::default() };
    let cleared = it.update(made.id, changes).await.unwrap();
    assert_eq!((cleared.description, cleared.schedule_cron, cleared.next_run_at), (None, None, None));
    assert_eq!(cleared.schedule_time_zone, None);

    // New systems are checked with the streams that stay.
    let file = it.system_of(it.tenant.id, "Files", "file", json!({}), None).await;
    let moved =
        it.update(made.id, IntegrationChanges { source_id: Some(file.id), ..Default::default() }).await;
    assert_eq!(problems(moved), ["Required streams.0.source.path", "Invalid streams.0.source.records"]);
    let mut fitting = stream("orders");
    fitting.source = json!({"path": "in/orders.csv"});
    let changes =
        IntegrationChanges { source_id: Some(file.id), streams: Some(vec![fitting]), ..Default::default() };
    let moved = it.update(made.id, changes).await.unwrap();
    assert_eq!((moved.source_id, moved.destination_id), (file.id, made.destination_id));

    let changes = IntegrationChanges {
        name: Some(" ".to_owned()),
        streams: Some(Vec::new()),
        schedule: Some(Some(schedule("0 9 30 2 *", "UTC"))),
        ..Default::default()
    };
    let refused = it.update(made.id, changes).await;
    assert_eq!(problems(refused), ["Required name", "Required streams", "Invalid schedule.cron"]);
    assert_eq!(integration::get(&it.operator, made.id).await.unwrap(), Some(moved));
    assert_eq!(
        problems(it.update(Uuid::nil(), IntegrationChanges::default()).await),
        ["NotFound integrationId"]
    );
}

#[tokio::test]
async fn what_is_of_another_tenant_is_not_there() {
    let it = Fixture::new().await;
    let made = it.integration().await;
    let other = make_tenant(&it.operator, "other").await;
    let theirs = it.system_of(other.id, "Theirs", "sandbox", json!({}), None).await;

    // Not even staff joins two tenants.
    let joined = new_integration(it.tenant.id, "Joined", theirs.id, made.destination_id);
    assert_eq!(problems(integration::create(&it.operator, joined).await), ["NotFound sourceId"]);
    let changes = IntegrationChanges { destination_id: Some(theirs.id), ..Default::default() };
    assert_eq!(problems(it.update(made.id, changes).await), ["NotFound destinationId"]);

    let scopes = ["systems:write", "systems:test", "integrations:write", "integrations:operate"];
    let partner = it.partner(&scopes, &[other.id]).await;
    assert_eq!(integration::get(&partner, made.id).await.unwrap(), None);
    assert_eq!(system::get(&partner, made.source_id).await.unwrap(), None);
    assert!(system::by_ids(&partner, &[made.source_id]).await.unwrap().is_empty());
    assert_eq!(problems(system::test(&partner, made.source_id).await), ["NotFound systemId"]);
    assert_eq!(problems(system::delete(&partner, made.source_id).await), ["NotFound systemId"]);
    let update = system::update(&partner, made.source_id, SystemChanges::default()).await;
    assert_eq!(problems(update), ["NotFound systemId"]);
    let update = integration::update(&partner, made.id, IntegrationChanges::default()).await;
    assert_eq!(problems(update), ["NotFound integrationId"]);
    assert_eq!(problems(integration::pause(&partner, made.id, None).await), ["NotFound integrationId"]);
    assert_eq!(problems(integration::resume(&partner, made.id).await), ["NotFound integrationId"]);
    assert_eq!(problems(integration::archive(&partner, made.id).await), ["NotFound integrationId"]);
    let foreign = new_integration(it.tenant.id, "Foreign", theirs.id, theirs.id);
    assert_eq!(problems(integration::create(&partner, foreign).await), ["NotFound tenantId"]);
    // A caller with one tenant need not name it.
    let own = NewIntegration { tenant_id: None, ..new_integration(other.id, "Own", theirs.id, theirs.id) };
    assert_eq!(integration::create(&partner, own).await.unwrap().tenant_id, other.id);
    assert_eq!(all_integrations(&partner, IntegrationFilter::default()).await, ["Own"]);

    let reader = it.partner(&["integrations:read"], &[other.id]).await;
    assert!(matches!(integration::pause(&reader, made.id, None).await, Err(Error::Forbidden { .. })));
    assert!(matches!(domain::connector::list(&reader), Err(Error::Forbidden { .. })));
    assert_eq!(domain::connector::list(&partner).unwrap().len(), 10);
    assert_eq!(domain::connector::get(&partner, "door").unwrap().map(|door| door.title), Some("Door"));
    assert!(matches!(
        system::get(&Actor::anonymous(it.app.clone()), theirs.id).await,
        Err(Error::Unauthenticated)
    ));
}

#[tokio::test]
async fn a_pause_holds_runs_and_a_resume_lets_them_go() {
    let it = Fixture::new().await;
    let made = it.integration().await;
    let changes =
        IntegrationChanges { schedule: Some(Some(schedule("@hourly", "UTC"))), ..Default::default() };
    it.update(made.id, changes).await.unwrap();
    run::start(&it.operator, made.id, None).await.unwrap();
    assert_eq!(it.jobs().await, ["QUEUED"]);

    let paused = integration::pause(&it.operator, made.id, Some(" Stocktaking ")).await.unwrap();
    assert_eq!((paused.status, paused.status_reason.as_deref()), (Status::Paused, Some("Stocktaking")));
    assert_eq!(paused.next_run_at, None);
    run::start(&it.operator, made.id, None).await.unwrap();
    assert_eq!(it.jobs().await, ["HELD", "HELD"]);
    let again = integration::pause(&it.operator, made.id, Some("Other")).await.unwrap();
    assert_eq!(again, paused);
    let changes =
        IntegrationChanges { schedule: Some(Some(schedule("@daily", "UTC"))), ..Default::default() };
    assert_eq!(it.update(made.id, changes).await.unwrap().next_run_at, None, "a paused schedule rests");

    let resumed = integration::resume(&it.operator, made.id).await.unwrap();
    assert_eq!((resumed.status, resumed.status_reason.as_deref()), (Status::Active, None));
    assert_eq!(resumed.next_run_at.unwrap().to_rfc3339(), "2026-09-22T00:00:00+00:00");
    assert_eq!(it.jobs().await, ["QUEUED", "QUEUED"]);
    assert_eq!(integration::resume(&it.operator, made.id).await.unwrap(), resumed);

    // Held by the system: people may let it go on.
    let held = "UPDATE integration SET status = 'HELD', status_reason = 'Quality'";
    sqlx::query(held).execute(&mut it.database().await).await.unwrap();
    assert_eq!(integration::resume(&it.operator, made.id).await.unwrap().status, Status::Active);
    let paused = integration::pause(&it.operator, made.id, None).await.unwrap();
    assert_eq!(paused.status_reason.as_deref(), Some("Paused by the operator."));
    let long = "x".repeat(501);
    assert_eq!(problems(integration::pause(&it.operator, made.id, Some(&long)).await), ["TooLong reason"]);
}

#[tokio::test]
async fn an_archived_integration_ends_its_runs_and_stays_as_it_is() {
    let it = Fixture::new().await;
    let made = it.integration().await;
    let count = 103;
    for _ in 0..count {
        run::start(&it.operator, made.id, None).await.unwrap();
    }
    // One is at work.
    let claim = "UPDATE job SET status = 'RUNNING' WHERE id = (SELECT min(id) FROM job)";
    sqlx::query(claim).execute(&mut it.database().await).await.unwrap();

    let archived = integration::archive(&it.operator, made.id).await.unwrap();
    assert_eq!((archived.status, archived.next_run_at), (Status::Archived, None));
    let by_status = "SELECT status || ' ' || count(*) FROM run GROUP BY status ORDER BY status";
    assert_eq!(it.texts(by_status).await, ["CANCELED 102", "QUEUED 1"]);
    let by_status = "SELECT status || cancel_requested || ' ' || count(*) FROM job \
         GROUP BY status, cancel_requested ORDER BY status";
    assert_eq!(it.texts(by_status).await, ["DONE0 102", "RUNNING1 1"]);
    let asked = "SELECT count(*) || '' FROM run_event WHERE type = 'run.cancel_requested'";
    assert_eq!(it.texts(asked).await, ["103"]);

    assert_eq!(problems(integration::pause(&it.operator, made.id, None).await), ["Conflict integrationId"]);
    assert_eq!(problems(integration::resume(&it.operator, made.id).await), ["Conflict integrationId"]);
    assert_eq!(problems(it.update(made.id, IntegrationChanges::default()).await), ["Conflict integrationId"]);
    assert_eq!(problems(run::start(&it.operator, made.id, None).await), ["Conflict integrationId"]);
    assert_eq!(integration::archive(&it.operator, made.id).await.unwrap(), archived);

    assert_eq!(all_integrations(&it.operator, IntegrationFilter::default()).await, [""; 0]);
    let filter = IntegrationFilter { status: Some(vec![Status::Archived]), ..Default::default() };
    assert_eq!(all_integrations(&it.operator, filter).await, ["Orders"]);
    assert_eq!(integration::get(&it.operator, made.id).await.unwrap(), Some(archived));
    let again = new_integration(it.tenant.id, "Orders", made.source_id, made.destination_id);
    integration::create(&it.operator, again).await.expect("the name is free again");
}

#[tokio::test]
async fn streams_that_move_begin_anew() {
    let it = Fixture::new().await;
    let made = it.integration().await;
    let run = run::start(&it.operator, made.id, None).await.unwrap();
    let kept = || async {
        let sql =
            "SELECT (SELECT count(*) FROM stream_cursor) || ' ' || (SELECT count(*) FROM receipt_block)";
        it.texts(sql).await.remove(0)
    };
    let progress = || async {
        let sql = "INSERT OR REPLACE INTO stream_cursor (tenant_id, integration_id, stream, watermark, run_id, updated_at) \
             SELECT tenant_id, integration_id, 'orders', '{}', id, queued_at FROM run WHERE id = $1";
        let mut database = it.database().await;
        sqlx::query(sql).bind(run.id).execute(&mut database).await.unwrap();
        let sql = "INSERT OR REPLACE INTO receipt_block (tenant_id, integration_id, stream, first_key, entry_count, entries) \
             SELECT tenant_id, integration_id, 'orders', '', 1, x'00' FROM run WHERE id = $1";
        sqlx::query(sql).bind(run.id).execute(&mut database).await.unwrap();
    };
    progress().await;
    let mut more = stream("orders");
    more.source = json!({"records": 20});
    more.destination = json!({"rejectEvery": 2});
    let changes = IntegrationChanges { streams: Some(vec![more.clone()]), ..Default::default() };
    it.update(made.id, changes).await.unwrap();
    assert_eq!(kept().await, "1 1", "the same place in other ways");

    let elsewhere = it.system("Elsewhere").await;
    let to = |id: Uuid| IntegrationChanges { destination_id: Some(id), ..Default::default() };
    let claim = "UPDATE job SET status = 'RUNNING'";
    sqlx::query(claim).execute(&mut it.database().await).await.unwrap();
    assert_eq!(problems(it.update(made.id, to(elsewhere.id)).await), ["Conflict integrationId"]);
    assert_eq!(
        integration::get(&it.operator, made.id).await.unwrap().unwrap().destination_id,
        made.destination_id
    );
    assert_eq!(kept().await, "1 1");

    sqlx::query("UPDATE job SET status = 'DONE'").execute(&mut it.database().await).await.unwrap();
    it.update(made.id, to(elsewhere.id)).await.unwrap();
    assert_eq!(kept().await, "0 0", "the new destination has nothing yet");

    progress().await;
    let changes = IntegrationChanges { source_id: Some(elsewhere.id), ..Default::default() };
    it.update(made.id, changes).await.unwrap();
    assert_eq!(kept().await, "0 1", "a watermark is of its source");

    progress().await;
    let changes = IntegrationChanges { streams: Some(vec![stream("renamed")]), ..Default::default() };
    it.update(made.id, changes).await.unwrap();
    assert_eq!(kept().await, "0 0");
}

#[tokio::test]
async fn lists_filter_order_and_nest() {
    let it = Fixture::new().await;
    let made = it.integration().await;
    let other = make_tenant(&it.operator, "other").await;
    let theirs = it.system_of(other.id, "Änderungen 100%", "file", json!({}), None).await;
    let sandbox = it.system_of(other.id, "Sandbox", "sandbox", json!({}), None).await;
    let new = new_integration(other.id, "Bills", sandbox.id, sandbox.id);
    let bills = integration::create(&it.operator, new).await.unwrap();
    integration::pause(&it.operator, bills.id, None).await.unwrap();

    let filter = |search: &str| IntegrationFilter { search: Some(search.to_owned()), ..Default::default() };
    assert_eq!(all_integrations(&it.operator, IntegrationFilter::default()).await, ["Bills", "Orders"]);
    assert_eq!(all_integrations(&it.operator, filter("RDER")).await, ["Orders"]);
    assert_eq!(all_integrations(&it.operator, filter("%")).await, [""; 0]);
    let paused = IntegrationFilter { status: Some(vec![Status::Paused]), ..Default::default() };
    assert_eq!(all_integrations(&it.operator, paused).await, ["Bills"]);
    let of_tenant = IntegrationFilter { tenant_id: Some(it.tenant.id), ..Default::default() };
    assert_eq!(all_integrations(&it.operator, of_tenant).await, ["Orders"]);

    let first = PageArguments { first: Some(1), ..Default::default() };
    let tenants = [it.tenant.id, other.id];
    let all = IntegrationList::default();
    let pages = integration::pages_by_tenant(&it.operator, &tenants, &all, &first).await.unwrap();
    assert_eq!(pages[&it.tenant.id].edges[0].node, made);
    assert_eq!((pages[&other.id].edges.len(), pages[&other.id].has_next), (1, false));

    let systems = async |filter: SystemFilter| {
        let (order, page) = (SystemOrder::Name, PageArguments::default());
        let page = system::list(&it.operator, &filter, order, Direction::Ascending, &page).await.unwrap();
        names(page, |system| system.name)
    };
    assert_eq!(systems(SystemFilter::default()).await, ["Ledger", "Sandbox", "Shop", "Änderungen 100%"]);
    let search = |text: &str| SystemFilter { search: Some(text.to_owned()), ..Default::default() };
    assert_eq!(systems(search("Änder")).await, ["Änderungen 100%"]);
    assert_eq!(systems(search("0%")).await, ["Änderungen 100%"]);
    assert_eq!(systems(search("s_op")).await, [""; 0]);
    let of_connector = SystemFilter { connector: Some("file".to_owned()), ..Default::default() };
    assert_eq!(systems(of_connector).await, ["Änderungen 100%"]);
    let healthy = SystemFilter { status: Some(vec![SystemStatus::Healthy]), ..Default::default() };
    assert_eq!(systems(healthy).await, [""; 0]);
    let (order, none) = (SystemOrder::CreatedAt, SystemFilter::default());
    let pages = system::pages_by_tenant(&it.operator, &tenants, &none, order, Direction::Descending, &first)
        .await
        .unwrap();
    assert_eq!((pages[&other.id].edges[0].node.id, pages[&other.id].has_next), (sandbox.id, true));
    assert_ne!(theirs.id, sandbox.id);
    let bad = SystemFilter { connector: Some("\0".to_owned()), ..Default::default() };
    let refused = system::list(&it.operator, &bad, order, Direction::Descending, &first).await;
    assert!(matches!(refused, Err(Error::Argument { argument: "filter", .. })));
}

#[tokio::test]
async fn a_system_is_checked_whole() {
    let it = Fixture::new().await;
    let new = |connector: &str, config: Value, credentials: Option<Value>| NewSystem {
        tenant_id: Some(it.tenant.id),
        name: "Shop".to_owned(),
        connector: connector.to_owned(),
        config,
        credentials,
        rate_limit: None,
    };
    let bad = NewSystem {
        name: "\u{7}".to_owned(),
        ..new("postgres", json!({"host": 5, "x": 1}), Some(json!({"pass": SECRET})))
    };
    let rejected = system::create(&it.operator, bad).await;
    assert!(!format!("{rejected:?}").contains(SECRET));
    assert_eq!(
        problems(rejected),
        [
            "Invalid name",
            "Required config.database",
            "Invalid config.host",
            "Invalid config.x",
            "Invalid credentials.pass",
            "Required credentials.user",
        ]
    );
    let rejected = system::create(&it.operator, new("oracle", json!({}), None)).await;
    let Err(Error::Rejected(found)) = &rejected else { unreachable!() };
    assert_eq!(
        found[0].message,
        "is not a connector; there are `file`, `graphql`, `http`, `mysql`, `postgres`, `sandbox`, `singer`, `sqlite`, `webhook`, `door`"
    );
    assert_eq!(problems(rejected), ["Invalid connector"]);
    assert_eq!(
        problems(system::create(&it.operator, new(" ", json!({}), None)).await),
        ["Required connector"]
    );
    let nul = new("sqlite", json!({"path": "a\0"}), None);
    assert_eq!(problems(system::create(&it.operator, nul).await), ["Invalid config.path"]);
    let large = new("sqlite", json!({"path": "x".repeat(70_000)}), None);
    assert_eq!(problems(system::create(&it.operator, large).await), ["TooLong config"]);
    let nobodys = NewSystem { tenant_id: Some(Uuid::nil()), ..new("sandbox", json!({}), None) };
    assert_eq!(problems(system::create(&it.operator, nobodys).await), ["NotFound tenantId"]);
    assert_eq!(it.texts("SELECT name FROM system").await, [""; 0]);

    let shop = it.system("Shop").await;
    assert_eq!(
        problems(system::create(&it.operator, new("sandbox", json!({}), None)).await),
        ["Conflict name"]
    );
    let ledger = it.system("Ledger").await;
    let renamed = |name: &str| SystemChanges { name: Some(name.to_owned()), ..Default::default() };
    assert_eq!(problems(system::update(&it.operator, ledger.id, renamed("Shop")).await), ["Conflict name"]);
    assert_eq!(system::update(&it.operator, shop.id, renamed("Shop")).await.unwrap(), shop);
    let changes =
        SystemChanges { config: Some(json!({"sead": 1})), name: Some(String::new()), ..Default::default() };
    let refused = system::update(&it.operator, shop.id, changes).await;
    assert_eq!(problems(refused), ["Required name", "Invalid config.sead"]);
}

#[tokio::test]
async fn a_test_connects_for_real_and_says_what_it_found() {
    let it = Fixture::new().await;
    let sandbox = it.system("Sandbox").await;
    assert_eq!((sandbox.status, sandbox.last_tested_at), (SystemStatus::Untested, None));
    let tested = system::test(&it.operator, sandbox.id).await.unwrap();
    assert_eq!(tested.status, SystemStatus::Healthy);
    assert_eq!(tested.status_message.as_deref(), Some("The sandbox is ready, with seed 1."));
    assert_eq!(tested.last_tested_at.unwrap().timestamp_millis(), NOW_MILLIS);

    let database = it.system_of(it.tenant.id, "Database", "sqlite", json!({"path": "shop.db"}), None).await;
    let tested = system::test(&it.operator, database.id).await.unwrap();
    assert_eq!(tested.status, SystemStatus::Failing);
    assert_eq!(
        tested.status_message.as_deref(),
        Some(
            "What the settings name is not there: there is no file `shop.db`. Correct the settings, or put it back, then test again."
        )
    );
    let files = it.directory.path().join("files/acme");
    std::fs::create_dir_all(&files).unwrap();
    make_database(&files.join("shop.db")).await;
    let tested = system::test(&it.operator, database.id).await.unwrap();
    assert_eq!(tested.status, SystemStatus::Healthy, "{:?}", tested.status_message);

    let renamed = SystemChanges { name: Some("Shop".to_owned()), ..Default::default() };
    assert_eq!(
        system::update(&it.operator, database.id, renamed).await.unwrap().status,
        SystemStatus::Healthy
    );
    let same = SystemChanges { config: Some(json!({"path": "shop.db"})), ..Default::default() };
    assert_eq!(system::update(&it.operator, database.id, same).await.unwrap().status, SystemStatus::Healthy);
    let other = SystemChanges { config: Some(json!({"path": "other.db"})), ..Default::default() };
    let changed = system::update(&it.operator, database.id, other).await.unwrap();
    assert_eq!((changed.status, changed.status_message), (SystemStatus::Untested, None));
    assert_eq!(problems(system::test(&it.operator, Uuid::nil()).await), ["NotFound systemId"]);
}

async fn make_database(path: &Path) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("CREATE TABLE orders (id TEXT PRIMARY KEY)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn credentials_go_in_and_never_come_out() {
    let it = Fixture::new().await;
    let wrong = Some(json!({"word": "wrong"}));
    let door = it.system_of(it.tenant.id, "Door", "door", json!({"floor": 7}), wrong).await;
    let tested = system::test(&it.operator, door.id).await.unwrap();
    assert_eq!(tested.status, SystemStatus::ReauthRequired);
    assert_eq!(
        tested.status_message.as_deref(),
        Some(
            "The system refuses the sign-in: it knows no such word. Renew its credentials, then test it again."
        )
    );

    let changes = SystemChanges { credentials: Some(Some(json!({"word": SECRET}))), ..Default::default() };
    let changed = system::update(&it.operator, door.id, changes).await.unwrap();
    assert_eq!((changed.status, changed.has_credentials), (SystemStatus::Untested, true));
    assert!(!format!("{changed:?}").contains(SECRET));
    let changes = SystemChanges { config: Some(json!({"floor": 8})), ..Default::default() };
    system::update(&it.operator, door.id, changes).await.unwrap();
    let tested = system::test(&it.operator, door.id).await.unwrap();
    assert_eq!(tested.status, SystemStatus::Healthy, "credentials that are not named stay");
    assert_eq!(tested.status_message.as_deref(), Some("The door is open."));

    let cleared = SystemChanges { credentials: Some(None), ..Default::default() };
    assert_eq!(problems(system::update(&it.operator, door.id, cleared).await), ["Required credentials.word"]);

    // Neither the row nor anything else in the files has it in clear, other than what is not secret.
    it.app.close().await.unwrap();
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(it.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            bytes.extend(std::fs::read(path).unwrap());
        }
    }
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("floor") && holds("The door is open."));
    assert!(!holds(SECRET) && !holds("\"word\""));
    let sealed = "SELECT typeof(credentials) || ' ' || (length(credentials) > 41) FROM system";
    assert_eq!(it.texts(sealed).await, ["blob 1"]);
}

#[tokio::test]
async fn a_system_that_is_used_is_not_deleted() {
    let it = Fixture::new().await;
    let made = it.integration().await;
    let refused = system::delete(&it.operator, made.source_id).await;
    let Err(Error::Rejected(found)) = &refused else { unreachable!("{refused:?}") };
    assert_eq!(found[0].message, "this system is used by `Orders` (archived integrations count)");
    assert_eq!(problems(refused), ["Conflict systemId"]);
    integration::archive(&it.operator, made.id).await.unwrap();
    assert_eq!(problems(system::delete(&it.operator, made.destination_id).await), ["Conflict systemId"]);
    let partner = it.partner(&["systems:write"], &[it.tenant.id]).await;
    let refused = system::delete(&partner, made.source_id).await;
    assert!(!format!("{refused:?}").contains("Orders"), "its scopes show no integrations");
    assert!(system::get(&it.operator, made.source_id).await.unwrap().is_some());

    let free = it.system("Free").await;
    system::delete(&it.operator, free.id).await.unwrap();
    assert_eq!(system::get(&it.operator, free.id).await.unwrap(), None);
    assert_eq!(problems(system::delete(&it.operator, free.id).await), ["NotFound systemId"]);
}
