//! Runbooks: written, changed, reviewed and deleted by staff; on a failure the most specific one first; and nothing of them
//! for a tenant.

use serde_json::{Value, json};

use crate::harness::outside::Outside;
use crate::scene::{Scene, changed_stream, into_table, nodes, text};

const RUNBOOK: &str = "id isBuiltIn code connector integration { id } title body version reviewIntervalDays
    lastReviewedAt lastReviewedBy isReviewOverdue updatedAt updatedBy";

async fn create(scene: &Scene, input: Value) -> Value {
    let made = scene.admin().mutate("createRunbook", input, &format!("runbook {{ {RUNBOOK} }}")).await;
    made["runbook"].clone()
}

async fn list(scene: &Scene, filter: Value) -> Vec<Value> {
    let query = format!(
        "query($filter: RunbookFilter) {{ runbooks(first: 100, filter: $filter) {{ edges {{ node {{ {RUNBOOK} }} }} }} }}"
    );
    nodes(&scene.admin().query(&query, json!({"filter": filter})).await["runbooks"])
}

fn titles(runbooks: &[Value]) -> Vec<String> {
    runbooks.iter().map(|runbook| text(&runbook["title"])).collect()
}

/// An integration with one failure of `record.schema_violation`, and that failure.
async fn failing(scene: &Scene) -> (String, Value) {
    scene.files.write("in.csv", "id,email\nR-1,\n");
    let rule = json!({"recordSchema": {"properties": {"email": {"type": "string", "minLength": 3}}}});
    let integration = scene.file_to_sqlite("in.csv", rule).await;
    let run = scene.run(&integration).await;
    let failures = scene.failures(&run).await;
    assert_eq!(failures[0]["code"], "record.schema_violation", "{failures:#?}");
    (integration, failures[0]["id"].clone())
}

#[tokio::test]
async fn on_a_failure_the_most_specific_runbook_stands_first_and_tenants_see_none() {
    let scene = Scene::shared().await;
    let (integration, failure) = failing(&scene).await;
    let mark = scene.tenant.slug.clone();
    let named = |what: &str| format!("{what} of {mark}");
    let body = "Look at it.";
    for input in [
        json!({"code": "record.schema_violation", "title": named("code"), "body": body}),
        json!({"connector": "sqlite", "title": named("connector"), "body": body}),
        json!({"connector": "postgres", "title": named("another connector"), "body": body}),
        json!({"code": "record.missing_key", "title": named("another code"), "body": body}),
        json!({"integrationId": integration, "title": named("integration"), "body": body}),
        json!({"code": "record.schema_violation", "connector": "file", "title": named("code and connector"), "body": body}),
        json!({"integrationId": integration, "code": "record.schema_violation", "title": named("both"), "body": body}),
    ] {
        create(&scene, input).await;
    }
    let query = "query($id: ID!) { failure(id: $id) { runbooks { title isBuiltIn } } }";
    for role in ["SUPPORT", "ENGINEER"] {
        let staff = scene.person(role).await;
        let seen = staff.query(query, json!({"id": failure})).await["failure"]["runbooks"].clone();
        let seen = seen.as_array().unwrap();
        // Other tests write some, too; what ships with the product stands last.
        let own: Vec<String> = titles(seen).into_iter().filter(|title| title.ends_with(&mark)).collect();
        let expected = ["both", "integration", "code and connector", "code", "connector"];
        assert_eq!(own, expected.map(named), "{role}");
        let last = seen.last().unwrap();
        assert_eq!(last["isBuiltIn"], true);
        assert_eq!(last["title"], "The record breaks a rule of the stream");
    }
    let tenant = scene.person("TENANT_ADMIN").await;
    let seen = tenant.query(query, json!({"id": failure})).await;
    assert_eq!(seen["failure"]["runbooks"], Value::Null);
    for query in ["{ runbooks { edges { node { id } } } }", "{ runbook(id: \"x\") { id } }"] {
        assert_eq!(tenant.try_query(query, json!({})).await.codes(), ["FORBIDDEN"], "{query}");
    }
}

#[tokio::test]
async fn a_runbook_is_changed_by_who_has_read_it_and_keeps_what_it_said() {
    let scene = Scene::shared().await;
    let body = "# First\n\n1. Look.\n2. `retryFailures`\n";
    let input = json!({"code": "source.stalled", "connector": "http", "title": "It hangs", "body": body, "reviewIntervalDays": 90});
    let made = create(&scene, input).await;
    let id = made["id"].clone();
    assert_eq!(
        (&made["version"], &made["body"], &made["isBuiltIn"]),
        (&json!(1), &json!(body), &json!(false))
    );
    assert_eq!((&made["lastReviewedAt"], &made["isReviewOverdue"]), (&Value::Null, &json!(false)));

    let engineer = scene.person("ENGINEER").await;
    let change = json!({"runbookId": id, "version": 1, "body": "Ask them.", "reviewIntervalDays": null});
    let changed = engineer.mutate("updateRunbook", change.clone(), &format!("runbook {{ {RUNBOOK} }}")).await;
    let changed = &changed["runbook"];
    assert_eq!(
        (&changed["version"], &changed["title"], &changed["body"]),
        (&json!(2), &json!("It hangs"), &json!("Ask them."))
    );
    assert_eq!((&changed["reviewIntervalDays"], &changed["updatedBy"]), (&Value::Null, &json!("ENGINEER")));
    // Somebody who has read the first version.
    let late = scene.admin().refused("updateRunbook", change).await;
    assert_eq!(
        late.iter().map(|error| format!("{} {}", error.code, error.field)).collect::<Vec<_>>(),
        ["CONFLICT version"]
    );
    let late = scene.admin().refused("reviewRunbook", json!({"runbookId": id, "version": 1})).await;
    assert_eq!(late[0].code, "CONFLICT");
    let versions = "query($id: ID!) { runbookVersions(runbookId: $id) { version title body } }";
    let versions = scene.admin().query(versions, json!({"id": id})).await;
    assert_eq!(versions["runbookVersions"], json!([{"version": 1, "title": "It hangs", "body": body}]));

    let review = json!({"runbookId": id, "version": 2});
    let reviewed = engineer.mutate("reviewRunbook", review, &format!("runbook {{ {RUNBOOK} }}")).await;
    assert_eq!(reviewed["runbook"]["lastReviewedBy"], "ENGINEER");
    assert_eq!(reviewed["runbook"]["version"], 2);
    let support = scene.person("SUPPORT").await;
    for name in ["updateRunbook", "reviewRunbook"] {
        let tried = support.try_mutate(name, &json!({"runbookId": id, "version": 2}), "").await;
        assert_eq!(tried.codes(), ["FORBIDDEN"], "{name}");
    }
    let read = support.query("query($id: ID!) { runbook(id: $id) { title } }", json!({"id": id})).await;
    assert_eq!(read["runbook"]["title"], "It hangs");

    let deleted = engineer.mutate("deleteRunbook", json!({"runbookId": id}), "deletedRunbookId").await;
    assert_eq!(deleted["deletedRunbookId"], id);
    let gone = support.query("query($id: ID!) { runbook(id: $id) { title } }", json!({"id": id})).await;
    assert_eq!(gone["runbook"], Value::Null);
    assert_eq!(engineer.refused("deleteRunbook", json!({"runbookId": id})).await[0].code, "NOT_FOUND");
}

#[tokio::test]
async fn every_problem_of_a_runbook_is_told_at_once_and_what_ships_stays_as_it_is() {
    let scene = Scene::shared().await;
    let refused = |input: Value| async {
        let errors = scene.admin().refused("createRunbook", input).await;
        let mut places: Vec<_> =
            errors.iter().map(|error| format!("{} {}", error.code, error.field)).collect();
        places.sort();
        places
    };
    assert_eq!(refused(json!({"title": "x", "body": "y"})).await, ["REQUIRED code"]);
    let bad = json!({
        "code": "no.such", "connector": "no such", "integrationId": "x", "title": " ", "body": " \n",
        "reviewIntervalDays": 0,
    });
    assert_eq!(
        refused(bad).await,
        [
            "INVALID reviewIntervalDays",
            "NOT_FOUND code",
            "NOT_FOUND connector",
            "NOT_FOUND integrationId",
            "REQUIRED body",
            "REQUIRED title",
        ]
    );
    let long = json!({"code": "source.stalled", "title": "x".repeat(201), "body": "y".repeat(64 * 1024 + 1)});
    assert_eq!(refused(long).await, ["TOO_LONG body", "TOO_LONG title"]);

    let shipped = list(&scene, json!({"isBuiltIn": true, "code": "destination.rejected"})).await;
    assert_eq!(titles(&shipped), ["The destination refused this record"]);
    assert!(text(&shipped[0]["body"]).starts_with("## What it means"));
    for (name, more) in [("updateRunbook", json!({"version": 1})), ("deleteRunbook", json!({}))] {
        let mut input = more;
        input["runbookId"] = shipped[0]["id"].clone();
        assert_eq!(scene.admin().refused(name, input).await[0].code, "CONFLICT", "{name}");
    }
}

#[tokio::test]
async fn runbooks_are_found_by_what_they_are_about_and_what_they_say() {
    let scene = Scene::shared().await;
    let outside = Outside::with_records(1);
    let (http, sqlite) = (scene.http_system(&outside).await, scene.sqlite_system("out.db").await);
    let records = changed_stream(json!({"path": "/records"}), into_table("records"), json!({}));
    let integration = scene.integration(&http, &sqlite, records).await;
    let word = format!("quillon{}", scene.tenant.slug.replace('-', ""));
    create(&scene, json!({"integrationId": integration, "title": "One", "body": format!("Say {word}.")}))
        .await;
    create(&scene, json!({"code": "source.stalled", "title": word.to_uppercase(), "body": "Nothing."})).await;
    assert_eq!(titles(&list(&scene, json!({"integrationId": integration})).await), ["One"]);
    let found = list(&scene, json!({"search": word})).await;
    assert_eq!(titles(&found), [word.to_uppercase(), "One".to_owned()]);
    assert_eq!(list(&scene, json!({"search": word, "isReviewOverdue": true})).await, [Value::Null; 0]);
    assert_eq!(list(&scene, json!({"search": word, "isBuiltIn": true})).await, [Value::Null; 0]);
    assert_eq!(list(&scene, json!({"isBuiltIn": true})).await.len(), 42);

    // Page by page, forwards and backwards, both kinds come once.
    let filter = json!({"code": "source.stalled"});
    let all: Vec<Value> =
        list(&scene, filter.clone()).await.iter().map(|found| found["id"].clone()).collect();
    assert!(all.len() >= 2);
    let query = "query($filter: RunbookFilter, $first: Int, $after: String, $last: Int, $before: String) {
        runbooks(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { id } } } }";
    let (mut forwards, mut after) = (Vec::new(), Value::Null);
    let (mut backwards, mut before) = (Vec::new(), Value::Null);
    for _ in 0..all.len() {
        let page = json!({"filter": filter, "first": 1, "after": after});
        let page = scene.admin().query(query, page).await["runbooks"].clone();
        forwards.extend(nodes(&page).iter().map(|node| node["id"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        let page = json!({"filter": filter, "last": 1, "before": before});
        let page = scene.admin().query(query, page).await["runbooks"].clone();
        backwards.splice(0..0, nodes(&page).iter().map(|node| node["id"].clone()));
        before = page["pageInfo"]["startCursor"].clone();
    }
    assert_eq!(forwards, all);
    assert_eq!(backwards, all);
    let end = json!({"filter": filter, "first": 1, "after": after});
    let end = scene.admin().query(query, end).await["runbooks"].clone();
    assert_eq!((&end["edges"], &end["pageInfo"]["hasNextPage"]), (&json!([]), &json!(false)));
}
