//! What does not arrive becomes a failure that says what happened, who acts next and how; everything else arrives.
//! Deliberately absent: bringing the failures home, which is `retry`.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};

use serde_json::{Value, json};

use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::trestle::Trestle;
use crate::scene::{Scene, changed_stream, ended, into_table, only, outcome, sqlite_execute, text};

/// The one failure of a run, which failed as a whole.
async fn whole_failure(scene: &Scene, run: &Value) -> Value {
    assert_eq!(run["status"], "FAILED", "{run:#}");
    let failures = scene.failures(run).await;
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert_eq!(run["failure"]["code"], failures[0]["code"]);
    assert!(failures[0]["businessReference"].is_null(), "{failures:#?}");
    failures[0].clone()
}

#[tokio::test]
async fn a_word_file_where_csv_is_expected_is_one_failure_in_words_of_its_owner() {
    let scene = Scene::shared().await;
    let mut document = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml".to_vec();
    document.extend_from_slice(&[0x9c; 300]);
    document.extend_from_slice(b"PK\x03\x04word/document.xml");
    document.extend((0..20_000_u32).map(|number| (number * 31 % 251) as u8));
    scene.files.write("orders.csv", document);
    let integration = scene.file_to_sqlite("orders.csv", json!({})).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("FAILED", json!({})), "{run:#}");
    let failure = whole_failure(&scene, &run).await;
    assert_eq!(
        only(
            std::slice::from_ref(&failure),
            &["code", "category", "stage", "responsibleParty", "retryable", "summary"]
        ),
        json!([{
            "code": "source.malformed", "category": "USER_ACTION", "stage": "EXTRACT",
            "responsibleParty": "CUSTOMER", "retryable": "NO",
            "summary": "What the source holds is not what the integration expects: the file is a Word document, not CSV.",
        }])
    );
    let seen = scene.failure(&scene.person("TENANT_ADMIN").await, &failure["id"]).await;
    assert_eq!(seen["suggestedAction"], "Correct the file or data at the source and start a new run.");

    // The right file takes care of it.
    scene.files.write("orders.csv", "id\n1\n");
    let next = scene.run(&integration).await;
    assert_eq!(outcome(&next), ended("SUCCEEDED", json!({"read": 1, "created": 1})), "{next:#}");
    assert_eq!(scene.failure(scene.admin(), &failure["id"]).await["status"], "SUPERSEDED");
    assert_eq!(scene.status(&text(&run["id"])).await, "RECOVERED");
}

#[tokio::test]
async fn a_mapping_that_fails_on_three_of_ten_thousand_lets_the_others_arrive() {
    let scene = Scene::shared().await;
    let amount = |number: u32| match number {
        17 => "1,50".to_owned(),
        4_711 => "n/a".to_owned(),
        9_999 => "free".to_owned(),
        _ => format!("{number}.5"),
    };
    let rows = (1..=10_000).map(|number| vec![format!("O-{number:05}"), amount(number)]);
    scene.files.write_csv("in.csv", &["id", "amount"], rows);
    let mapping = json!({"mapping": ".amount = to_float!(.amount)"});
    let integration = scene.file_to_sqlite("in.csv", mapping).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 10_000, "created": 9_997, "failed": 3});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let failures = scene.failures(&run).await;
    let fields =
        ["businessReference", "code", "category", "stage", "responsibleParty", "retryable", "summary"];
    let expected = |reference: &str| {
        json!({
            "businessReference": reference, "code": "record.mapping_failed", "category": "INTEGRATION_DESIGN",
            "stage": "MAP", "responsibleParty": "ENGINEERING", "retryable": "UNKNOWN",
            "summary": format!("Record {reference} could not be converted for the destination."),
        })
    };
    assert_eq!(
        only(&failures, &fields),
        json!([expected("O-00017"), expected("O-04711"), expected("O-09999")])
    );
    let detail = text(&failures[0]["technicalDetail"]);
    assert!(
        detail.contains("to_float") && !detail.contains("1,50"),
        "for engineers, without the value: {detail}"
    );
    let rows =
        scene.sqlite_rows("out.db", "SELECT count(*) || '|' || typeof(max(amount)) FROM records").await;
    assert_eq!(rows, ["9997|real"]);
}

#[tokio::test]
async fn of_two_records_with_one_key_the_first_arrives_and_the_second_is_a_failure() {
    let scene = Scene::shared().await;
    let mut rows: Vec<_> = (1..=1_500).map(|number| vec![number.to_string(), "first".to_owned()]).collect();
    rows.push(vec!["3".to_owned(), "second, on another page".to_owned()]);
    rows.insert(10, vec!["9".to_owned(), "second, on the same page".to_owned()]);
    scene.files.write_csv("in.csv", &["id", "note"], rows);
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 1_502, "created": 1_500, "failed": 2});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let failures = scene.failures(&run).await;
    let fields = ["businessReference", "code", "category", "responsibleParty", "fieldErrors"];
    let error = json!([{
        "path": "/id", "rule": "unique", "message": "must be unique: another record has the same value"
    }]);
    let expected = |reference: &str| {
        json!({
            "businessReference": reference, "code": "record.duplicate_key", "category": "USER_ACTION",
            "responsibleParty": "CUSTOMER", "fieldErrors": error,
        })
    };
    assert_eq!(only(&failures, &fields), json!([expected("3"), expected("9")]));
    let rows = scene.sqlite_rows("out.db", "SELECT DISTINCT note FROM records").await;
    assert_eq!(rows, ["first"]);
}

#[tokio::test]
async fn a_record_without_its_key_is_a_failure_of_its_own() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id,n\n,one\n2,two\n");
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 2, "created": 1, "failed": 1})), "{run:#}");
    let failures = scene.failures(&run).await;
    assert_eq!(
        only(&failures, &["code", "businessReference", "summary"]),
        json!([{
            "code": "record.missing_key", "businessReference": null,
            "summary": "A record has no value in the field that identifies it: id is needed to tell which record this is.",
        }])
    );
}

#[tokio::test]
async fn a_record_that_breaks_rules_is_told_all_of_them() {
    let scene = Scene::shared().await;
    scene.files.write_jsonl(
        "in.jsonl",
        [
            json!({"id": "ok", "email": "ada@example.com", "amount": 1, "country": "DE"}),
            json!({"id": "bad", "email": "not an address", "amount": -5, "country": "Germany", "secret": "x"}),
            json!({"id": "poor"}),
        ],
    );
    let schema = json!({
        "type": "object",
        "required": ["email", "amount"],
        "properties": {
            "id": {"type": "string"}, "email": {"type": "string", "format": "email"},
            "amount": {"type": "number", "minimum": 0}, "country": {"type": "string", "maxLength": 2},
        },
        "additionalProperties": false,
    });
    let integration = scene.file_to_sqlite("in.jsonl", json!({"recordSchema": schema})).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 3, "created": 1, "failed": 2})), "{run:#}");
    let failures = scene.failures(&run).await;
    let rules = |failure: &Value| {
        let errors = failure["fieldErrors"].as_array().unwrap();
        let mut rules: Vec<_> = errors
            .iter()
            .map(|error| {
                format!("{} {}: {}", text(&error["path"]), text(&error["rule"]), text(&error["message"]))
            })
            .collect();
        rules.sort();
        rules
    };
    assert_eq!(failures[0]["code"], "record.schema_violation");
    assert_eq!(
        rules(&failures[0]),
        [
            "/amount minimum: must be at least 0",
            "/country maxLength: must be at most 2 characters long",
            "/email format: must be an e-mail address",
            "/secret additionalProperties: is not an expected field",
        ]
    );
    assert_eq!(rules(&failures[1]), ["/amount required: is required", "/email required: is required"]);
    let summary = text(&failures[1]["summary"]);
    assert!(summary.starts_with("Record poor does not meet the rules for this data: "), "{summary}");
    assert!(!text(&failures[0]["summary"]).contains("not an address"), "no values: {:#}", failures[0]);
}

#[tokio::test]
async fn each_viewer_reads_their_words_and_is_told_what_is_kept_from_them() {
    let (scene, outside) = (Scene::shared().await, Outside::start());
    scene.files.write_jsonl("in.jsonl", [json!({"id": "PO-1", "customer": "Ada"}), json!({"id": "PO-2"})]);
    let reason = json!({"errors": [{"field": "customer", "message": "Ada is blocked, says db-7.internal"}]});
    outside.inject(Rule::new(Fault::Status(422, reason)).on_key("PO-1"));
    let (files, http) = (scene.file_system().await, scene.http_system(&outside).await);
    let moves = stream(json!({"path": "in.jsonl"}), outside.destination_options());
    let integration = scene.integration(&files, &http, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 2, "created": 1, "failed": 1})), "{run:#}");
    let id = scene.failures(&run).await[0]["id"].clone();

    let fields = ["summary", "httpStatus", "viewerCanRetry", "viewerCanSkip", "viewerCanEdit"];
    let summary =
        "Record PO-1 was refused by the destination system: customer the other system refused this field.";
    let seen = async |role: &str| {
        let failure = scene.failure(&scene.person(role).await, &id).await;
        let redacted: Vec<_> = failure["redactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|redaction| text(&redaction["field"]))
            .collect();
        assert_eq!(failure["summary"], summary, "{role}");
        (failure, redacted)
    };
    let can = |failure: &Value| {
        fields[2..].iter().map(|field| failure[*field].as_bool().unwrap()).collect::<Vec<_>>()
    };

    let (engineer, redacted) = seen("ENGINEER").await;
    assert!(text(&engineer["technicalDetail"]).contains("db-7.internal"), "{engineer:#}");
    assert_eq!((&engineer["httpStatus"], &engineer["record"]), (&json!(422), &Value::Null));
    assert_eq!((redacted, can(&engineer)), (vec!["record".to_owned()], vec![true, true, false]));

    let (support, redacted) = seen("SUPPORT").await;
    assert_eq!((&support["httpStatus"], &support["technicalDetail"]), (&json!(422), &Value::Null));
    assert_eq!(redacted, ["technicalDetail", "exchange", "record"]);

    let (member, redacted) = seen("TENANT_MEMBER").await;
    assert_eq!(member["record"], json!({"id": "PO-1", "customer": "Ada"}));
    assert_eq!((&member["httpStatus"], &member["technicalDetail"]), (&Value::Null, &Value::Null));
    assert_eq!(
        (redacted, can(&member)),
        (["httpStatus", "technicalDetail", "exchange"].map(str::to_owned).to_vec(), vec![true; 3])
    );

    let (viewer, redacted) = seen("TENANT_VIEWER").await;
    assert!(viewer["record"].is_null());
    assert_eq!(redacted, ["httpStatus", "technicalDetail", "exchange", "record"]);
    assert_eq!(can(&viewer), [false; 3]);

    let action = |failure: &Value| text(&failure["suggestedAction"]);
    assert_eq!(action(&member), "Edit the record here and retry it, or correct it at its source.");
    assert_eq!(
        action(&viewer),
        "Ask an administrator or member of your team: edit the record here and retry it, or correct it at its source."
    );
    assert_eq!(action(&support), "Help the customer to correct the fields that are named here.");
    assert!(action(&engineer).starts_with("Read the technical detail"), "{engineer:#}");
    for words in [&member, &viewer] {
        let all = words.to_string();
        assert!(!all.contains("db-7.internal") && !all.contains("blocked"), "upstream text: {all}");
    }
}

#[tokio::test]
async fn damage_in_a_csv_file_costs_the_damaged_rows_only() {
    let scene = Scene::shared().await;
    let mut content = b"id,note\n".to_vec();
    for line in 2..=6_001_u32 {
        let row: Vec<u8> = match line {
            100 => b"100,a\0b\n".to_vec(),
            200 => b"200,caf\xe9\n".to_vec(),
            300 => b"300\n".to_vec(),
            400 => b"400,too,many\n".to_vec(),
            4_711 => b"4711,\"never closed\n".to_vec(),
            5_000 => b"5000,\"spans\ntwo lines\"\n".to_vec(),
            _ => format!("{line},fine\n").into_bytes(),
        };
        content.extend(row);
    }
    scene.files.write("in.csv", content);
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 6_000, "created": 5_995, "failed": 5});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let failures = scene.failures(&run).await;
    let mut summaries: Vec<_> = failures.iter().map(|failure| text(&failure["summary"])).collect();
    summaries.sort();
    let expects = "is not what the integration expects";
    assert_eq!(
        summaries,
        [
            format!("The record at line 100 {expects}: contains a NUL byte."),
            format!("The record at line 200 {expects}: is not valid UTF-8."),
            format!("The record at line 300 {expects}: has 1 field, not 2."),
            format!("The record at line 400 {expects}: has 3 fields, not 2."),
            format!(
                "The record at line 4711 {expects}: a quoted field is not closed, or there is text after its closing quote."
            ),
        ]
    );
    assert!(failures.iter().all(|failure| failure["code"] == "source.malformed"), "{failures:#?}");
    let admin = scene.person("TENANT_ADMIN").await;
    let broken = failures.iter().find(|failure| text(&failure["summary"]).contains("4711")).unwrap();
    assert_eq!(scene.failure(&admin, &broken["id"]).await["record"], "4711,\"never closed");
    let rows = scene
        .sqlite_rows("out.db", "SELECT note FROM records WHERE id IN ('5000', '4712') ORDER BY id")
        .await;
    assert_eq!(rows, ["fine", "spans\ntwo lines"]);
}

#[tokio::test]
async fn a_line_of_a_hundred_megabytes_is_one_failure() {
    let scene = Scene::shared().await;
    let path = scene.files.path("in.csv");
    scene.files.write("in.csv", "");
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    let good: String = (1..=1_000).map(|number| format!("{number},fine\n")).collect();
    write!(file, "id,note\n{good}1001,").unwrap();
    // Sparse: zeros that take no room on the disk.
    file.seek(SeekFrom::Current(100 * 1024 * 1024)).unwrap();
    write!(file, "\n1002,fine\n").unwrap();
    drop(file);
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 1_002, "created": 1_001, "failed": 1});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let failures = scene.failures(&run).await;
    assert_eq!(
        failures[0]["summary"],
        "The record at line 1002 is not what the integration expects: the line is longer than 1048576 bytes."
    );
}

#[tokio::test]
async fn numbers_that_are_too_large_are_failures_and_never_other_numbers() {
    let scene = Scene::shared().await;
    let lines = [
        r#"{"id": "max", "n": 9223372036854775807}"#,
        r#"{"id": "min", "n": -9223372036854775808}"#,
        r#"{"id": "above", "n": 9223372036854775808}"#,
        r#"{"id": "u64", "n": 18446744073709551615}"#,
        r#"{"id": "huge", "n": 18446744073709551616}"#,
        r#"{"id": "text", "n": "123456789012345678901234567890"}"#,
        r#"{"id": "nul", "n": "a\u0000b"}"#,
        r#"{"id": "cut", "n": 1"#,
        "[1, 2]",
    ];
    scene.files.write("in.jsonl", lines.join("\n"));
    let integration = scene.file_to_sqlite("in.jsonl", json!({})).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 9, "created": 3, "failed": 6});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let mut summaries: Vec<_> =
        scene.failures(&run).await.iter().map(|failure| text(&failure["summary"])).collect();
    summaries.sort();
    let refused = "was refused by the destination system: n is larger than the destination can hold (2^63).";
    let expects = "is not what the integration expects";
    assert_eq!(
        summaries,
        [
            format!("Record above {refused}"),
            format!("Record u64 {refused}"),
            format!("The record at line 5 {expects}: a whole number is larger than 2^63."),
            format!("The record at line 7 {expects}: contains a NUL byte."),
            format!("The record at line 8 {expects}: not a JSON object: the line ends too early."),
            format!("The record at line 9 {expects}: not a JSON object."),
        ]
    );
    let rows = scene.sqlite_rows("out.db", "SELECT id || ' ' || n FROM records ORDER BY id").await;
    assert_eq!(
        rows,
        ["max 9223372036854775807", "min -9223372036854775808", "text 123456789012345678901234567890"]
    );
}

#[tokio::test]
async fn a_destination_that_refuses_rows_says_which_fields_and_takes_the_others() {
    let scene = Scene::shared().await;
    sqlite_execute(
        &scene.files.path("out.db"),
        "CREATE TABLE records (id TEXT PRIMARY KEY, name TEXT NOT NULL, amount INTEGER CHECK (amount > 0)) STRICT",
    )
    .await;
    scene.files.write_jsonl(
        "in.jsonl",
        [
            json!({"id": "1", "name": "good", "amount": 1}),
            json!({"id": "2", "name": null, "amount": 1}),
            json!({"id": "3", "name": "negative", "amount": -1}),
            json!({"id": "4", "name": "typo", "amount": "many"}),
            json!({"id": "5", "name": "more", "amount": 1, "colour": "red"}),
            json!({"id": "6", "name": "good", "amount": 6}),
        ],
    );
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let moves = stream(json!({"path": "in.jsonl"}), json!({"table": "records"}));
    let integration = scene.integration(&files, &sqlite, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 6, "created": 2, "failed": 4})), "{run:#}");
    let failures = scene.failures(&run).await;
    assert!(failures.iter().all(|failure| failure["code"] == "destination.rejected"), "{failures:#?}");
    let paths: Vec<_> = failures
        .iter()
        .map(|failure| {
            format!("{} {}", text(&failure["businessReference"]), text(&failure["fieldErrors"][0]["path"]))
        })
        .collect();
    assert_eq!(paths[0], "2 /name");
    assert_eq!(paths[3], "5 /colour");
    let rows = scene.sqlite_rows("out.db", "SELECT id || name FROM records ORDER BY id").await;
    assert_eq!(rows, ["1good", "6good"]);
}

#[tokio::test]
async fn what_is_not_there_is_one_failure_of_the_run() {
    let (scene, outside) = (Scene::shared().await, Outside::start());
    let files = scene.file_system().await;
    scene.files.write("in.csv", "id\n1\n");

    let missing_file = scene.file_to_sqlite("nowhere.csv", json!({})).await;
    let failure = whole_failure(&scene, &scene.run(&missing_file).await).await;
    assert_eq!((&failure["code"], &failure["stage"]), (&json!("source.not_found"), &json!("EXTRACT")));
    assert_eq!(
        failure["summary"],
        "The run could not read: the table, file or object is not there: there is no file `nowhere.csv`."
    );

    sqlite_execute(&scene.files.path("shop.db"), "CREATE TABLE other (id TEXT PRIMARY KEY)").await;
    let sqlite = scene.sqlite_system("shop.db").await;
    let moves = stream(json!({"path": "in.csv"}), json!({"table": "orders"}));
    let missing_table = scene.integration(&files, &sqlite, moves).await;
    let failure = whole_failure(&scene, &scene.run(&missing_table).await).await;
    assert_eq!((&failure["code"], &failure["stage"]), (&json!("destination.not_found"), &json!("LOAD")));

    let leaves = scene
        .integration(&files, &sqlite, changed_stream(json!({"path": "../x.csv"}), into_table("x"), json!({})))
        .await;
    let failure = whole_failure(&scene, &scene.run(&leaves).await).await;
    assert_eq!(failure["code"], "source.forbidden");

    outside.require_bearer("right");
    let http = scene.http_system(&outside).await;
    let refused = scene
        .integration(&files, &http, stream(json!({"path": "in.csv"}), outside.destination_options()))
        .await;
    let run = scene.run(&refused).await;
    let failure = whole_failure(&scene, &run).await;
    assert_eq!(
        only(&[failure], &["code", "category", "responsibleParty"]),
        json!([{"code": "destination.unauthorized", "category": "USER_ACTION", "responsibleParty": "CUSTOMER"}])
    );
    let query = "query($id: ID!) { node(id: $id) { ... on System { status statusMessage } } }";
    let system = scene.admin().query(query, json!({"id": http})).await["node"].clone();
    assert_eq!(system["status"], "REAUTH_REQUIRED", "{system:#}");
    let types = scene.event_types(&text(&run["id"])).await;
    assert!(types.contains(&"system.reauth_required".to_owned()), "{types:?}");
}

#[tokio::test]
async fn strange_keys_cost_their_record_only() {
    strange_keys(Scene::shared().await).await;
}

#[tokio::test]
async fn strange_keys_cost_their_record_only_on_postgresql() {
    let trestle = Trestle::split(1).await;
    strange_keys(Scene::of(&trestle).await).await;
}

/// Keys that an index or a text of PostgreSQL does not take, and keys that look like something else.
async fn strange_keys(scene: Scene) {
    let outside = Outside::start();
    let long: String = (0..6_000_u32).map(|number| char::from(b'a' + (number * number % 23) as u8)).collect();
    let keys = [
        "good",
        "a\u{0}b",
        &long,
        " ",
        "null",
        "Zo\u{eb}",
        "Zoe\u{308}",
        "'; DROP TABLE run; --",
        "\u{1F600}",
    ];
    let records = keys.iter().map(|key| json!({"id": key, "n": "x\u{0}y"})).collect();
    outside.serve_records(records);
    let (http, files) = (scene.http_system(&outside).await, scene.file_system().await);
    let moves = changed_stream(
        outside.source_options(Pagination::None),
        json!({"path": "out.jsonl"}),
        json!({"mapping": "del(.n)"}),
    );
    let integration = scene.integration(&http, &files, moves).await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": 9, "created": 7, "failed": 2});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let mut written: Vec<_> =
        scene.files.read_jsonl("out.jsonl").iter().map(|record| text(&record["id"])).collect();
    written.sort();
    let mut expected = ["good", " ", "null", "Zo\u{eb}", "Zoe\u{308}", "'; DROP TABLE run; --", "\u{1F600}"];
    expected.sort();
    assert_eq!(written, expected);
    let failures = scene.failures(&run).await;
    let mut causes: Vec<_> = failures
        .iter()
        .map(|failure| format!("{} {}", text(&failure["code"]), text(&failure["fieldErrors"][0]["rule"])))
        .collect();
    causes.sort();
    assert_eq!(causes, ["record.unusable_key maxLength", "record.unusable_key nul"]);

    let again = scene.run(&integration).await;
    let counts = json!({"read": 9, "unchanged": 7, "failed": 2});
    assert_eq!(outcome(&again), ended("PARTIAL", counts), "{again:#}");
    // A key of its own makes a record of it.
    let input = json!({"failureId": failures[0]["id"], "record": {"id": "short", "n": 1}});
    let person = scene.person("TENANT_ADMIN").await;
    let started = person.mutate("editAndRetryFailure", input, "retry { id }").await;
    assert_eq!(scene.finished_retry(&started["retry"]).await["resolved"], 1);
    assert_eq!(scene.files.read_jsonl("out.jsonl").len(), 8);
}
