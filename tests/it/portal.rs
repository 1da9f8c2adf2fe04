//! The portal as people use it: Playwright in a real browser (`portal/e2e`) against the real program with PostgreSQL, Redis and a
//! worker. Here is what it finds there: people of each role, orders that were refused, another tenant, and one that has very
//! much. Deliberately absent: what people do, which the tests of Playwright say, and the server's part in it (`http`).

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::harness::fixture::{Fixture, PASSWORD, Tenant, stream};
use crate::harness::postgres::{Database, PostgresServer};
use crate::harness::process::{Process, free_port};
use crate::harness::redis::Redis;
use crate::harness::trestle::{Setup, Stores, Trestle};
use crate::harness::watchdog;
use crate::scene::{Scene, changed_stream, ended, outcome, postgres_execute, postgres_rows};

/// Longer than all tests of Playwright take together on two busy cores.
const PLAYWRIGHT_LIMIT: Duration = Duration::from_secs(900);
/// Orders of a file, of which some are dearer than the table takes.
const ORDERS: usize = 40;
const DEAR: [usize; 3] = [7, 19, 31];
/// Of the tenant that has very much.
const INTEGRATIONS: usize = 1_000;
const FAILURES: usize = 100_000;

#[tokio::test]
async fn people_do_in_a_browser_what_the_portal_is_for() {
    let port = free_port();
    let server = PostgresServer::start().await;
    let stores = Stores { database: server.database().await, redis: Redis::create().await };
    let setup = Setup::new().setting("TRESTLE_ALLOWED_ORIGINS", format!("http://127.0.0.1:{port}"));
    let trestle = setup.split_on(stores, 1).await;
    let (status, _) = trestle.client().get("/index.html").await;
    assert_eq!(status, StatusCode::OK, "built without the portal: `make portal`, and build it again");

    let (own, shop, mended) = (Scene::of(&trestle).await, Shop::of(&trestle).await, Shop::of(&trestle).await);
    postgres_execute(&mended.database, "ALTER TABLE orders DROP CONSTRAINT affordable").await;
    let mut scene = town(&own).await;
    scene["url"] = json!(trestle.url());
    scene["password"] = json!(PASSWORD);
    scene["shop"] = shop.known().await;
    scene["mended"] = mended.known().await;
    scene["large"] = large(&own.fixture, &server, &trestle).await;
    scene["hostPort"] = json!(port);
    playwright(&scene).await;

    // Whatever the pages said: all orders of the shop are where they belong.
    let arrived = "SELECT CAST(count(*) AS text) FROM orders";
    assert_eq!(postgres_rows(&shop.database, arrived).await, [ORDERS.to_string()]);
}

/// Adds somebody, and gives their mail address.
async fn person(fixture: &Fixture, role: &str, tenant: Option<&Tenant>) -> String {
    let of = tenant.map_or("staff", |tenant| tenant.slug.as_str());
    let email = format!("{}@{of}.example.com", role.to_ascii_lowercase());
    let input = json!({
        "email": email, "name": format!("{} of {of}", role.replace('_', " ").to_ascii_lowercase()), "role": role,
        "password": PASSWORD, "tenantId": tenant.map(|tenant| &tenant.id),
    });
    fixture.admin().mutate("createUser", input, "user { id }").await;
    email
}

/// What is known of an integration of which a run failed in part.
async fn moved(scene: &Scene, integration: &str, source: &str, run: &Value) -> Value {
    let failure = scene.failures(run).await.remove(0);
    let query = "query($id: ID!) { failure(id: $id) { group { id } } }";
    let found = scene.admin().query(query, json!({"id": failure["id"]})).await;
    json!({
        "integration": integration, "source": source, "run": run["id"], "failure": failure["id"],
        "group": found["failure"]["group"]["id"],
    })
}

/// A tenant with people of each role, an integration that fails in part and one that takes its time; and the staff.
async fn town(scene: &Scene) -> Value {
    let mut people = json!({});
    for role in ["PLATFORM_ADMIN", "ENGINEER", "SUPPORT"] {
        people[role] = json!(person(&scene.fixture, role, None).await);
    }
    for role in ["TENANT_ADMIN", "TENANT_MEMBER", "TENANT_VIEWER"] {
        people[role] = json!(person(&scene.fixture, role, Some(&scene.tenant)).await);
    }
    let system = scene.fixture.system(&scene.tenant, "sandbox", json!({}), Value::Null).await;
    let moves = stream(json!({"records": 12}), json!({"rejectEvery": 4}));
    let integration = scene.integration(&system, &system, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 12, "created": 9, "failed": 3})), "{run:#}");
    // Each page takes a second, so that one sees it grow.
    let slow = stream(json!({"records": 25_000, "delayMs": 1_000}), json!({}));
    let slow = scene.integration(&system, &system, slow).await;
    let incident = json!({"title": "The warehouse does not answer", "systemIds": [system]});
    let incident = scene.admin().mutate("createIncident", incident, "incident { id }").await;
    let own = moved(scene, &integration, &system, &run).await;
    json!({
        "people": people, "tenant": scene.tenant.id, "own": own, "slow": slow, "incident": incident["incident"]["id"],
    })
}

/// A tenant whose orders come from a file and go into a table, which refuses those that are too dear.
struct Shop {
    scene: Scene,
    database: Database,
    source: String,
    integration: String,
    run: Value,
}

impl Shop {
    /// A new one, whose first run is over.
    async fn of(trestle: &Trestle) -> Self {
        let (scene, database) = (Scene::of(trestle).await, Database::create().await);
        let table = "CREATE TABLE orders (number text PRIMARY KEY, customer text,
            amount numeric CONSTRAINT affordable CHECK (amount < 10000))";
        postgres_execute(&database, table).await;
        let rows = (1..=ORDERS).map(|number| {
            let amount = if DEAR.contains(&number) { "25000.00" } else { "250.00" };
            vec![order(number), format!("buyer{number}@example.com"), amount.to_owned()]
        });
        scene.files.write_csv("orders.csv", &["number", "customer", "amount"], rows);
        let (source, table) = (scene.file_system().await, scene.postgres_system(&database).await);
        let integration = scene.integration(&source, &table, orders()).await;
        let run = scene.run(&integration).await;
        let counts = json!({"read": ORDERS, "created": ORDERS - DEAR.len(), "failed": DEAR.len()});
        assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
        Self { scene, database, source, integration, run }
    }

    /// What a test knows of it.
    async fn known(&self) -> Value {
        let mut known = moved(&self.scene, &self.integration, &self.source, &self.run).await;
        known["member"] = json!(person(&self.scene.fixture, "TENANT_MEMBER", Some(&self.scene.tenant)).await);
        known["file"] = json!(self.scene.files.path("orders.csv"));
        known["orders"] = DEAR.into_iter().map(order).collect();
        known
    }
}

/// The number of an order, as people know it.
fn order(number: usize) -> String {
    format!("PO-{number:04}")
}

/// The stream of orders, with rules of its own for what the table does not look at.
fn orders() -> Value {
    let rules = json!({
        "type": "object",
        "required": ["number", "customer", "amount"],
        "properties": {
            "number": {"type": "string", "title": "Order", "pattern": "^PO-[0-9]{4}$"},
            "customer": {"type": "string", "title": "Customer", "format": "email"},
            "amount": {"type": "number", "title": "Amount", "minimum": 0},
        },
    });
    let changes = json!({
        "name": "orders", "keyFields": ["number"], "mapping": ".amount = to_float!(.amount)", "recordSchema": rules,
    });
    changed_stream(json!({"path": "orders.csv"}), json!({"table": "orders"}), changes)
}

/// A tenant with a thousand integrations and a hundred thousand failures.
async fn large(fixture: &Fixture, server: &PostgresServer, trestle: &Trestle) -> Value {
    let tenant = fixture.tenant("large").await;
    let fill = include_str!("portal/large.sql")
        .replace("{tenant}", &tenant.uuid())
        .replace("{integrations}", &INTEGRATIONS.to_string())
        .replace("{failures}", &FAILURES.to_string());
    let mut url = reqwest::Url::parse(&server.superuser_url()).unwrap();
    url.set_path(reqwest::Url::parse(trestle.stores().database.url()).unwrap().path());
    // The rows are of one tenant, whoever asks: row-level security is not for whoever makes them.
    let mut superuser = PgConnection::connect(url.as_str()).await.unwrap();
    superuser.execute(AssertSqlSafe(fill)).await.expect("the rows are as the schema wants them");
    let admin = person(fixture, "TENANT_ADMIN", Some(&tenant)).await;
    json!({"admin": admin, "integrations": INTEGRATIONS, "failures": FAILURES})
}

/// Runs the tests of the portal, which say what they found.
async fn playwright(scene: &Value) {
    let portal = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../portal");
    assert!(
        portal.join("node_modules/@playwright/test").is_dir(),
        "the packages of the portal are not installed: run `make portal`"
    );
    let mut command = Command::new("npx");
    command.args(["playwright", "test"]).current_dir(&portal).env("E2E_SCENE", scene.to_string());
    // All of it is on this machine.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().to_ascii_uppercase().ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    let log = watchdog::directory("playwright").join("log");
    let mut process = Process::start("playwright", &mut command, &log, "TERM");
    let status = process.exit(PLAYWRIGHT_LIMIT).await;
    assert!(status.success(), "the tests of portal/e2e failed:\n{}", process.log());
}
