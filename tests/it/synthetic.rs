//! Synthetic checks: a test record goes the whole way of an integration and leaves nothing behind, neither at the destination
//! nor in anything that is counted; what does not work is told once, and that it works again.

mod destination;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::harness::client::Client;
use crate::harness::outside::{Outside, Pagination};
use crate::harness::postgres::Database;
use crate::harness::wait::{SOON, until};
use crate::reconciliation::{assert_matched, reconcile};
use crate::scene::{Scene, changed_stream, impatient, nodes, postgres_execute, postgres_rows, text};

const CHECK: &str = "stream record everySeconds remove nextAt isUnderWay failingSince leftBehind setBy
    schedule { cron timeZone }
    lastResult { id status stream stage code reason suggestedAction mark isVerified isRemoved triggeredBy
        durations { stage ms } startedAt finishedAt }
    failed: results(first: 100, filter: {status: [FAILED]}) { edges { node { id } } }
    results(first: 100) { edges { node { id status stage code triggeredBy } } }";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr";
/// Longer than any test.
const SELDOM: u64 = 86_400;

async fn set(scene: &Scene, integration: &str, changes: Value) {
    let mut input =
        json!({"integrationId": integration, "stream": "records", "record": {"id": "{synthetic}"}});
    for (name, value) in changes.as_object().expect("changes are an object") {
        input[name] = value.clone();
    }
    scene.admin().mutate("setSyntheticCheck", input, "integration { id }").await;
}

async fn check(viewer: &Client, integration: &str) -> Value {
    let query = format!("query($id: ID!) {{ integration(id: $id) {{ syntheticCheck {{ {CHECK} }} }} }}");
    viewer.query(&query, json!({"id": integration})).await["integration"]["syntheticCheck"].clone()
}

/// The check once it has so many results. It is asked for once more then: of one answer the check is read before them.
async fn with_results(scene: &Scene, integration: &str, count: usize) -> Value {
    until(&format!("{count} results"), SOON, async || {
        let now = check(scene.admin(), integration).await;
        if now.is_object() && nodes(&now["results"]).len() >= count { Ok(()) } else { Err(now) }
    })
    .await;
    check(scene.admin(), integration).await
}

async fn run_now(scene: &Scene, integration: &str) {
    let input = json!({"integrationId": integration});
    scene.admin().mutate("runSyntheticCheck", input, "integration { id }").await;
}

/// What is counted of an integration's runs and how it is, and how many runs it has.
async fn counted(scene: &Scene, integration: &str) -> Value {
    let query = "query($id: ID!) { integration(id: $id) {
        health { status metrics { runs { succeeded partial failed canceled } records { read created failed } } }
        runs(first: 100) { edges { node { id status counts { read created } } } }
        failures(first: 100) { edges { node { id } } } } }";
    scene.admin().query(query, json!({"id": integration})).await["integration"].clone()
}

/// Stages that took their time, in their order.
fn stages(result: &Value) -> Vec<String> {
    result["durations"].as_array().unwrap().iter().map(|one| text(&one["stage"])).collect()
}

#[tokio::test]
async fn a_test_record_passes_leaves_no_row_and_counts_nowhere() {
    let scene = Scene::shared().await;
    scene.files.write_csv(
        "in.csv",
        &["id", "total"],
        (1..=3).map(|n| vec![format!("PO-{n}"), n.to_string()]),
    );
    let changes = json!({
        "mapping": ".total = to_int!(.total)", "recordSchema": {"required": ["id", "total"]},
        "deletions": {"action": "DELETE", "maxPercent": 100},
    });
    let integration = scene.file_to_sqlite("in.csv", changes).await;
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");
    let before = counted(&scene, &integration).await;
    let rows = async || scene.sqlite_rows("out.db", "SELECT id FROM records ORDER BY id").await;
    assert_eq!(rows().await, ["PO-1", "PO-2", "PO-3"]);

    let record = json!({"id": "PO-{synthetic}", "total": "7"});
    set(&scene, &integration, json!({"record": record, "everySeconds": SELDOM})).await;
    let passed = with_results(&scene, &integration, 1).await;
    let result = &passed["lastResult"];
    assert_eq!(
        (&result["status"], &result["isVerified"], &result["isRemoved"]),
        (&json!("PASSED"), &json!(true), &json!(true)),
        "{passed:#}"
    );
    for field in ["stage", "code", "reason", "suggestedAction"] {
        assert_eq!(result[field], Value::Null, "{field}: {passed:#}");
    }
    assert_eq!(stages(result), ["MAP", "WRITE", "READ_BACK", "REMOVE"]);
    assert_eq!(result["triggeredBy"], "the schedule");
    assert!(text(&result["mark"]).starts_with("trestle-test-"), "{passed:#}");
    assert_eq!((&passed["record"], &passed["everySeconds"]), (&record, &json!(SELDOM)));
    assert_eq!((&passed["failingSince"], &passed["leftBehind"]), (&Value::Null, &Value::Null));

    run_now(&scene, &integration).await;
    let again = with_results(&scene, &integration, 2).await;
    assert_ne!(again["lastResult"]["mark"], result["mark"], "each has a mark of its own");
    assert_ne!(again["lastResult"]["triggeredBy"], "the schedule");

    assert_eq!(rows().await, ["PO-1", "PO-2", "PO-3"]);
    assert_eq!(counted(&scene, &integration).await, before);
    assert_matched(&reconcile(&scene, &integration).await, 3);
    // A run that removes what is gone from the source knows of no test record.
    let run = scene.run(&integration).await;
    assert_eq!((&run["status"], &run["counts"]["unchanged"]), (&json!("SUCCEEDED"), &json!(3)), "{run:#}");

    let remove = json!({"integrationId": integration});
    scene.admin().mutate("removeSyntheticCheck", remove, "integration { id }").await;
    assert_eq!(check(scene.admin(), &integration).await, Value::Null);
}

#[tokio::test]
async fn postgresql_takes_a_numeric_key_and_says_what_changes_a_record() {
    let (scene, database) = (Scene::shared().await, Database::create().await);
    postgres_execute(&database, "CREATE TABLE orders (id int PRIMARY KEY, note text)").await;
    scene.files.write("in.csv", "id,note\n1,one\n");
    let (files, postgres) = (scene.file_system().await, scene.postgres_system(&database).await);
    let moves = changed_stream(json!({"path": "in.csv"}), json!({"table": "orders"}), json!({}));
    let integration = scene.integration(&files, &postgres, moves).await;
    set(&scene, &integration, json!({"record": {"id": "{syntheticNumber}", "note": "{now}"}})).await;
    assert_eq!(check(scene.admin(), &integration).await["nextAt"], Value::Null, "on demand");
    run_now(&scene, &integration).await;
    let passed = with_results(&scene, &integration, 1).await["lastResult"].clone();
    assert_eq!((&passed["status"], &passed["isVerified"]), (&json!("PASSED"), &json!(true)), "{passed:#}");

    postgres_execute(
        &database,
        "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note = 'theirs'; RETURN NEW; END $$;",
    )
    .await;
    let trigger = "CREATE TRIGGER change BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION change()";
    postgres_execute(&database, trigger).await;
    run_now(&scene, &integration).await;
    let now = with_results(&scene, &integration, 2).await;
    let failed = now["lastResult"].clone();
    assert_eq!(nodes(&now["failed"]), [json!({"id": failed["id"]})], "the one that passed is no such");
    assert_eq!(
        (&failed["status"], &failed["stage"], &failed["code"], &failed["isRemoved"]),
        (&json!("FAILED"), &json!("COMPARE"), &json!("synthetic.different"), &json!(true)),
        "{failed:#}"
    );
    assert!(text(&failed["reason"]).starts_with("The test record "), "{failed:#}");
    assert_eq!(postgres_rows(&database, "SELECT id::text FROM orders").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_destination_that_is_down_is_told_once_and_so_is_that_it_is_back() {
    let (scene, mut outside, receiver) = (Scene::shared().await, Outside::start(), Outside::start());
    let admin = scene.person("TENANT_ADMIN").await;
    let hook = json!({
        "name": "hook", "kind": "WEBHOOK", "url": format!("{}/hook", receiver.url()), "secret": SECRET,
    });
    let made = admin.mutate("createNoticeChannel", hook, "noticeChannel { id }").await;
    let channel = text(&made["noticeChannel"]["id"]);
    let policy = json!({"name": "all", "channelIds": [channel], "selectors": {}});
    admin.mutate("createNoticePolicy", policy, "noticePolicy { id }").await;
    let told = async || {
        let query = "query($filter: NoticeFilter) { notices(first: 100, filter: $filter) { edges { node { items { kind } } } } }";
        let notices = admin.query(query, json!({"filter": {"channelId": channel}})).await;
        let mut kinds: Vec<String> = nodes(&notices["notices"])
            .iter()
            .flat_map(|notice| notice["items"].as_array().unwrap().iter().map(|item| text(&item["kind"])))
            .collect();
        kinds.sort();
        kinds
    };
    let system = scene.http_system(&outside).await;
    let moves =
        changed_stream(outside.source_options(Pagination::Page), outside.destination_options(), json!({}));
    let integration = scene.integration(&system, &system, moves).await;
    outside.go_away();
    set(&scene, &integration, json!({"remove": false})).await;
    for count in 1..=2 {
        run_now(&scene, &integration).await;
        let failed = with_results(&scene, &integration, count).await;
        let result = &failed["lastResult"];
        assert_eq!(
            (&result["status"], &result["stage"], &result["code"]),
            (&json!("FAILED"), &json!("WRITE"), &json!("destination.unavailable")),
            "{failed:#}"
        );
        assert!(failed["failingSince"].is_string(), "{failed:#}");
    }
    let query = "query($id: ID!) { integration(id: $id) { health { status reasons { code } } } }";
    let health =
        scene.admin().query(query, json!({"id": integration})).await["integration"]["health"].clone();
    let reasons = json!([{"code": "SYNTHETIC_FAILED"}, {"code": "NOT_RUN_YET"}]);
    assert_eq!((&health["status"], &health["reasons"]), (&json!("DEGRADED"), &reasons));

    outside.come_back();
    run_now(&scene, &integration).await;
    let passed = with_results(&scene, &integration, 3).await;
    let result = &passed["lastResult"];
    assert_eq!(
        (&result["status"], &result["isVerified"], &result["isRemoved"], &passed["failingSince"]),
        (&json!("PASSED"), &json!(false), &json!(false), &Value::Null),
        "it can't be asked, and keeps the record: {passed:#}"
    );
    let mark = text(&result["mark"]);
    assert_eq!(outside.records().keys().cloned().collect::<Vec<_>>(), std::slice::from_ref(&mark));
    // Where it stays, it is always the same.
    run_now(&scene, &integration).await;
    assert_eq!(with_results(&scene, &integration, 4).await["lastResult"]["mark"], json!(mark));
    assert_eq!(outside.records().len(), 1);
    until("both were told", SOON, async || {
        let kinds = told().await;
        if kinds == ["SYNTHETIC_FAILED", "SYNTHETIC_PASSED"] { Ok(()) } else { Err(kinds) }
    })
    .await;
}

#[tokio::test]
async fn what_a_killed_worker_left_is_removed_before_the_next_record_is_sent() {
    let database = Database::create().await;
    postgres_execute(&database, "CREATE TABLE orders (id text PRIMARY KEY)").await;
    let function = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                    PERFORM pg_advisory_xact_lock(4711); RETURN OLD; END $$";
    postgres_execute(&database, function).await;
    let trigger = "CREATE TRIGGER wait BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION wait()";
    postgres_execute(&database, trigger).await;
    let mut held = database.connect().await;
    held.execute(AssertSqlSafe("SELECT pg_advisory_lock(4711)".to_owned())).await.expect("it is free");

    let mut trestle = impatient().lease_seconds(2).split(1).await;
    let scene = Scene::of(&trestle).await;
    scene.files.write("in.csv", "id\n1\n");
    let (files, postgres) = (scene.file_system().await, scene.postgres_system(&database).await);
    let moves = changed_stream(json!({"path": "in.csv"}), json!({"table": "orders"}), json!({}));
    let integration = scene.integration(&files, &postgres, moves).await;
    set(&scene, &integration, json!({"everySeconds": SELDOM})).await;
    let keys = async || postgres_rows(&database, "SELECT id FROM orders").await;
    let waiting = "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
    until("its record is written, and waits to be removed", SOON, async || {
        let pids = postgres_rows(&database, waiting).await;
        if pids.is_empty() { Err(pids) } else { Ok(()) }
    })
    .await;
    let left = keys().await;
    assert_eq!((left.len(), left[0].starts_with("trestle-test-")), (1, true), "{left:?}");
    let now = check(scene.admin(), &integration).await;
    assert_eq!((&now["leftBehind"], &now["isUnderWay"]), (&json!(left[0]), &json!(true)), "{now:#}");
    assert_eq!(now["lastResult"], Value::Null);

    trestle.worker(0).kill9();
    let end = waiting.replace("pid::text", "pg_terminate_backend(pid)::text");
    assert_eq!(postgres_rows(&database, &end).await, ["true"]);
    assert_eq!(keys().await, left, "nobody removed it");
    held.execute(AssertSqlSafe("SELECT pg_advisory_unlock(4711)".to_owned())).await.expect("it is held");
    trestle.add_worker();
    let passed = with_results(&scene, &integration, 1).await;
    assert_eq!(passed["lastResult"]["status"], "PASSED", "{passed:#}");
    assert_eq!(stages(&passed["lastResult"]), ["REMOVE", "MAP", "WRITE", "READ_BACK", "REMOVE"]);
    assert_ne!(passed["lastResult"]["mark"], json!(left[0]));
    assert_eq!((&passed["leftBehind"], nodes(&passed["results"]).len()), (&Value::Null, 1));
    assert_eq!(keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_record_that_could_replace_a_real_one_or_proves_nothing_is_not_written() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id\na\n");
    for (program, code) in [
        (".id = \"a\"", "synthetic.unmarked"),
        ("abort", "synthetic.left_out"),
        (".id = to_int!(.id)", "record.mapping_failed"),
    ] {
        let integration = scene.file_to_sqlite("in.csv", json!({"mapping": program})).await;
        set(&scene, &integration, json!({})).await;
        run_now(&scene, &integration).await;
        let failed = with_results(&scene, &integration, 1).await;
        let result = &failed["lastResult"];
        assert_eq!(
            (&result["status"], &result["stage"], &result["code"], &result["isRemoved"]),
            (&json!("FAILED"), &json!("MAP"), &json!(code), &json!(true)),
            "{failed:#}"
        );
        assert_eq!(stages(result), ["MAP"]);
        assert!(!text(&result["suggestedAction"]).is_empty(), "{failed:#}");
    }
    let strict = json!({"recordSchema": {"required": ["total"]}});
    let integration = scene.file_to_sqlite("in.csv", strict).await;
    set(&scene, &integration, json!({})).await;
    run_now(&scene, &integration).await;
    let failed = with_results(&scene, &integration, 1).await["lastResult"].clone();
    assert_eq!(
        (&failed["stage"], &failed["code"]),
        (&json!("VALIDATE"), &json!("record.schema_violation")),
        "{failed:#}"
    );
    assert!(!scene.files.path("out.db").exists(), "nothing was ever written");
}

#[tokio::test]
async fn what_cannot_be_checked_is_refused_in_words() {
    let (scene, outside) = (Scene::shared().await, Outside::start());
    scene.files.write("in.csv", "id\na\n");
    let sqlite = scene.file_to_sqlite("in.csv", json!({})).await;
    let (files, http) = (scene.file_system().await, scene.http_system(&outside).await);
    let reads = json!({"path": "in.csv"});
    let to_file = changed_stream(reads.clone(), json!({"path": "out.csv"}), json!({}));
    let file = scene.integration(&files, &files, to_file).await;
    let to_api = changed_stream(reads, outside.destination_options(), json!({}));
    let api = scene.integration(&files, &http, to_api).await;
    let good = json!({"id": "{synthetic}"});
    let daily = json!({"cron": "@daily"});
    for (integration, changes, expected) in [
        (&sqlite, json!({"stream": "other"}), "NOT_FOUND stream"),
        (&sqlite, json!({"record": {"id": "a", "note": "{synthetic}"}}), "INVALID record"),
        (&sqlite, json!({"record": {"id": "no. {syntheticNumber}"}}), "INVALID record"),
        (&sqlite, json!({"record": ["{synthetic}"]}), "INVALID record"),
        (&sqlite, json!({"record": {"id": "{synthetic}", "note": "a\0b"}}), "INVALID record.note"),
        (&sqlite, json!({"everySeconds": 59}), "INVALID everySeconds"),
        (&sqlite, json!({"everySeconds": 604_801}), "INVALID everySeconds"),
        (&sqlite, json!({"everySeconds": 60, "schedule": daily}), "INVALID everySeconds"),
        (&sqlite, json!({"schedule": {"cron": "never"}}), "INVALID schedule.cron"),
        (&file, json!({}), "INVALID stream"),
        (&file, json!({"remove": false}), "INVALID stream"),
        (&api, json!({}), "INVALID remove"),
    ] {
        let mut input = json!({"integrationId": integration, "stream": "records", "record": good});
        for (name, value) in changes.as_object().expect("changes are an object") {
            input[name] = value.clone();
        }
        let refused = scene.admin().refused("setSyntheticCheck", input).await;
        let places: Vec<String> =
            refused.iter().map(|error| format!("{} {}", error.code, error.field)).collect();
        assert_eq!(places, [expected], "{changes}");
        assert_eq!(check(scene.admin(), integration).await, Value::Null, "{changes}");
    }
    for mutation in ["runSyntheticCheck", "removeSyntheticCheck"] {
        let refused = scene.admin().refused(mutation, json!({"integrationId": sqlite})).await;
        assert_eq!((refused.len(), refused[0].code.as_str()), (1, "NOT_FOUND"), "{mutation}");
    }
}

#[tokio::test]
async fn a_paused_integration_sends_its_record_once_it_goes_on() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id\na\n");
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    set(&scene, &integration, json!({})).await;
    let of_it = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", of_it.clone(), "integration { id }").await;
    run_now(&scene, &integration).await;
    run_now(&scene, &integration).await;
    // One that is asked for after it and goes its way shows that this one was passed over.
    let active = scene.file_to_sqlite("in.csv", json!({})).await;
    set(&scene, &active, json!({})).await;
    run_now(&scene, &active).await;
    with_results(&scene, &active, 1).await;
    let waits = check(scene.admin(), &integration).await;
    assert_eq!((&waits["lastResult"], waits["nextAt"].is_string()), (&Value::Null, true), "{waits:#}");
    scene.admin().mutate("resumeIntegration", of_it, "integration { id }").await;
    let passed = with_results(&scene, &integration, 1).await;
    assert_eq!(passed["lastResult"]["status"], "PASSED", "{passed:#}");
    until("nothing is due any more", SOON, async || {
        let now = check(scene.admin(), &integration).await;
        if now["nextAt"].is_null() && now["isUnderWay"] == false { Ok(()) } else { Err(now) }
    })
    .await;
    let all = check(scene.admin(), &integration).await;
    assert_eq!(nodes(&all["results"]).len(), 1, "asked twice, and sent once");
}
