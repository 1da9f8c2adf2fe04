//! Records move from one system to another: exact counts, exact rows, nothing twice. Deliberately absent: what goes
//! wrong (`failure`, `fault`), but for what one record does to the others.

use serde_json::{Value, json};

use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::postgres::Database;
use crate::scene::{
    Scene, changed_stream, ended, into_table, only, outcome, postgres_execute, postgres_rows, text,
};

fn row(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

#[tokio::test]
async fn csv_to_sqlite_writes_what_changed_and_nothing_else() {
    let scene = Scene::shared().await;
    let header = ["id", "name", "amount"];
    let first = [row(&["1", "Ada", "1.50"]), row(&["2", "a, \"b\"\nc", ""]), row(&["3", "Grüße 你好", "-7"])];
    scene.files.write_csv("in/orders.csv", &header, first.clone());
    let integration = scene.file_to_sqlite("in/orders.csv", json!({})).await;

    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 3, "created": 3})), "{run:#}");
    assert_eq!((text(&run["trigger"]), run["failure"].is_null()), ("MANUAL".to_owned(), true));
    let all = "SELECT id || '|' || name || '|' || coalesce(amount, 'null') FROM records ORDER BY id";
    let rows = scene.sqlite_rows("out.db", all).await;
    assert_eq!(rows, ["1|Ada|1.50", "2|a, \"b\"\nc|null", "3|Grüße 你好|-7"]);

    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 3, "unchanged": 3})), "{run:#}");

    let mut second = first.to_vec();
    second[0] = row(&["1", "Ada Lovelace", "1.50"]);
    second.push(row(&["4", "new", "0"]));
    scene.files.write_csv("in/orders.csv", &header, second);
    let run = scene.run(&integration).await;
    let counts = json!({"read": 4, "created": 1, "updated": 1, "unchanged": 2});
    assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    let rows = scene.sqlite_rows("out.db", all).await;
    assert_eq!(rows, ["1|Ada Lovelace|1.50", "2|a, \"b\"\nc|null", "3|Grüße 你好|-7", "4|new|0"]);
}

#[tokio::test]
async fn csv_to_postgres_takes_its_columns_types_over_many_pages() {
    let (scene, database) = (Scene::shared().await, Database::create().await);
    let create = "CREATE TABLE orders (id text PRIMARY KEY, amount numeric(12,2) NOT NULL, paid boolean, at timestamptz)";
    postgres_execute(&database, create).await;
    let rows = (1..=2_500).map(|number: u32| {
        row(&[&format!("O-{number:05}"), &format!("{number}.25"), "true", "2026-03-01T12:00:00+02:00"])
    });
    scene.files.write_csv("orders.csv", &["id", "amount", "paid", "at"], rows);
    let (files, postgres) = (scene.file_system().await, scene.postgres_system(&database).await);
    let integration = scene
        .integration(&files, &postgres, stream(json!({"path": "orders.csv"}), json!({"table": "orders"})))
        .await;

    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 2_500, "created": 2_500})), "{run:#}");
    let sum = "SELECT concat_ws('|', count(*), sum(amount), min(id), max(id), bool_and(paid),
        max(at AT TIME ZONE 'UTC')) FROM orders";
    let expected = "2500|3126875.00|O-00001|O-02500|t|2026-03-01 10:00:00";
    assert_eq!(postgres_rows(&database, sum).await, [expected]);

    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 2_500, "unchanged": 2_500})), "{run:#}");
    assert_eq!(postgres_rows(&database, sum).await, [expected]);
}

#[tokio::test]
async fn postgres_to_postgres_reads_only_what_grew() {
    let (scene, from, to) = (Scene::shared().await, Database::create().await, Database::create().await);
    postgres_execute(
        &from,
        "CREATE TABLE orders (id bigint PRIMARY KEY, status text, detail jsonb, updated_at timestamptz NOT NULL)",
    )
    .await;
    postgres_execute(
        &from,
        "INSERT INTO orders SELECT n, 'new', jsonb_build_object('n', n), timestamptz '2026-01-01Z' + n * interval '1 s'
         FROM generate_series(1, 1500) AS n",
    )
    .await;
    let (source, destination) = (scene.postgres_system(&from).await, scene.postgres_system(&to).await);
    let moves = changed_stream(
        json!({"table": "orders"}),
        into_table("orders"),
        json!({"mode": "INCREMENTAL", "cursorField": "updated_at"}),
    );
    let integration = scene.integration(&source, &destination, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1_500, "created": 1_500})), "{run:#}");

    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({})), "nothing grew: {run:#}");

    postgres_execute(
        &from,
        "INSERT INTO orders SELECT n, 'new', null, timestamptz '2026-02-01Z' FROM generate_series(1501, 1505) AS n",
    )
    .await;
    postgres_execute(
        &from,
        "UPDATE orders SET status = 'paid', updated_at = '2026-02-02Z' WHERE id IN (7, 8)",
    )
    .await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 7, "created": 5, "updated": 2});
    assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    let rows = postgres_rows(
        &to,
        "SELECT concat_ws('|', count(*), count(*) FILTER (WHERE status = 'paid'), sum((detail ->> 'n')::int)) FROM orders",
    )
    .await;
    assert_eq!(rows, ["1505|2|1125750"]);
}

#[tokio::test]
async fn rest_to_postgres_gives_every_record_once_by_every_pagination() {
    let (scene, database) = (Scene::shared().await, Database::create().await);
    let outside = Outside::with_records(250);
    let (source, destination) = (scene.http_system(&outside).await, scene.postgres_system(&database).await);
    let kinds = [
        ("all_at_once", Pagination::None, 1),
        ("by_page", Pagination::Page, 3),
        ("by_offset", Pagination::Offset, 3),
        ("by_cursor", Pagination::Cursor, 3),
        ("by_link", Pagination::Link, 3),
    ];
    for (table, pagination, requests) in kinds {
        let before = outside.requests().len();
        let moves = stream(outside.source_options(pagination), into_table(table));
        let integration = scene.integration(&source, &destination, moves).await;
        let run = scene.run(&integration).await;
        assert_eq!(
            outcome(&run),
            ended("SUCCEEDED", json!({"read": 250, "created": 250})),
            "{table}: {run:#}"
        );
        assert_eq!(outside.requests().len() - before, requests, "{table}");
        let first = format!("SELECT concat_ws('|', id, email, amount) FROM {table} ORDER BY id LIMIT 1");
        assert_eq!(postgres_rows(&database, &first).await, ["R-00001|Person1@Example.COM|1.01"], "{table}");
        let count = format!("SELECT count(DISTINCT id)::text FROM {table}");
        assert_eq!(postgres_rows(&database, &count).await, ["250"], "{table}");

        let run = scene.run(&integration).await;
        assert_eq!(
            outcome(&run),
            ended("SUCCEEDED", json!({"read": 250, "unchanged": 250})),
            "{table}: {run:#}"
        );
    }
}

#[tokio::test]
async fn rest_incremental_asks_for_what_is_newer() {
    let scene = Scene::shared().await;
    let outside = Outside::with_records(120);
    let (source, sqlite) = (scene.http_system(&outside).await, scene.sqlite_system("out.db").await);
    let moves = changed_stream(
        outside.source_options(Pagination::Cursor),
        into_table("records"),
        json!({"mode": "INCREMENTAL", "cursorField": "updatedAt"}),
    );
    let integration = scene.integration(&source, &sqlite, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 120, "created": 120})), "{run:#}");
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({})), "{run:#}");
    let target = outside.requests().last().unwrap().target.clone();
    assert!(target.contains("since=2026-01-01T00%3A02%3A00Z"), "{target}");

    let newer = json!({"id": "R-00007", "email": "new@example.com", "amount": "1.00", "updatedAt": "2026-05-01T00:00:00Z"});
    outside.serve_records(vec![newer]);
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1, "updated": 1})), "{run:#}");
    let rows = scene.sqlite_rows("out.db", "SELECT count(*) || '|' || max(updatedAt) FROM records").await;
    assert_eq!(rows, ["120|2026-05-01T00:00:00Z"]);
}

#[tokio::test]
async fn postgres_to_rest_lets_no_record_hold_up_the_others() {
    let (scene, database, outside) =
        (Scene::shared().await, Database::create().await, Outside::with_records(0));
    postgres_execute(&database, "CREATE TABLE orders (id text PRIMARY KEY, email text, amount int)").await;
    postgres_execute(
        &database,
        "INSERT INTO orders SELECT 'PO-' || lpad(n::text, 3, '0'), 'p' || n || '@example.com', n
         FROM generate_series(1, 60) AS n",
    )
    .await;
    let reason =
        json!({"errors": [{"field": "email", "message": "p7@example.com is blocked at db-7.internal"}]});
    outside.inject(Rule::new(Fault::Status(422, reason)).on_key("PO-007"));
    outside.inject(Rule::new(Fault::rejected("no such customer")).on_key("PO-008"));
    outside.inject(Rule::new(Fault::Status(409, json!({}))).on_key("PO-009"));
    outside.inject(Rule::new(Fault::RateLimited { retry_after_seconds: 0 }).on_key("PO-010").times(2));
    outside.inject(Rule::new(Fault::Status(503, json!({}))).on_key("PO-011"));
    outside.inject(Rule::new(Fault::Hang).on_key("PO-012"));
    outside.inject(Rule::new(Fault::LoseAnswer).on_key("PO-013").times(1));
    outside.inject(Rule::new(Fault::DropConnection).on_key("PO-014").times(2));
    outside.inject(Rule::new(Fault::Status(500, json!({}))).on_key("PO-015").times(1));

    let (source, destination) = (scene.postgres_system(&database).await, scene.http_system(&outside).await);
    let moves = stream(json!({"table": "orders"}), outside.destination_options());
    let integration = scene.integration(&source, &destination, moves).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 60, "created": 55, "failed": 5});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let failures = scene.failures(&run).await;
    assert_eq!(
        only(
            &failures,
            &["businessReference", "code", "category", "responsibleParty", "stage", "httpStatus", "status"]
        ),
        json!([
            {"businessReference": "PO-007", "code": "destination.rejected", "category": "UNSUPPORTED_DATA",
                "responsibleParty": "CUSTOMER", "stage": "LOAD", "httpStatus": 422, "status": "OPEN"},
            {"businessReference": "PO-008", "code": "destination.rejected", "category": "UNSUPPORTED_DATA",
                "responsibleParty": "CUSTOMER", "stage": "LOAD", "httpStatus": 400, "status": "OPEN"},
            {"businessReference": "PO-009", "code": "destination.conflict", "category": "APPLICATION",
                "responsibleParty": "SUPPORT", "stage": "LOAD", "httpStatus": 409, "status": "OPEN"},
            {"businessReference": "PO-011", "code": "destination.unavailable", "category": "APPLICATION",
                "responsibleParty": "THIRD_PARTY", "stage": "LOAD", "httpStatus": 503, "status": "OPEN"},
            {"businessReference": "PO-012", "code": "destination.timeout", "category": "APPLICATION",
                "responsibleParty": "THIRD_PARTY", "stage": "LOAD", "httpStatus": null, "status": "OPEN"},
        ])
    );
    assert_eq!(failures[0]["fieldErrors"][0]["path"], "/email");
    let stored = outside.records();
    assert_eq!(stored.len(), 55, "{:?}", stored.keys());
    assert_eq!(stored["PO-013"], json!({"id": "PO-013", "email": "p13@example.com", "amount": 13}));
    let twice: Vec<_> = stored.keys().filter(|key| outside.effects(key) != 1).collect();
    assert!(twice.is_empty(), "written more than once: {twice:?}");
    assert!(outside.in_flight_max() > 1, "requests are made at the same time");

    // The next run brings what is missing, and leaves alone what is there.
    outside.heal();
    let before = outside.requests().len();
    let run = scene.run(&integration).await;
    let counts = json!({"read": 60, "created": 5, "unchanged": 55});
    assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    assert_eq!(outside.requests().len() - before, 5);
    assert_eq!(outside.records().len(), 60);
}

#[tokio::test]
async fn json_lines_keep_numbers_and_nesting_and_become_a_file_in_one_step() {
    let scene = Scene::shared().await;
    let records = [
        json!({"id": 1, "n": 9_223_372_036_854_775_807_i64, "f": 0.1, "deep": {"list": [1, null, "x"], "o": {}}}),
        json!({"id": 2, "n": -1, "f": 1e300, "deep": null}),
        json!({"id": 3, "text": "line\nbreak \u{1F600}", "yes": true}),
    ];
    scene.files.write_jsonl("in.jsonl", records.clone());
    // What is there already stays, unless a record with its key comes.
    scene
        .files
        .write_jsonl("out/all.jsonl", [json!({"id": 2, "n": 0}), json!({"id": 99, "kept": "as it is"})]);
    let files = scene.file_system().await;
    let moves = stream(json!({"path": "in.jsonl"}), json!({"path": "out/all.jsonl"}));
    let integration = scene.integration(&files, &files, moves).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 3, "created": 2, "updated": 1});
    assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    let mut written = scene.files.read_jsonl("out/all.jsonl");
    written.sort_by_key(|record| record["id"].as_i64());
    let [first, second, third] = records;
    assert_eq!(written, [first, second, third, json!({"id": 99, "kept": "as it is"})]);

    let before = scene.files.read("out/all.jsonl");
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 3, "unchanged": 3})), "{run:#}");
    assert_eq!(scene.files.read("out/all.jsonl"), before);
    let left: Vec<_> =
        std::fs::read_dir(scene.files.path("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 1, "nothing is left beside the file: {left:?}");
}

#[tokio::test]
async fn json_lines_to_csv_and_back() {
    let scene = Scene::shared().await;
    scene.files.write_jsonl(
        "in.jsonl",
        [json!({"id": "a", "note": "x,\"y\"", "n": 1}), json!({"id": "b", "extra": "only here", "n": 2})],
    );
    let files = scene.file_system().await;
    let to_csv = scene
        .integration(&files, &files, stream(json!({"path": "in.jsonl"}), json!({"path": "out.csv"})))
        .await;
    let run = scene.run(&to_csv).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 2, "created": 2})), "{run:#}");
    let mut rows = scene.files.read_csv("out.csv");
    rows.sort_by_key(|row| text(&row["id"]));
    assert_eq!(
        rows,
        [
            json!({"id": "a", "note": "x,\"y\"", "n": "1", "extra": ""}),
            json!({"id": "b", "note": "", "n": "2", "extra": "only here"}),
        ]
    );
    let run = scene.run(&to_csv).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 2, "unchanged": 2})), "{run:#}");
}

#[tokio::test]
async fn a_mapping_converts_renames_and_leaves_out() {
    let scene = Scene::shared().await;
    let rows = [
        row(&["1", "ADA@example.com", "1.5", "no"]),
        row(&["2", "Bob@example.com", "2", "yes"]),
        row(&["3", "Cy@example.com", "2.25", "no"]),
    ];
    scene.files.write_csv("in.csv", &["id", "email", "amount", "test"], rows);
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let mapping = r#"
        if .test == "yes" { abort }
        . = {"number": to_int!(.id), "email": downcase(string!(.email)), "amount": to_float!(.amount)}
    "#;
    let destination = json!({"table": "customers", "createTable": true, "keyFields": ["number"]});
    let moves = changed_stream(json!({"path": "in.csv"}), destination, json!({"mapping": mapping}));
    let integration = scene.integration(&files, &sqlite, moves).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 3, "created": 2, "skipped": 1});
    assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    let all = "SELECT typeof(number) || number || '|' || email || '|' || typeof(amount) || amount FROM customers ORDER BY 1";
    let rows = scene.sqlite_rows("out.db", all).await;
    assert_eq!(rows, ["integer1|ada@example.com|real1.5", "integer3|cy@example.com|real2.25"]);
}

#[tokio::test]
async fn an_integration_moves_its_streams_one_after_the_other() {
    let scene = Scene::shared().await;
    scene.files.write_csv("customers.csv", &["id"], (1..=3).map(|number: u8| vec![number.to_string()]));
    scene.files.write_csv("orders.csv", &["id", "line"], [row(&["1", "1"]), row(&["1", "2"])]);
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let streams = vec![
        changed_stream(
            json!({"path": "customers.csv"}),
            into_table("customers"),
            json!({"name": "customers"}),
        ),
        changed_stream(
            json!({"path": "orders.csv"}),
            into_table("orders"),
            json!({"name": "orders", "keyFields": ["id", "line"]}),
        ),
    ];
    let integration = scene.fixture.integration(&scene.tenant, &files, &sqlite, streams).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 5, "created": 5})), "{run:#}");
    assert_eq!(
        scene.sqlite_rows("out.db", "SELECT id || '/' || line FROM orders ORDER BY 1").await,
        ["1/1", "1/2"]
    );
    let events = scene.events(scene.admin(), &text(&run["id"])).await;
    let pages: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "batch.written")
        .map(|event| &event["attributes"]["stream"])
        .collect();
    assert_eq!(pages, ["customers", "orders"]);
}

#[tokio::test]
async fn events_tell_a_run_in_order_and_each_viewer_those_of_their_audience() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id,n\n1,one\n2\n3,three\n");
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 3, "created": 2, "failed": 1})), "{run:#}");
    let run = text(&run["id"]);
    let types = |events: &[Value]| events.iter().map(|event| text(&event["type"])).collect::<Vec<_>>();

    let engineer = scene.events(&scene.person("ENGINEER").await, &run).await;
    assert_eq!(
        types(&engineer),
        [
            "run.queued",
            "run.started",
            "source.page_read",
            "record.rejected",
            "batch.written",
            "checkpoint.saved",
            "run.finished"
        ]
    );
    let support = scene.events(&scene.person("SUPPORT").await, &run).await;
    assert_eq!(
        types(&support),
        ["run.queued", "run.started", "source.page_read", "record.rejected", "batch.written", "run.finished"]
    );
    let customer = scene.events(&scene.person("TENANT_VIEWER").await, &run).await;
    assert_eq!(types(&customer), ["run.queued", "run.started", "record.rejected", "run.finished"]);
    assert!(customer.iter().all(|event| event["audience"] == "CUSTOMER"), "{customer:#?}");
    let parts: Vec<_> = engineer.iter().map(|event| text(&event["component"])).collect();
    assert_eq!(parts, ["api", "worker", "source", "source", "destination", "worker", "worker"]);
    let finished = &customer[3];
    assert_eq!(finished["message"], "1 of 3 records did not arrive.");
    assert_eq!(finished["attributes"]["status"], "PARTIAL", "{finished:#}");
}

#[tokio::test]
async fn two_integrations_that_write_one_file_at_once_lose_nothing_in_silence() {
    let scene = Scene::shared().await;
    scene.files.write_csv("b.csv", &["id"], (1..=1_000).map(|number| vec![format!("B-{number}")]));
    let outside = Outside::with_records(1_000);
    let (source, options) = scene.slow_source(&outside).await;
    let files = scene.file_system().await;
    let into = json!({"path": "both.jsonl"});
    let slow = scene.integration(&source, &files, stream(options, into.clone())).await;
    let quick = scene.integration(&files, &files, stream(json!({"path": "b.csv"}), into)).await;
    let slow = scene.fixture.start_run(&slow).await;
    scene.run_until("it writes", &slow, |run| run["counts"]["read"].as_i64().unwrap_or_default() > 0).await;
    let quick = scene.run(&quick).await;
    assert_eq!(scene.status(&slow).await, "RUNNING", "it was over too early");
    let slow = scene.fixture.finished_run(&slow).await;
    let written = scene.files.read_jsonl("both.jsonl");
    let mut arrived = 0;
    for run in [&quick, &slow] {
        match run["status"].as_str() {
            Some("SUCCEEDED") => arrived += 1_000,
            // That somebody else changed the file may be a failure, as long as it is one.
            _ => assert_eq!(run["status"], "FAILED", "{run:#}"),
        }
    }
    assert!(arrived > 0, "{quick:#} {slow:#}");
    assert_eq!(written.len(), arrived, "{quick:#} {slow:#}");
}

#[tokio::test]
async fn twenty_runs_of_one_integration_run_one_after_the_other() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id\n1\n2\n");
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let started = futures::future::join_all((0..20).map(|_| scene.fixture.start_run(&integration))).await;
    let mut runs = Vec::new();
    for run in &started {
        let run = scene.fixture.finished_run(run).await;
        assert_eq!((&run["status"], &run["counts"]["read"]), (&json!("SUCCEEDED"), &json!(2)), "{run:#}");
        runs.push((text(&run["startedAt"]), text(&run["finishedAt"])));
    }
    runs.sort();
    for pair in runs.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "two runs at once: {pair:?}");
    }
}
