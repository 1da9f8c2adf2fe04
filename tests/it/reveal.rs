//! Staff read a customer's record for minutes, with a reason, if the customer allows it, and the customer reads that they
//! did. Deliberately absent: who may ask for it (`access`).

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::trestle::Trestle;
use crate::scene::{Scene, nodes, only, sqlite_execute, text};

const RECORD: &str = "id record redactions { field reason } reveals { revealedBy reason }";

/// A tenant with failures of records.
async fn with_failures(trestle: &Trestle) -> (Scene, Vec<String>) {
    let scene = Scene::of(trestle).await;
    let integration =
        scene.fixture.sandbox(&scene.tenant, json!({"records": 60}), json!({"rejectEvery": 2})).await;
    let run = scene.run(&integration).await;
    let failures = scene.failures(&run).await;
    (scene, failures.iter().map(|failure| text(&failure["id"])).collect())
}

/// A failure in each of the ways to it: alone, in a list, below its run, as a node.
async fn all_ways(viewer: &Client, id: &str) -> Vec<Value> {
    let query = format!(
        "query($id: ID!) {{
            failure(id: $id) {{ {RECORD} run {{ failures(first: 100) {{ edges {{ node {{ {RECORD} }} }} }} }} }}
            failures(first: 100) {{ edges {{ node {{ {RECORD} }} }} }}
            node(id: $id) {{ ... on Failure {{ {RECORD} }} }}
        }}"
    );
    let data = viewer.query(&query, json!({"id": id})).await;
    let below = nodes(&data["failure"]["run"]["failures"]);
    let lists = nodes(&data["failures"]).into_iter().chain(below);
    let listed = lists.filter(|failure| failure["id"] == *id);
    [data["failure"].clone(), data["node"].clone()].into_iter().chain(listed).collect()
}

/// Whether a viewer reads the record, the same in each way.
async fn reads(viewer: &Client, id: &str) -> bool {
    let ways = all_ways(viewer, id).await;
    assert_eq!(ways.len(), 4, "{ways:#?}");
    let is_hidden = |failure: &Value| {
        let redactions = failure["redactions"].as_array().unwrap();
        redactions.iter().any(|redaction| redaction["field"] == "record")
    };
    for failure in &ways {
        assert_eq!(failure["record"].is_null(), is_hidden(failure), "{failure:#}");
        assert_eq!(failure["record"].is_null(), ways[0]["record"].is_null(), "{ways:#?}");
    }
    !ways[0]["record"].is_null()
}

async fn reveal(viewer: &Client, id: &str) -> Vec<String> {
    let input = json!({"failureId": id, "reason": "case 4711: a missing order", "minutes": 30});
    let response = viewer.try_mutate("revealRecord", &input, "reveal { expiresAt failure { record } }").await;
    let payload = response.data("revealRecord")["revealRecord"].clone();
    let errors = payload["userErrors"].as_array().unwrap();
    assert_eq!(errors.is_empty(), payload["reveal"]["failure"]["record"].is_object(), "{payload:#}");
    errors.iter().map(|error| format!("{} {}", text(&error["code"]), error["field"])).collect()
}

async fn allow(administrator: &Client, scene: &Scene, allowed: bool) {
    let input = json!({"tenantId": scene.tenant.id, "allowed": allowed});
    let payload = administrator.mutate("setSupportAccess", input, "tenant { supportAccess }").await;
    assert_eq!(payload["tenant"]["supportAccess"], json!(allowed));
}

#[tokio::test]
async fn a_record_is_open_to_one_person_for_a_while_and_its_tenant_reads_of_it() {
    let trestle = Trestle::embedded().await;
    let (scene, failures) = with_failures(&trestle).await;
    let administrator = scene.person("TENANT_ADMIN").await;
    let (support, colleague) = (scene.person("SUPPORT").await, scene.person("SUPPORT").await);
    let failure = &failures[0];

    assert_eq!(reveal(&support, failure).await, ["FORBIDDEN [\"failureId\"]"]);
    assert!(!reads(&support, failure).await);
    allow(&administrator, &scene, true).await;
    assert!(!reads(&support, failure).await, "allowed is not asked for");
    assert_eq!(reveal(&support, failure).await, Vec::<String>::new());
    assert!(reads(&support, failure).await);
    assert!(!reads(&support, &failures[1]).await, "another record");
    assert!(!reads(&colleague, failure).await, "somebody else");

    // The tenant reads that it was done and why, at the failure and in its log.
    let told = all_ways(&administrator, failure).await;
    let expected =
        json!([{"revealedBy": "the operator's support team", "reason": "case 4711: a missing order"}]);
    assert!(told.iter().all(|failure| failure["reveals"] == expected), "{told:#?}");
    let log = administrator
        .query(
            "query($id: ID!) { auditEntries(first: 10, filter: {objectId: $id}) { edges { node {
                operation outcome actorName detail } } } }",
            json!({"id": failure}),
        )
        .await;
    assert_eq!(
        json!(nodes(&log["auditEntries"])),
        json!([{
            "operation": "revealRecord", "outcome": "SUCCEEDED", "actorName": "the operator's support team",
            "detail": "30 minutes: case 4711: a missing order",
        }])
    );

    allow(&administrator, &scene, false).await;
    assert!(!reads(&support, failure).await, "withdrawn is closed at once");
    assert_eq!(reveal(&support, &failures[1]).await, ["FORBIDDEN [\"failureId\"]"]);
    allow(&administrator, &scene, true).await;
    assert!(reads(&support, failure).await, "and open again while its time is not over");
    let database = trestle.data_dir().join("trestle.db");
    sqlite_execute(&database, "UPDATE reveal SET expires_at = '2026-01-01T00:00:00+00:00'").await;
    assert!(!reads(&support, failure).await, "its time is over");
    sqlite_execute(&database, "UPDATE tenant SET support_access_until = '2026-01-01T00:00:00+00:00'").await;
    assert_eq!(
        reveal(&support, failure).await,
        ["FORBIDDEN [\"failureId\"]"],
        "the time of the consent is over"
    );
}

#[tokio::test]
async fn nobody_browses_and_wrong_input_is_told() {
    let trestle = Trestle::embedded().await;
    let (scene, failures) = with_failures(&trestle).await;
    let administrator = scene.person("TENANT_ADMIN").await;
    allow(&administrator, &scene, true).await;
    let support = scene.person("ENGINEER").await;
    for failure in &failures[..20] {
        assert_eq!(reveal(&support, failure).await, Vec::<String>::new());
    }
    assert_eq!(reveal(&support, &failures[20]).await, ["LIMIT_REACHED [\"failureId\"]"]);
    assert_eq!(reveal(&support, &failures[0]).await, Vec::<String>::new(), "one that is open already");

    let bad = support
        .refused("revealRecord", json!({"failureId": failures[0], "reason": " ", "minutes": 61}))
        .await;
    let bad: Vec<_> = bad.iter().map(|error| (error.code.as_str(), error.field.clone())).collect();
    assert_eq!(bad, [("REQUIRED", "reason".to_owned()), ("INVALID", "minutes".to_owned())]);
    let past = json!({"tenantId": scene.tenant.id, "allowed": true, "until": "2026-01-01T00:00:00Z"});
    assert_eq!(administrator.refused("setSupportAccess", past).await[0].code, "INVALID");
    let both = json!({"tenantId": scene.tenant.id, "allowed": false, "until": "2100-01-01T00:00:00Z"});
    assert_eq!(administrator.refused("setSupportAccess", both).await[0].code, "INVALID");

    // A run that could not go on has no record.
    let files = scene.file_system().await;
    let nothing = json!({"path": "nothing.csv"});
    let broken = scene
        .integration(&files, &files, crate::harness::fixture::stream(nothing, json!({"path": "out.csv"})))
        .await;
    let run = scene.run(&broken).await;
    let whole = only(&scene.failures(&run).await, &["id"]);
    assert_eq!(reveal(&support, whole[0]["id"].as_str().unwrap()).await, ["CONFLICT [\"failureId\"]"]);
}
