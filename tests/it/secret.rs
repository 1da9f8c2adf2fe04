//! The keys that encrypt what is stored: they are changed while runs go on, by a command that is killed in the middle
//! and run again; afterwards the old ones are not needed, and a database is not opened with a key of another one.
//! Deliberately absent: the keys that sign (`key`).

use std::process::Output;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::outside::Outside;
use crate::harness::trestle::Trestle;
use crate::scene::{Scene, impatient, into_table, nodes, outcome, postgres_rows, sqlite_rows, text};

/// Records that fail, so that there is something to encrypt anew for a while.
const FAILED: usize = 3_000;
/// Records of the run that goes on meanwhile.
const MOVED: usize = 1_500;
const TOKEN: &str = "bearer-token-of-the-shop";
/// How long the command may take until it begins.
const START_LIMIT: Duration = Duration::from_secs(60);
/// What the command says after its first records.
const FIRST_RECORDS: &str = "encrypted 100 values of failure.record";
/// How many keys sealed the records of failures.
const KEYS_OF_RECORDS: &str = "SELECT CAST(count(DISTINCT substr(record, 1, 17)) AS text) FROM failure";

fn key(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

/// What stands on standard output, of a command that must go well.
fn told(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Failures with a record each, of a run that ends.
async fn make_failures(scene: &Scene) -> Value {
    scene.files.write_jsonl("in.jsonl", (0..FAILED).map(|id| json!({"id": id, "secret": format!("s-{id}")})));
    let refuse = json!({
        "recordSchema": {"properties": {"secret": {"type": "number"}}}, "quality": {"maxFailedPercent": null},
    });
    let integration = scene.file_to_sqlite("in.jsonl", refuse).await;
    let run = scene.run(&integration).await;
    assert_eq!(run["counts"]["failed"], FAILED, "{run:#}");
    run
}

/// That a member of the tenant reads what failed.
async fn assert_records(member: &Client, run: &Value) {
    let query = "query($id: ID!) { run(id: $id) { failures(first: 100) { edges { node { record } } } } }";
    let found = member.query(query, json!({"id": run["id"]})).await["run"]["failures"].clone();
    let failures = nodes(&found);
    assert_eq!(failures.len(), 100);
    for failure in failures {
        assert_eq!(failure["record"]["secret"], format!("s-{}", failure["record"]["id"]), "{failure}");
    }
}

/// A system whose credentials are checked by the other side, and an integration that takes seconds to read it.
async fn slow_integration(scene: &Scene, outside: &Outside) -> (String, String) {
    outside.require_bearer(TOKEN);
    let (_without_credentials, options) = scene.slow_source(outside).await;
    let mut config = outside.config();
    config["auth"] = json!("bearer");
    let http = scene.fixture.system(&scene.tenant, "http", config, json!({"token": TOKEN})).await;
    let sqlite = scene.sqlite_system("moved.db").await;
    (http.clone(), scene.integration(&http, &sqlite, stream(options, into_table("records"))).await)
}

async fn test_status(scene: &Scene, system: &str) -> String {
    let tested = scene.admin().mutate("testSystem", json!({"systemId": system}), "system { status }").await;
    text(&tested["system"]["status"])
}

/// With the keys of now everything that was there opens: records, credentials, and the key that signed the tokens.
async fn assert_everything_opens(scene: &Scene, member: &Client, run: &Value, system: &str) {
    assert_records(member, run).await;
    assert_eq!(test_status(scene, system).await, "HEALTHY");
}

#[tokio::test]
async fn secrets_are_rotated_while_runs_go_on_killed_in_the_middle_and_resumed() {
    let setup = impatient()
        .setting("TRESTLE_SECRET_KEY", key(1))
        .setting("TRESTLE_JWT_KEY", "")
        .setting("TRESTLE_KEY_OVERLAP_SECONDS", 2);
    let mut trestle = setup.split(1).await;
    let outside = Outside::with_records(MOVED);
    let scene = Scene::of(&trestle).await;
    let failed = make_failures(&scene).await;
    let (system, integration) = slow_integration(&scene, &outside).await;
    let member = scene.person("TENANT_ADMIN").await;
    let keys = async |trestle: &Trestle| postgres_rows(&trestle.stores().database, KEYS_OF_RECORDS).await;
    assert_eq!(keys(&trestle).await, ["1"]);

    // The next key stands in front, and every process has both.
    trestle.terminate().await;
    trestle.change_setting("TRESTLE_SECRET_KEY", format!("{},{}", key(2), key(1)));
    trestle.start().await;
    assert_everything_opens(&scene, &member, &failed, &system).await;
    let run = scene.fixture.start_run(&integration).await;
    let mut command = trestle.start_command("rotation", &["admin", "rotate-secrets", "--data-keys"]);
    command.line(FIRST_RECORDS, START_LIMIT).await;
    command.kill9();
    assert_eq!(keys(&trestle).await, ["2"], "it was killed in the middle");
    assert_eq!(scene.status(&run).await, "RUNNING", "it was over too early");
    assert_records(&member, &failed).await;

    let said = told(trestle.run_once(&["admin", "rotate-secrets", "--data-keys"]));
    assert!(said.contains("nothing needs another secret key than"), "{said}");
    assert_eq!(keys(&trestle).await, ["1"]);
    let count = postgres_rows(&trestle.stores().database, "SELECT count(*)::text FROM data_key").await;
    assert_eq!(count, ["2"], "it went on with the key that was made");
    let moved = scene.fixture.finished_run(&run).await;
    assert_eq!(
        (&moved["status"], &moved["counts"]["created"]),
        (&json!("SUCCEEDED"), &json!(MOVED)),
        "{moved:#}"
    );

    // Without the old key everything is there.
    trestle.terminate().await;
    trestle.change_setting("TRESTLE_SECRET_KEY", key(2));
    trestle.start().await;
    assert_everything_opens(&scene, &member, &failed, &system).await;
    outside.heal();
    let again = scene.run(&integration).await;
    assert_eq!(again["status"], "SUCCEEDED", "{:#}", outcome(&again));

    // With the old key alone nothing starts, and one line says why.
    trestle.terminate().await;
    trestle.change_setting("TRESTLE_SECRET_KEY", key(1));
    for arguments in [&["api"][..], &["worker"], &["admin", "rotate-secrets"]] {
        let refused = trestle.run_once(arguments);
        let complaint = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{complaint}");
        let line = complaint.lines().last().unwrap();
        let expected = "trestle: TRESTLE_SECRET_KEY: is not the key that this database needs: that is ";
        assert!(line.starts_with(expected), "{complaint}");
        assert!(!complaint.contains(&key(1)) && !complaint.contains(&key(2)), "{complaint}");
    }
}

#[tokio::test]
async fn an_embedded_program_has_its_secrets_rotated_and_the_command_can_be_interrupted() {
    let setup = impatient().setting("TRESTLE_KEY_OVERLAP_SECONDS", 1);
    let mut trestle = setup.embedded().await;
    let scene = Scene::of(&trestle).await;
    let failed = make_failures(&scene).await;
    let member = scene.person("TENANT_ADMIN").await;
    let database = trestle.data_dir().join("trestle.db");
    let file = trestle.data_dir().join("secret.key");
    let old = std::fs::read_to_string(&file).unwrap();

    trestle.terminate().await;
    std::fs::write(&file, format!("{}\n{old}\n", key(2))).unwrap();
    trestle.start().await;
    let mut command = trestle.start_command("rotation", &["admin", "rotate-secrets", "--data-keys"]);
    command.line(FIRST_RECORDS, START_LIMIT).await;
    command.signal("INT");
    assert_eq!(command.exit(START_LIMIT).await.code(), Some(1));
    assert!(command.log().contains("it goes on when it is run again"), "{}", command.log());
    assert_eq!(sqlite_rows(&database, KEYS_OF_RECORDS).await, ["2"], "it was stopped in the middle");

    let said = told(trestle.run_once(&["admin", "rotate-secrets"]));
    assert!(said.contains("nothing needs another secret key than"), "{said}");
    assert_eq!(sqlite_rows(&database, KEYS_OF_RECORDS).await, ["1"]);
    trestle.terminate().await;
    std::fs::write(&file, key(2)).unwrap();
    trestle.start().await;
    assert_records(&member, &failed).await;
}
