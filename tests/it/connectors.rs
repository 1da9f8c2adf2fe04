//! Connectors that no other module uses, in the product: systems, integrations and failures of them, with real servers.
//! Deliberately absent: what every connector must do (`connector/tests/contract`), and all that is beneath the engine.

#[path = "../../connector/tests/servers/mysql.rs"]
pub mod mysql_server;

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, MySqlConnection, Row};
use uuid::Uuid;

use self::mysql_server::{PASSWORD, Server, USER};
use crate::harness::fixture::stream;
use crate::scene::{Scene, changed_stream, ended, into_table, outcome};

/// A database of one test.
pub struct Database {
    pub server: Arc<Server>,
    pub name: String,
    sql: MySqlConnection,
}

impl Database {
    pub async fn create(setup: &str) -> Self {
        let server = Server::shared();
        let name = format!("it_{}", Uuid::now_v7().simple());
        let options =
            MySqlConnectOptions::new().host("127.0.0.1").port(server.port).username(USER).password(PASSWORD);
        let mut sql = options.ssl_mode(MySqlSslMode::Disabled).connect().await.unwrap();
        let setup = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4; USE {name}; {setup}");
        sqlx::raw_sql(AssertSqlSafe(setup)).execute(&mut sql).await.unwrap();
        Self { server, name, sql }
    }

    async fn system(&self, scene: &Scene) -> String {
        let config = json!({
            "host": "127.0.0.1", "port": self.server.port, "database": self.name,
            "sslMode": "verify-ca", "sslRootCert": self.server.ca,
        });
        scene
            .fixture
            .system(&scene.tenant, "mysql", config, json!({"user": USER, "password": PASSWORD}))
            .await
    }

    async fn execute(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.sql).await.unwrap();
    }

    async fn rows(&mut self, sql: &str) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.sql).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// The program's own API as an outside one: the tenant's sandboxes, two a page.
async fn own_api(scene: &Scene) -> (String, Value) {
    let config = json!({"url": format!("{}/graphql", scene.admin().url()), "auth": "bearer"});
    let credentials = json!({"token": scene.admin().token()});
    let system = scene.fixture.system(&scene.tenant, "graphql", config, credentials).await;
    let query = "query ($tenant: ID!, $after: String, $size: Int) {
        systems(filter: {tenantId: $tenant, connector: \"sandbox\"}, after: $after, first: $size) {
          edges { node { id name status } } pageInfo { hasNextPage endCursor } } }";
    let source = json!({
        "query": query, "variables": {"tenant": scene.tenant.id}, "recordsPath": "/data/systems/edges",
        "pagination": {"kind": "relay", "sizeVariable": "size", "size": 2},
    });
    (system, source)
}

#[tokio::test]
async fn a_graphql_api_goes_into_mysql_and_from_there_on() {
    let scene = Scene::shared().await;
    let mut database = Database::create("").await;
    for number in 1..=5 {
        let input =
            json!({"tenantId": scene.tenant.id, "name": format!("box {number}"), "connector": "sandbox"});
        scene.admin().mutate("createSystem", input, "system { id }").await;
    }
    let ((api, source), mysql) = (own_api(&scene).await, database.system(&scene).await);
    let integration = scene.integration(&api, &mysql, stream(source, into_table("boxes"))).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 5, "created": 5})), "{run:#}");
    let names = database.rows("SELECT name FROM boxes ORDER BY name").await;
    assert_eq!(names, ["box 1", "box 2", "box 3", "box 4", "box 5"]);
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 5, "unchanged": 5})), "{run:#}");

    // Somebody changes the destination by hand: it is what the source says again.
    database
        .execute(
            "UPDATE boxes SET name = 'mine' WHERE name = 'box 2'; DELETE FROM boxes WHERE name = 'box 3'",
        )
        .await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 5, "created": 1, "updated": 1, "unchanged": 3});
    assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");

    let sqlite = scene.sqlite_system("boxes.db").await;
    let moves = changed_stream(
        json!({"query": "SELECT id, name FROM boxes"}),
        into_table("boxes"),
        json!({"mode": "INCREMENTAL", "cursorField": "name"}),
    );
    let onwards = scene.integration(&mysql, &sqlite, moves).await;
    let run = scene.run(&onwards).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 5, "created": 5})), "{run:#}");
    database.execute("INSERT INTO boxes (id, name, status) VALUES ('new', 'box 6', 'ACTIVE')").await;
    let run = scene.run(&onwards).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1, "created": 1})), "{run:#}");
    let names = scene.sqlite_rows("boxes.db", "SELECT name FROM boxes ORDER BY name").await;
    assert_eq!(names, ["box 1", "box 2", "box 3", "box 4", "box 5", "box 6"]);
}

#[tokio::test]
async fn a_row_that_mysql_refuses_is_a_failure_that_can_be_edited_and_retried() {
    let scene = Scene::shared().await;
    let table = "CREATE TABLE orders (number VARCHAR(20) PRIMARY KEY, amount DECIMAL(10,2) NOT NULL, email VARCHAR(20) UNIQUE)";
    let mut database = Database::create(table).await;
    let row = |fields: [&str; 3]| fields.map(str::to_owned).to_vec();
    let rows = [
        row(["1", "1.50", "a@x"]),
        row(["2", "many", "b@x"]),
        row(["3", "3", "a@x"]),
        row(["4", "4", "d@x"]),
    ];
    scene.files.write_csv("orders.csv", &["number", "amount", "email"], rows);
    let (files, mysql) = (scene.file_system().await, database.system(&scene).await);
    let moves = changed_stream(
        json!({"path": "orders.csv"}),
        json!({"table": "orders"}),
        json!({"keyFields": ["number"]}),
    );
    let integration = scene.integration(&files, &mysql, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 4, "created": 2, "failed": 2})), "{run:#}");

    let told = scene.failures(&run).await;
    let of = |index: usize, path: &str, rule: &str| {
        let failure = &told[index];
        assert_eq!(failure["code"], json!("destination.rejected"), "{failure:#}");
        assert_eq!(failure["fieldErrors"][0]["path"], json!(path), "{failure:#}");
        assert_eq!(failure["fieldErrors"][0]["rule"], json!(rule), "{failure:#}");
    };
    of(0, "/amount", "type");
    of(1, "/email", "unique");

    let edited = json!({"number": "2", "amount": "2.25", "email": "b@x"});
    let input = json!({"failureId": told[0]["id"], "record": edited});
    let member = scene.person("TENANT_ADMIN").await;
    let retry = member.mutate("editAndRetryFailure", input, "retry { id }").await;
    scene.finished_retry(&retry["retry"]).await;
    let all = database.rows("SELECT CONCAT_WS(' ', number, amount, email) FROM orders ORDER BY number").await;
    assert_eq!(all, ["1 1.50 a@x", "2 2.25 b@x", "4 4.00 d@x"]);
}
