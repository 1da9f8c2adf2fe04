//! Singer taps in the product: real ones of others, and small ones that do what a test needs. Deliberately absent: what a
//! launcher does about taps that mean harm (`connector/tests/suite/singer.rs`).

#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::connectors as mysql;
use crate::harness::fixture::stream;
use crate::harness::outside::Outside;
use crate::harness::postgres::Database;
use crate::harness::taps;
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::until;
use crate::harness::watchdog;
use crate::scene::{
    Scene, changed_stream, ended, impatient, into_table, outcome, postgres_execute, postgres_rows, text,
};

/// A tap has two seconds to end, and a killed worker's run goes on within a lease, a sweep and the waits between attempts.
const GONE_LIMIT: Duration = Duration::from_secs(60);

/// Where these taps are, as the setting has it.
fn allowed(taps: &[(&str, &Path)]) -> Setup {
    let list: Vec<String> = taps.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
    impatient().setting("TRESTLE_SINGER_TAPS", list.join(","))
}

fn real_taps() -> Setup {
    let (postgres, rest) = (taps::program("tap-postgres"), taps::program("tap-rest-api-msdk"));
    allowed(&[("tap-postgres", &postgres), ("tap-rest-api-msdk", &rest)])
}

/// A tap of a shell script, with a directory in which it and the test may leave things for each other.
fn script(text: &str) -> (PathBuf, PathBuf) {
    let directory = watchdog::directory("tap");
    let path = directory.join("tap-script");
    let at = directory.display();
    std::fs::write(&path, format!("#!/bin/sh\nAT={at}\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (path, directory)
}

async fn tap_postgres(scene: &Scene, database: &Database) -> String {
    let url = reqwest::Url::parse(database.url()).unwrap();
    let config = json!({"tap": "tap-postgres", "config": {
        "host": url.host_str(), "port": url.port().unwrap_or(5432), "database": &url.path()[1..],
        "user": url.username(), "filter_schemas": ["public"],
    }});
    let credentials = json!({"config": {"password": url.password().unwrap_or("not needed here")}});
    scene.fixture.system(&scene.tenant, "singer", config, credentials).await
}

/// A table of so many orders, each a second younger than the one before.
async fn orders(database: &Database, count: usize) {
    for sql in [
        "CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(30,10), note text, at timestamptz NOT NULL)".to_owned(),
        format!(
            "INSERT INTO orders SELECT n, n * 1000000007.0000000001, 'order ' || n, timestamptz '2026-01-01Z' + n * interval '1 s'
             FROM generate_series(1, {count}) AS n"
        ),
    ] {
        postgres_execute(database, &sql).await;
    }
}

fn incremental(destination: Value) -> Value {
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "at"});
    changed_stream(json!({"stream": "public-orders"}), destination, changes)
}

/// Nothing of a tap is left: each run of one has a directory for as long as anything of it lives.
async fn no_tap_is_left(trestle: &Trestle) {
    let runs = trestle.data_dir().join("taps");
    until("no tap is left", GONE_LIMIT, async || {
        let left = std::fs::read_dir(&runs).map_or(0, Iterator::count);
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
}

#[tokio::test]
async fn taps_are_off_until_the_operator_allows_them_by_name() {
    let scene = Scene::shared().await;
    let input = json!({
        "tenantId": scene.tenant.id, "name": "by a tap", "connector": "singer", "config": {"tap": "tap-postgres"},
    });
    let refused = scene.admin().refused("createSystem", input.clone()).await;
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(
        (refused[0].field.as_str(), refused[0].message.as_str()),
        ("config.tap", "can't be given: this installation allows none")
    );

    let (tap, _directory) = script("exit 1");
    let trestle = allowed(&[("tap-one", &tap)]).embedded().await;
    let scene = Scene::of(&trestle).await;
    let mut other = input;
    other["tenantId"] = json!(scene.tenant.id);
    let refused = scene.admin().refused("createSystem", other.clone()).await;
    assert_eq!(refused[0].message, "must be one of \"tap-one\"", "{refused:?}");
    // A path is no name.
    other["config"]["tap"] = json!(tap);
    let refused = scene.admin().refused("createSystem", other).await;
    assert_eq!(refused[0].field, "config.tap", "{refused:?}");
}

#[tokio::test]
async fn a_tap_of_a_database_goes_on_at_its_state_and_every_row_arrives_once() {
    let (trestle, from) = (real_taps().embedded().await, Database::create().await);
    let scene = Scene::of(&trestle).await;
    orders(&from, 1_200).await;
    postgres_execute(&from, "CREATE TABLE people (id bigint PRIMARY KEY)").await;
    let (tap, to) = (tap_postgres(&scene, &from).await, Database::create().await);
    let tested =
        scene.admin().mutate("testSystem", json!({"systemId": tap}), "system { status statusMessage }").await;
    assert_eq!(
        tested["system"],
        json!({"status": "HEALTHY", "statusMessage": "The tap runs, and has 2 streams: public-orders, public-people."})
    );
    postgres_execute(
        &to,
        "CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(30,10), note text, at timestamptz)",
    )
    .await;
    let postgres = scene.postgres_system(&to).await;
    let integration = scene.integration(&tap, &postgres, incremental(json!({"table": "orders"}))).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1_200, "created": 1_200})), "{run:#}");
    let all = "SELECT o::text FROM orders AS o ORDER BY id";
    assert_eq!(postgres_rows(&to, all).await, postgres_rows(&from, all).await);

    // Nothing new: the tap begins with the row that it ended with.
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1, "unchanged": 1})), "{run:#}");
    postgres_execute(&from, "INSERT INTO orders VALUES (2000, 1, 'new', '2026-02-01Z')").await;
    postgres_execute(&from, "UPDATE orders SET note = 'changed', at = '2026-02-02Z' WHERE id = 7").await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 3, "created": 1, "updated": 1, "unchanged": 1});
    assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    assert_eq!(postgres_rows(&to, all).await, postgres_rows(&from, all).await);

    // What a tap can't do is refused in words; what it can is to begin anew.
    let reset =
        |to: Value| json!({"integrationId": integration, "stream": "records", "to": to, "reason": "test"});
    let errors = scene.admin().refused("resetCursor", reset(json!("2026-02-01"))).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("INVALID", "to"), "{errors:?}");
    let range = json!({"integrationId": integration, "stream": "records", "from": "2026-01-01"});
    let errors = scene.admin().refused("startBackfill", range).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("INVALID", "stream"), "{errors:?}");
    let mut late = incremental(json!({"table": "orders"}));
    late["overlap"] = json!(60);
    let input = json!({"integrationId": integration, "streams": [late]});
    let errors = scene.admin().refused("updateIntegration", input).await;
    assert_eq!(
        (errors[0].code.as_str(), errors[0].field.as_str()),
        ("INVALID", "streams.0.overlap"),
        "{errors:?}"
    );
    scene.admin().mutate("resetCursor", reset(Value::Null), "integration { id }").await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1_201, "unchanged": 1_201})), "{run:#}");
    no_tap_is_left(&trestle).await;
}

#[tokio::test]
async fn a_tap_of_the_first_generation_finds_its_stream_by_its_name_and_numbers_stay_exact() {
    let tap = taps::program("tap-mysql");
    let trestle = allowed(&[("tap-mysql", &tap)]).embedded().await;
    let scene = Scene::of(&trestle).await;
    let setup = "CREATE TABLE orders (id INT PRIMARY KEY, amount DECIMAL(30,10), at DATETIME NOT NULL);
        INSERT INTO orders VALUES (1, 12345678901234567890.0000000001, '2026-01-01'), (2, -0.1, '2026-01-02'), (3, NULL, '2026-01-03');
        CREATE TABLE people (id INT PRIMARY KEY)";
    let from = mysql::Database::create(setup).await;
    let config = json!({"host": "127.0.0.1", "port": from.server.port, "user": mysql::mysql_server::USER, "database": from.name});
    let credentials = json!({"config": {"password": mysql::mysql_server::PASSWORD}});
    let config = json!({"tap": "tap-mysql", "config": config});
    let system = scene.fixture.system(&scene.tenant, "singer", config, credentials).await;
    let to = Database::create().await;
    postgres_execute(
        &to,
        "CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(30,10), at timestamptz)",
    )
    .await;
    let postgres = scene.postgres_system(&to).await;
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "at"});
    let moves = changed_stream(json!({"stream": "orders"}), json!({"table": "orders"}), changes);
    let integration = scene.integration(&system, &postgres, moves).await;
    for counts in [json!({"read": 3, "created": 3}), json!({"read": 1, "unchanged": 1})] {
        let run = scene.run(&integration).await;
        assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    }
    let amounts = "SELECT coalesce(amount::text, '') FROM orders ORDER BY id";
    assert_eq!(postgres_rows(&to, amounts).await, ["12345678901234567890.0000000001", "-0.1000000000", ""]);
    no_tap_is_left(&trestle).await;
}

#[tokio::test]
async fn a_worker_that_is_killed_leaves_no_tap_behind_and_its_run_goes_on_with_every_row() {
    const ROWS: usize = 60_000;
    let from = Database::create().await;
    let mut trestle = real_taps().lease_seconds(2).embedded().await;
    let scene = Scene::of(&trestle).await;
    orders(&from, ROWS).await;
    let (tap, to) = (tap_postgres(&scene, &from).await, Database::create().await);
    let postgres = scene.postgres_system(&to).await;
    let integration = scene.integration(&tap, &postgres, incremental(into_table("orders"))).await;
    let run = scene.fixture.start_run(&integration).await;
    let read = |run: &Value| run["counts"]["read"].as_u64().unwrap_or_default() as usize;
    let now = scene.run_until("some pages are done", &run, |run| read(run) >= 10_000).await;
    assert_eq!(now["status"], "RUNNING", "it was over too early: {now:#}");
    trestle.kill9();
    no_tap_is_left(&trestle).await;
    trestle.start().await;
    let run = scene.fixture.finished_run(&run).await;
    let count = |name: &str| run["counts"][name].as_u64().unwrap() as usize;
    assert_eq!(
        (text(&run["status"]).as_str(), count("failed"), count("unaccounted")),
        ("SUCCEEDED", 0, 0),
        "{run:#}"
    );
    assert_eq!(
        count("created") + count("updated") + count("unchanged") + count("skipped"),
        count("read"),
        "{run:#}"
    );
    assert!(count("read") >= ROWS && count("created") <= ROWS, "{run:#}");
    let rows =
        "SELECT concat_ws(' ', count(*), min(id::bigint), max(id::bigint), count(DISTINCT note)) FROM orders";
    assert_eq!(postgres_rows(&to, rows).await, [format!("{ROWS} 1 {ROWS} {ROWS}")]);
    no_tap_is_left(&trestle).await;
}

#[tokio::test]
async fn a_tap_of_an_api_reads_page_by_page_and_its_failure_is_told_without_its_secret() {
    const TOKEN: &str = "t0ken-7c1f-of-the-api";
    let (trestle, outside) = (real_taps().embedded().await, Outside::with_records(250));
    outside.require_bearer(TOKEN);
    let scene = Scene::of(&trestle).await;
    let fields = json!({"id": {}, "email": {}, "amount": {}, "updatedAt": {}});
    let schema = json!({"type": "object", "properties": fields});
    let config = json!({"tap": "tap-rest-api-msdk", "config": {
        "api_url": outside.url(), "auth_method": "bearer_token",
        "next_page_token_path": "$.meta.next", "pagination_next_page_param": "after",
        "streams": [{
            "name": "orders", "path": "/source/cursor", "records_path": "$.data[*]", "primary_keys": ["id"], "schema": schema,
        }],
    }});
    let system = async |token: &str| {
        let credentials = json!({"config": {"bearer_token": token}});
        scene.fixture.system(&scene.tenant, "singer", config.clone(), credentials).await
    };
    let sqlite = scene.sqlite_system("out.db").await;
    let moves = || stream(json!({"stream": "orders"}), into_table("records"));
    let integration = scene.integration(&system(TOKEN).await, &sqlite, moves()).await;
    for counts in [json!({"read": 250, "created": 250}), json!({"read": 250, "unchanged": 250})] {
        let run = scene.run(&integration).await;
        assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    }
    let ids = "SELECT concat_ws(' ', count(*), min(id), max(id)) FROM records";
    assert_eq!(scene.sqlite_rows("out.db", ids).await, ["250 R-00001 R-00250"]);

    let wrong = format!("{TOKEN}-wrong");
    let integration = scene.integration(&system(&wrong).await, &sqlite, moves()).await;
    let run = scene.run(&integration).await;
    assert_eq!(text(&run["failure"]["code"]), "source.unauthorized", "{run:#}");
    let failure = scene.failures(&run).await.remove(0);
    let detail = text(&failure["technicalDetail"]);
    assert!(detail.contains("401"), "{detail}");
    assert!(!failure.to_string().contains(TOKEN) && !trestle.log().contains(TOKEN), "{failure:#}");
    no_tap_is_left(&trestle).await;
}

#[tokio::test]
async fn credentials_that_a_tap_renews_are_the_next_runs_unless_a_person_gave_others() {
    // Gives its token as a record, and renews it by one more letter; waits behind that where the test asks it to.
    let (tap, directory) = script(
        r#"case "$*" in *--discover*) echo '{"streams": [{"tap_stream_id": "orders"}]}'; exit 0;; esac
TOKEN=$(sed 's/.*"token": *"\([^"]*\)".*/\1/' "$2")
echo '{"token": "'$TOKEN'x"}' > "$2"
echo '{"type": "RECORD", "stream": "orders", "record": {"id": "'$TOKEN'"}}'
touch "$AT/renewed"
while [ -e "$AT/wait" ]; do sleep 0.05; done"#,
    );
    let trestle = allowed(&[("tap-one", &tap)]).embedded().await;
    let scene = Scene::of(&trestle).await;
    let credentials = json!({"config": {"token": "token-"}});
    let system = scene.fixture.system(&scene.tenant, "singer", json!({"tap": "tap-one"}), credentials).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let moves = stream(json!({"stream": "orders"}), into_table("records"));
    let integration = scene.integration(&system, &sqlite, moves).await;
    for _ in 0..3 {
        let run = scene.run(&integration).await;
        assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1, "created": 1})), "{run:#}");
    }
    let ids = async || scene.sqlite_rows("out.db", "SELECT id FROM records ORDER BY id").await;
    assert_eq!(ids().await, ["token-", "token-x", "token-xx"]);
    let stored = "system { hasCredentials status }";
    let tested = scene.admin().mutate("testSystem", json!({"systemId": system}), stored).await;
    assert_eq!(tested["system"], json!({"hasCredentials": true, "status": "HEALTHY"}));

    // A person gives others while the tap has renewed those before, and is not done yet.
    std::fs::remove_file(directory.join("renewed")).unwrap();
    std::fs::write(directory.join("wait"), "").unwrap();
    let run = scene.fixture.start_run(&integration).await;
    until("it has renewed its token", GONE_LIMIT, async || {
        if directory.join("renewed").exists() { Ok(()) } else { Err("not yet") }
    })
    .await;
    let input = json!({"systemId": system, "credentials": {"config": {"token": "person-"}}});
    scene.admin().mutate("updateSystem", input, "system { id }").await;
    std::fs::remove_file(directory.join("wait")).unwrap();
    scene.fixture.finished_run(&run).await;
    scene.run(&integration).await;
    let now = ids().await;
    assert!(now.contains(&"person-".to_owned()) && now.len() == 5, "{now:?}");
    assert!(!trestle.log().contains("token-x"), "no token is logged");
    no_tap_is_left(&trestle).await;
}
