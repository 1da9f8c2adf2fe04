//! A tenant to try something with, and the questions that tests of runs ask. Most share one program, a tenant each,
//! because starting one takes seconds. Deliberately absent: faults of the program; who tests those starts one.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::harness::client::Client;
use crate::harness::files::TenantFiles;
use crate::harness::fixture::{Fixture, Tenant, stream};
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::postgres::Database;
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};

/// Lines of the shared program's log that a failed test shows.
const LOG_TAIL_LINES: usize = 60;
/// Records of a page of a slow source.
pub const SLOW_PAGE: usize = 100;
const SLOW_PAGE_DELAY: Duration = Duration::from_millis(300);
/// Everything of a failure that any viewer may ask for.
pub const FAILURE: &str =
    "id stream businessReference status category stage code responsibleParty retryable summary
    suggestedAction fieldErrors { path rule message } attempts failedAt lastAttemptAt resolvedAt httpStatus
    technicalDetail record redactions { field reason } viewerCanRetry viewerCanSkip viewerCanEdit
    run { id status }";
const RETRY: &str = "id status total resolved failed remaining requestedBy finishedAt
    runs { edges { node { id status trigger retryOf { id } } } }";

static SHARED: OnceCell<Trestle> = OnceCell::const_new();

/// One tenant of a running program.
pub struct Scene {
    /// Makes things as the PLATFORM_ADMIN.
    pub fixture: Fixture,
    /// Whose everything is.
    pub tenant: Tenant,
    /// The tenant's directory.
    pub files: TenantFiles,
    shared: Option<&'static Trestle>,
}

impl Scene {
    /// A new tenant of the program that many tests share: embedded, or with `TEST_SHARED=split` an API and two workers
    /// on PostgreSQL and Redis.
    pub async fn shared() -> Self {
        let start = async || {
            let setup = impatient();
            match std::env::var("TEST_SHARED").as_deref() {
                Ok("split") => setup.split(2).await,
                _ => setup.embedded().await,
            }
        };
        let trestle = SHARED.get_or_init(start).await;
        let mut scene = Self::of(trestle).await;
        scene.shared = Some(trestle);
        scene
    }

    /// A new tenant of this program.
    pub async fn of(trestle: &Trestle) -> Self {
        let fixture = Fixture::of(trestle).await;
        let tenant = fixture.tenant(&format!("t-{}", Uuid::now_v7().simple())).await;
        let files = trestle.files(&tenant.slug);
        Self { fixture, tenant, files, shared: None }
    }

    /// The PLATFORM_ADMIN.
    pub fn admin(&self) -> &Client {
        self.fixture.admin()
    }

    /// A new person of the tenant, or of the staff.
    pub async fn person(&self, role: &str) -> Client {
        let tenant = role.starts_with("TENANT_").then_some(&self.tenant);
        self.fixture.user(role, tenant).await
    }

    /// Access to the tenant's directory.
    pub async fn file_system(&self) -> String {
        self.fixture.system(&self.tenant, "file", json!({}), Value::Null).await
    }

    /// Access to a SQLite database in the tenant's directory.
    pub async fn sqlite_system(&self, path: &str) -> String {
        self.fixture.system(&self.tenant, "sqlite", json!({"path": path}), Value::Null).await
    }

    /// Access to a PostgreSQL database that is not the program's.
    pub async fn postgres_system(&self, database: &Database) -> String {
        let url = reqwest::Url::parse(database.url()).expect("it was connected to");
        let config = json!({
            "host": url.host_str(), "port": url.port().unwrap_or(5432), "database": &url.path()[1..],
        });
        let mut credentials = json!({"user": url.username()});
        if let Some(password) = url.password() {
            credentials["password"] = json!(password);
        }
        self.fixture.system(&self.tenant, "postgres", config, credentials).await
    }

    /// Access to an outside system, with a time-out that tests can wait for.
    pub async fn http_system(&self, outside: &Outside) -> String {
        let mut config = outside.config();
        config["timeoutMs"] = json!(1_000);
        self.fixture.system(&self.tenant, "http", config, Value::Null).await
    }

    /// Access to an outside system that takes its time for each page of [`SLOW_PAGE`] records, so that a test can
    /// interfere, and the `source` options to read it.
    pub async fn slow_source(&self, outside: &Outside) -> (String, Value) {
        outside.inject(Rule::new(Fault::Slow(SLOW_PAGE_DELAY)));
        (self.http_system(outside).await, outside.source_options(Pagination::Page))
    }

    /// An integration of one stream.
    pub async fn integration(&self, source: &str, destination: &str, stream: Value) -> String {
        self.fixture.integration(&self.tenant, source, destination, vec![stream]).await
    }

    /// An integration from a file to a table of `out.db`, which is made; `changes` to its stream.
    pub async fn file_to_sqlite(&self, path: &str, changes: Value) -> String {
        let (files, sqlite) = (self.file_system().await, self.sqlite_system("out.db").await);
        self.integration(
            &files,
            &sqlite,
            changed_stream(json!({"path": path}), into_table("records"), changes),
        )
        .await
    }

    /// Replaces the streams of an integration by this one.
    pub async fn update_stream(&self, integration: &str, stream: Value) {
        let input = json!({"integrationId": integration, "streams": [stream]});
        self.admin().mutate("updateIntegration", input, "integration { id }").await;
    }

    /// Starts a run and waits for its end.
    pub async fn run(&self, integration: &str) -> Value {
        let run = self.fixture.start_run(integration).await;
        self.fixture.finished_run(&run).await
    }

    /// Waits until the run is as wanted, and gives it.
    pub async fn run_until(&self, what: &str, run: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, SOON, async || {
            let now = self.fixture.run(run).await;
            if wanted(&now) { Ok(now) } else { Err(now) }
        })
        .await
    }

    /// The status that a run has now.
    pub async fn status(&self, run: &str) -> String {
        text(&self.fixture.run(run).await["status"])
    }

    /// The events of a run that `viewer` may read, oldest first.
    pub async fn events(&self, viewer: &Client, run: &str) -> Vec<Value> {
        let query = "query($id: ID!, $after: String) { run(id: $id) { events(first: 100, after: $after) {
            pageInfo { hasNextPage endCursor }
            edges { node { type audience component businessReference message attributes } }
        } } }";
        let mut events = Vec::new();
        let mut after = Value::Null;
        loop {
            let page = viewer.query(query, json!({"id": run, "after": after})).await["run"]["events"].clone();
            events.extend(nodes(&page));
            if page["pageInfo"]["hasNextPage"] != true {
                return events;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }

    /// The types of the events of a run, all of them.
    pub async fn event_types(&self, run: &str) -> Vec<String> {
        self.events(self.admin(), run).await.iter().map(|event| text(&event["type"])).collect()
    }

    /// Waits until a run has an event of this type.
    pub async fn event(&self, run: &str, kind: &str) -> Value {
        until(&format!("the run has the event {kind}"), SOON, async || {
            let events = self.events(self.admin(), run).await;
            let found = events.iter().find(|event| event["type"] == kind).cloned();
            found.ok_or_else(|| events.iter().map(|event| text(&event["type"])).collect::<Vec<_>>())
        })
        .await
    }

    /// A failure as `viewer` sees it.
    pub async fn failure(&self, viewer: &Client, id: &Value) -> Value {
        let query = format!("query($id: ID!) {{ failure(id: $id) {{ {FAILURE} }} }}");
        viewer.query(&query, json!({"id": id})).await["failure"].clone()
    }

    /// The failures of a run, by their references in order; those without one first.
    pub async fn failures(&self, run: &Value) -> Vec<Value> {
        let mut failures = self.fixture.failures(&text(&run["id"])).await;
        failures.sort_by_key(|failure| text(&failure["businessReference"]));
        failures
    }

    /// Waits for the end of a retry.
    pub async fn finished_retry(&self, retry: &Value) -> Value {
        let query = format!("query($id: ID!) {{ retry(id: $id) {{ {RETRY} }} }}");
        until("the retry ends", Duration::from_secs(120), async || {
            let now = self.admin().query(&query, json!({"id": retry["id"]})).await["retry"].clone();
            if matches!(now["status"].as_str(), Some("QUEUED" | "RUNNING")) { Err(now) } else { Ok(now) }
        })
        .await
    }

    /// All runs of an integration, newest first.
    pub async fn runs_of(&self, integration: &str) -> Vec<Value> {
        let query = "query($id: ID!) { integration(id: $id) { runs(first: 100) { edges { node { id status trigger } } } } }";
        nodes(&self.admin().query(query, json!({"id": integration})).await["integration"]["runs"])
    }

    /// What is at `sql` of a SQLite database in the tenant's directory; see [`sqlite_rows`].
    pub async fn sqlite_rows(&self, path: &str, sql: &str) -> Vec<String> {
        sqlite_rows(&self.files.path(path), sql).await
    }
}

impl Drop for Scene {
    #[expect(clippy::print_stderr, reason = "the test runner shows what a failed test printed")]
    fn drop(&mut self) {
        if let (true, Some(trestle)) = (std::thread::panicking(), self.shared) {
            let log = trestle.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
            eprintln!("---- log of the shared program; the tenant was {} ----\n{tail}", self.tenant.slug);
        }
    }
}

/// A program that waits a second, not fifteen, before it tries a run again whose system stayed down.
pub fn impatient() -> Setup {
    Setup::new().setting("TRESTLE_RETRY_SECONDS", 1)
}

/// [`stream`] with these of its fields changed.
pub fn changed_stream(source: Value, destination: Value, changes: Value) -> Value {
    let mut stream = stream(source, destination);
    for (name, value) in changes.as_object().expect("changes are an object") {
        stream[name] = value.clone();
    }
    stream
}

/// The `destination` options that make a table.
pub fn into_table(table: &str) -> Value {
    json!({"table": table, "createTable": true})
}

/// Status and counts of a run.
pub fn outcome(run: &Value) -> Value {
    json!({"status": run["status"], "counts": run["counts"]})
}

/// What [`outcome`] is with these counts, all others 0.
pub fn ended(status: &str, counts: Value) -> Value {
    let mut all = json!({
        "read": 0, "created": 0, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 0, "unaccounted": 0,
    });
    for (name, count) in counts.as_object().expect("counts are an object") {
        all[name] = count.clone();
    }
    json!({"status": status, "counts": all})
}

/// Some fields of a list of objects.
pub fn only(objects: &[Value], fields: &[&str]) -> Value {
    let pick = |object: &Value| -> Value {
        fields.iter().map(|field| ((*field).to_owned(), object[*field].clone())).collect()
    };
    objects.iter().map(pick).collect()
}

/// The nodes of a connection.
pub fn nodes(connection: &Value) -> Vec<Value> {
    let edges = connection["edges"].as_array().unwrap_or_else(|| panic!("no connection: {connection:#}"));
    edges.iter().map(|edge| edge["node"].clone()).collect()
}

/// A text of JSON, empty for anything else.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The one text column that `sql` gives, of a SQLite file.
pub async fn sqlite_rows(path: &Path, sql: &str) -> Vec<String> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap_or_else(|error| panic!("opening {}: {error}", path.display()));
    let rows = connection.fetch_all(AssertSqlSafe(sql.to_owned())).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

/// Changes a SQLite file, which is made if absent.
pub async fn sqlite_execute(path: &Path, sql: &str) {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap_or_else(|error| panic!("opening {}: {error}", path.display()));
    connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The one text column that `sql` gives, of a PostgreSQL database.
pub async fn postgres_rows(database: &Database, sql: &str) -> Vec<String> {
    let rows = database.connect().await.fetch_all(AssertSqlSafe(sql.to_owned())).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

/// Changes a PostgreSQL database.
pub async fn postgres_execute(database: &Database, sql: &str) {
    let done = database.connect().await.execute(AssertSqlSafe(sql.to_owned())).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
