//! Business KPIs, through the API and a real program: what records say is added up as they are delivered, each time that they
//! are and however often their worker is killed. Deliberately absent: how numbers and times are read, which the engine tests.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Executor;

use crate::bad_input::places;
use crate::harness::fixture::stream;
use crate::harness::outside::Outside;
use crate::harness::postgres::Database;
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::scene::{
    SLOW_PAGE, Scene, changed_stream, ended, impatient, into_table, nodes, outcome, postgres_execute,
};

const KPIS: &str = "query($id: ID!) { integration(id: $id) { kpis {
    key name unit kind stream field rule fromField toField target { atLeast atMost per } status
    measured { value decimal count skippedCount }
    series(by: HOUR) { from to count }
} } }";

async fn kpis(scene: &Scene, integration: &str) -> Vec<Value> {
    let answer = scene.admin().query(KPIS, json!({"id": integration})).await;
    answer["integration"]["kpis"].as_array().unwrap().clone()
}

async fn set(scene: &Scene, integration: &str, kpis: Value) {
    let input = json!({"integrationId": integration, "kpis": kpis});
    scene.admin().mutate("setKpis", input, "integration { id }").await;
}

fn sum(field: &str) -> Value {
    json!({
        "key": "revenue", "name": "Revenue", "unit": "EUR", "stream": "records", "kind": "SUM", "field": field,
    })
}

fn count() -> Value {
    json!({"key": "orders", "name": "Orders", "unit": "orders", "stream": "records", "kind": "COUNT"})
}

/// What was measured, as `value of count, and so many without`.
fn measured(kpis: &[Value]) -> Vec<String> {
    let text = |kpi: &Value| {
        let measured = &kpi["measured"];
        let decimal = measured["decimal"].as_str().unwrap_or("nothing");
        let (count, skipped) = (&measured["count"], &measured["skippedCount"]);
        format!("{} {decimal} of {count}, {skipped} without", kpi["key"].as_str().unwrap())
    };
    kpis.iter().map(text).collect()
}

/// 6,000 orders, which are two pages; the amounts of two are none, and every fourth is paid after 90 s.
fn orders() -> impl Iterator<Item = Vec<String>> {
    (1..=6_000).map(|number| {
        let amount = if [17, 5_999].contains(&number) { "n/a".to_owned() } else { format!("{number}.10") };
        let (paid, paid_at) = if number % 4 == 0 { ("yes", "2026-11-26T08:01:30Z") } else { ("no", "") };
        let texts = [paid, "2026-11-26T10:00:00+02:00", paid_at].map(str::to_owned);
        [number.to_string(), amount].into_iter().chain(texts).collect()
    })
}

/// The same on each database.
async fn are_added_up_as_records_are_delivered(scene: &Scene) {
    scene.files.write_csv("in.csv", &["id", "amount", "paid", "made_at", "paid_at"], orders());
    let rules = json!({"recordSchema": {"properties": {"amount": {"pattern": "^[0-9.]+$"}}}});
    let integration = scene.file_to_sqlite("in.csv", rules).await;
    let mut revenue = sum("/amount");
    revenue["target"] = json!({"atLeast": 1_000.5});
    let all = json!([
        revenue,
        count(),
        {"key": "paid", "name": "Paid", "unit": "%", "stream": "records", "kind": "SHARE",
            "rule": {"properties": {"paid": {"const": "yes"}}}},
        {"key": "to_pay", "name": "Time to pay", "unit": "min", "stream": "records", "kind": "DELAY",
            "fromField": "/made_at", "toField": "/paid_at", "target": {"atMost": 5, "per": "HOUR"}},
    ]);
    set(scene, &integration, all.clone()).await;
    let nothing = kpis(scene, &integration).await;
    assert_eq!(
        measured(&nothing),
        [
            "revenue 0 of 0, 0 without",
            "orders 0 of 0, 0 without",
            "paid nothing of 0, 0 without",
            "to_pay nothing of 0, 0 without"
        ]
    );
    assert_eq!(nothing[0]["target"], json!({"atLeast": 1_000.5, "atMost": null, "per": "DAY"}));
    assert_eq!(nothing[3]["target"], json!({"atLeast": null, "atMost": 5.0, "per": "HOUR"}));
    let is_new = |kpi: &Value| kpi["status"] == "UNKNOWN" && kpi["series"] == json!([]);
    assert!(nothing.iter().all(is_new), "{nothing:#?}");
    assert_eq!((&nothing[3]["fromField"], &nothing[3]["toField"]), (&json!("/made_at"), &json!("/paid_at")));
    assert_eq!(nothing[2]["rule"], json!({"properties": {"paid": {"const": "yes"}}}));

    let run = scene.run(&integration).await;
    let counts = json!({"read": 6_000, "created": 5_998, "failed": 2});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let delivered = [
        "revenue 17997583.8 of 5998, 0 without",
        "orders 5998 of 5998, 0 without",
        "paid 25.008336 of 5998, 0 without",
        "to_pay 1.5 of 1500, 4498 without",
    ];
    let now = kpis(scene, &integration).await;
    assert_eq!(measured(&now), delivered);
    assert_eq!(now[0]["measured"]["value"], 17_997_583.8);
    let person = scene.person("TENANT_ADMIN").await;
    let query = "query($id: ID!) { integration(id: $id) { kpis { measured { least most } } } }";
    let ends = person.query(query, json!({"id": integration})).await["integration"]["kpis"].clone();
    assert_eq!(ends[0]["measured"], json!({"least": 1.1, "most": 6_000.1}));
    assert_eq!(ends[2]["measured"], json!({"least": null, "most": null}));
    assert_eq!(ends[3]["measured"], json!({"least": 1.5, "most": 1.5}));
    let points = now[0]["series"].as_array().unwrap();
    let in_points: i64 = points.iter().map(|point| point["count"].as_i64().unwrap()).sum();
    assert_eq!(in_points, 5_998, "{points:#?}");
    assert!(now.iter().all(|kpi| kpi["status"] == "UNKNOWN"), "no hour or day of it is over: {now:#?}");

    // What is there already is not delivered.
    let again = scene.run(&integration).await;
    let counts = json!({"read": 6_000, "unchanged": 5_998, "failed": 2});
    assert_eq!(outcome(&again), ended("PARTIAL", counts), "{again:#}");
    assert_eq!(measured(&kpis(scene, &integration).await), delivered);

    // One that failed is delivered when somebody has mended it, once.
    let failures = scene.failures(&again).await;
    let failure = failures.iter().find(|failure| failure["businessReference"] == "17").unwrap();
    let record = json!({"id": "17", "amount": "17.10", "paid": "yes"});
    let input = json!({"failureId": failure["id"], "record": record});
    let started = person.mutate("editAndRetryFailure", input, "retry { id }").await;
    assert_eq!(scene.finished_retry(&started["retry"]).await["resolved"], 1);
    let mended = [
        "revenue 17997600.9 of 5999, 0 without",
        "orders 5999 of 5999, 0 without",
        "paid 25.020837 of 5999, 0 without",
        "to_pay 1.5 of 1500, 4499 without",
    ];
    assert_eq!(measured(&kpis(scene, &integration).await), mended);

    // Another name keeps what was measured; another measure begins anew; what is left out is gone.
    let mut renamed = all[0].clone();
    (renamed["name"], renamed["unit"], renamed["target"]) = (json!("Turnover"), json!("€"), Value::Null);
    let mut turned = all[3].clone();
    (turned["fromField"], turned["toField"]) = (json!("/paid_at"), json!("/made_at"));
    set(scene, &integration, json!([turned, renamed])).await;
    let now = kpis(scene, &integration).await;
    assert_eq!(measured(&now), ["to_pay nothing of 0, 0 without", "revenue 17997600.9 of 5999, 0 without"]);
    assert_eq!((&now[1]["name"], &now[1]["unit"]), (&json!("Turnover"), &json!("€")));
    assert!(now[1]["target"].is_null(), "{:#}", now[1]);
    set(scene, &integration, json!([])).await;
    assert_eq!(kpis(scene, &integration).await, [Value::Null; 0]);
}

#[tokio::test]
async fn kpis_are_added_up_as_records_are_delivered_on_sqlite() {
    are_added_up_as_records_are_delivered(&Scene::of(&impatient().embedded().await).await).await;
}

#[tokio::test]
async fn kpis_are_added_up_as_records_are_delivered_on_postgresql() {
    are_added_up_as_records_are_delivered(&Scene::of(&impatient().split(2).await).await).await;
}

/// Kills a worker that has written a page of the run to `out.db`, and can't account it. Answers with what was read before.
async fn killed_before_accounting(trestle: &mut Trestle, worker: usize, scene: &Scene, run: &str) -> i64 {
    let mut lock = trestle.stores().database.connect().await;
    lock.execute("BEGIN; LOCK TABLE kpi_rollup IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let read = scene.fixture.run(run).await["counts"]["read"].as_i64().unwrap();
    until("a page is written", SOON, async || {
        let rows = scene.sqlite_rows("out.db", "SELECT CAST(count(*) AS text) FROM records").await;
        if rows[0].parse::<i64>().unwrap() > read { Ok(()) } else { Err((rows, read)) }
    })
    .await;
    trestle.worker(worker).kill9();
    lock.execute("ROLLBACK").await.unwrap();
    read
}

#[tokio::test]
async fn a_record_is_measured_once_however_often_its_worker_is_killed() {
    let records = 20 * SLOW_PAGE;
    let (mut trestle, outside): (Trestle, Outside) =
        (impatient().lease_seconds(2).split(1).await, Outside::with_records(records));
    let scene = Scene::of(&trestle).await;
    let (source, options) = scene.slow_source(&outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let integration = scene.integration(&source, &sqlite, stream(options, into_table("records"))).await;
    set(&scene, &integration, json!([sum("/amount"), count()])).await;
    let run = scene.fixture.start_run(&integration).await;
    let mut read = 0;
    for crash in 0..3 {
        let now = scene
            .run_until("the run makes progress", &run, |run| {
                run["counts"]["read"].as_i64().unwrap_or_default() > read
            })
            .await;
        assert_eq!(now["status"], "RUNNING", "it was over too early, after {crash} crashes: {now:#}");
        read = killed_before_accounting(&mut trestle, crash, &scene, &run).await;
        trestle.add_worker();
    }
    until("the run ends", Duration::from_secs(120), async || {
        let now = scene.fixture.run(&run).await;
        if now["status"] == "SUCCEEDED" { Ok(()) } else { Err(now) }
    })
    .await;
    let now = kpis(&scene, &integration).await;
    let each: Vec<&Value> = now.iter().map(|kpi| &kpi["measured"]["count"]).collect();
    assert_eq!(each, [&json!(records), &json!(records)]);
    let cents = "SELECT CAST(sum(CAST(round(amount * 100) AS integer)) AS text) FROM records";
    let there = scene.sqlite_rows("out.db", cents).await;
    let revenue = now[0]["measured"]["value"].as_f64().unwrap();
    assert_eq!(there, [format!("{:.0}", revenue * 100.0)]);
    assert_eq!(now[1]["measured"]["decimal"], json!(records.to_string()));
}

#[tokio::test]
async fn a_retry_counts_what_the_run_before_had_delivered_and_not_accounted() {
    let records = 10 * SLOW_PAGE;
    let (mut trestle, outside): (Trestle, Outside) =
        (impatient().lease_seconds(2).split(1).await, Outside::with_records(records));
    let scene = Scene::of(&trestle).await;
    let (source, options) = scene.slow_source(&outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let integration = scene.integration(&source, &sqlite, stream(options, into_table("records"))).await;
    set(&scene, &integration, json!([count()])).await;
    // A run whose worker is lost is over.
    let policy = json!({"attempts": 1, "firstWaitSeconds": 1, "longestWaitSeconds": 1});
    let input = json!({"integrationId": integration, "retryPolicy": policy});
    scene.admin().mutate("updateIntegration", input, "integration { id }").await;
    let run = scene.fixture.start_run(&integration).await;
    let is_begun = |run: &Value| run["counts"]["read"].as_i64() > Some(0);
    scene.run_until("the run makes progress", &run, is_begun).await;
    let read = killed_before_accounting(&mut trestle, 0, &scene, &run).await;
    trestle.add_worker();
    let lost = scene.fixture.finished_run(&run).await;
    assert_eq!(outcome(&lost), ended("FAILED", json!({"read": read, "created": read})), "{lost:#}");
    assert_eq!(measured(&kpis(&scene, &integration).await), [format!("orders {read} of {read}, 0 without")]);

    let again = json!({"runId": run, "scope": "ALL_RECORDS"});
    let retried = scene.admin().mutate("retryRun", again, "run { id }").await;
    let retried = scene.fixture.finished_run(retried["run"]["id"].as_str().unwrap()).await;
    assert_eq!((&retried["status"], &retried["counts"]["read"]), (&json!("SUCCEEDED"), &json!(records)));
    assert!(retried["counts"]["unchanged"].as_i64() > Some(read), "{retried:#}");
    let all = format!("orders {records} of {records}, 0 without");
    assert_eq!(measured(&kpis(&scene, &integration).await), [all]);
}

/// What was there before anything was read is not delivered, by however many slices it is found.
#[tokio::test]
async fn nothing_is_measured_of_a_divided_load_that_finds_all_of_it_there() {
    let rows = 36_000;
    let (source, destination) = (Database::create().await, Database::create().await);
    for database in [&source, &destination] {
        for sql in [
            "CREATE TABLE records (id bigint PRIMARY KEY, name text)".to_owned(),
            format!("INSERT INTO records SELECT n, 'n' || n FROM generate_series(1, {rows}) AS n"),
            "ANALYZE records".to_owned(),
        ] {
            postgres_execute(database, &sql).await;
        }
    }
    let trestle = impatient().split(2).await;
    let scene = Scene::of(&trestle).await;
    let (from, to) = (scene.postgres_system(&source).await, scene.postgres_system(&destination).await);
    let options = json!({"table": "records", "slices": 2});
    let records = changed_stream(options, json!({"table": "records"}), json!({}));
    let integration = scene.integration(&from, &to, records).await;
    set(&scene, &integration, json!([count()])).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": rows, "unchanged": rows})), "{run:#}");
    let query = "query($id: ID!) { run(id: $id) { slices(first: 10) { edges { node { ordinal } } } } }";
    let slices = scene.admin().query(query, json!({"id": run["id"]})).await;
    assert_eq!(nodes(&slices["run"]["slices"]).len(), 2, "{slices:#}");
    assert_eq!(measured(&kpis(&scene, &integration).await), ["orders 0 of 0, 0 without"]);
}

#[tokio::test]
async fn what_comes_to_be_classified_is_not_told_any_more() {
    let scene = Scene::shared().await;
    let rows = (1..=3).map(|number| vec![number.to_string(), "1.50".to_owned()]);
    scene.files.write_csv("in.csv", &["id", "amount"], rows);
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let paid = json!({
        "key": "paid", "name": "Paid", "unit": "%", "stream": "records", "kind": "SHARE",
        "rule": {"properties": {"amount": {"const": "1.50"}}},
    });
    set(&scene, &integration, json!([sum("/amount"), paid, count()])).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 3, "created": 3})), "{run:#}");
    let told = kpis(&scene, &integration).await;
    let values = ["revenue 4.5 of 3, 0 without", "paid 100 of 3, 0 without", "orders 3 of 3, 0 without"];
    assert_eq!(measured(&told), values);
    assert_eq!(told[0]["series"][0]["count"], told[2]["series"][0]["count"]);

    let classify = async |schema: Value| {
        let changes = json!({"recordSchema": schema});
        let stream = changed_stream(json!({"path": "in.csv"}), into_table("records"), changes);
        scene.update_stream(&integration, stream).await;
    };
    classify(json!({"properties": {"amount": {"x-classification": "secret"}}})).await;
    let now = kpis(&scene, &integration).await;
    let nothing = "nothing of 0, 0 without";
    let values = [format!("revenue {nothing}"), format!("paid {nothing}"), values[2].to_owned()];
    assert_eq!(measured(&now), values);
    assert_eq!((&now[0]["series"], &now[1]["series"]), (&json!([]), &json!([])));
    assert_eq!(now[2]["series"], told[2]["series"]);
    let person = scene.person("TENANT_ADMIN").await;
    let query = "query($id: ID!) { integration(id: $id) { kpis { measured { value least most } } } }";
    let ends = person.query(query, json!({"id": integration})).await["integration"]["kpis"].clone();
    assert_eq!(ends[0]["measured"], json!({"value": null, "least": null, "most": null}));

    // It is as before when it is not any more.
    classify(json!({"properties": {"amount": {"type": "string"}}})).await;
    assert_eq!(kpis(&scene, &integration).await, told);
}

#[tokio::test]
async fn kpis_that_can_not_be_measured_are_refused_at_their_paths() {
    let scene = Scene::shared().await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await;
    let mut kpi = sum("amount");
    (kpi["key"], kpi["stream"], kpi["target"]) = (json!("Revenue!"), json!("none"), json!({"per": "HOUR"}));
    let share = json!({
        "key": "share", "name": "", "unit": "EUR", "stream": "records", "kind": "SHARE", "rule": {"type": "text"},
    });
    let input = json!({"integrationId": integration, "kpis": [kpi, share, count(), count()]});
    let mut found = places(&scene.admin().refused("setKpis", input).await);
    found.sort();
    assert_eq!(
        found,
        [
            "INVALID kpis.0.field",
            "INVALID kpis.0.key",
            "INVALID kpis.1.rule.type",
            "INVALID kpis.1.unit",
            "INVALID kpis.3.key",
            "NOT_FOUND kpis.0.stream",
            "REQUIRED kpis.0.target",
            "REQUIRED kpis.1.name",
        ]
    );
    assert_eq!(kpis(&scene, &integration).await, [Value::Null; 0]);

    let query = "query($id: ID!) { integration(id: $id) { kpis { measured(windowHours: 2161) { count } } } }";
    set(&scene, &integration, json!([count()])).await;
    let response = scene.admin().try_query(query, json!({"id": integration})).await;
    let message = response.body["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("windowHours"), "{:#}", response.body);

    let archive = json!({"integrationId": integration});
    scene.admin().mutate("archiveIntegration", archive, "integration { id }").await;
    let input = json!({"integrationId": integration, "kpis": []});
    assert_eq!(places(&scene.admin().refused("setKpis", input).await), ["CONFLICT integrationId"]);
}
