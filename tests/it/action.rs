//! What is suggested can be pressed: an action that is available is done for this viewer with the input that it came with,
//! and one that is not is refused. Deliberately absent: which actions each code has, which `domain::action` tests for all.

use serde_json::{Value, json};

use crate::harness::client::{Client, Response};
use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, changed_stream, into_table, text};

const ACTIONS: &str =
    "actions { kind label explanation mutation input missingInput isAvailable unavailableReason until }";

async fn actions(client: &Client, field: &str, id: &Value) -> Vec<Value> {
    let query = format!("query($id: ID!) {{ {field}(id: $id) {{ {ACTIONS} }} }}");
    let found = client.query(&query, json!({"id": id})).await[field]["actions"].clone();
    found.as_array().unwrap_or_else(|| panic!("{field} {id} is not there")).clone()
}

fn kinds(actions: &[Value]) -> Vec<String> {
    actions.iter().map(|action| text(&action["kind"])).collect()
}

fn of_kind(actions: &[Value], kind: &str) -> Value {
    let found = actions.iter().find(|action| action["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {actions:#?}")).clone()
}

/// Sends what an action says, with these fields for those that it misses.
async fn press(client: &Client, action: &Value, fill: &Value) -> Response {
    let mut input = action["input"].clone();
    for field in action["missingInput"].as_array().unwrap() {
        input[text(field)] = fill[text(field)].clone();
    }
    client.try_mutate(&text(&action["mutation"]), &input, "").await
}

fn refusals(response: &Response, mutation: &str) -> Vec<String> {
    let errors = response.body["data"][mutation]["userErrors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| text(&error["code"])).collect()
}

/// An integration one of whose records fails by its rules at each run, and the stream of it.
async fn breaking(scene: &Scene, records: usize) -> (String, Value) {
    let rows = (1..=records).map(|number| vec![format!("R-{number}"), String::new()]);
    scene.files.write_csv("in.csv", &["id", "email"], rows);
    let rule = json!({
        "recordSchema": {"type": "object", "properties": {"email": {"type": "string", "minLength": 3}}},
        "quality": {"maxFailedPercent": 100},
    });
    let stream = changed_stream(json!({"path": "in.csv"}), into_table("records"), rule);
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    (scene.integration(&files, &sqlite, stream.clone()).await, stream)
}

#[tokio::test]
async fn what_is_available_is_done_and_what_is_not_is_refused_for_every_role() {
    let scene = Scene::shared().await;
    let (integration, stream) = breaking(&scene, 60).await;
    let run = scene.run(&integration).await;
    let mut failures: Vec<Value> =
        scene.failures(&run).await.iter().map(|failure| failure["id"].clone()).collect();
    assert_eq!(failures.len(), 60);
    let query = "query($id: ID!) { failure(id: $id) { group { id } } }";
    let group = scene.admin().query(query, json!({"id": failures[0]})).await;
    let group = group["failure"]["group"]["id"].clone();
    let fill = json!({
        "record": {"id": "R-1", "email": "ada@example.com"}, "reason": "case 4711", "streams": [stream],
        "note": "case 4711",
    });
    let key = json!({
        "tenantIds": [scene.tenant.id], "name": "retries",
        "scopes": ["failures:retry"],
    });
    let key = scene.admin().mutate("createApiKey", key, "secret").await;
    let all = ["EDIT_AND_RETRY", "CORRECT_AT_SOURCE", "MAP_FIELD", "RETRY", "SKIP", "HAND_OVER"];
    let without = ["EDIT_AND_RETRY", "CORRECT_AT_SOURCE", "RETRY", "SKIP", "HAND_OVER"];
    let mut callers = Vec::new();
    for (role, expected, available) in [
        ("TENANT_ADMIN", &all[..], &["EDIT_AND_RETRY", "MAP_FIELD", "RETRY", "SKIP", "HAND_OVER"][..]),
        ("TENANT_MEMBER", &without[..], &["EDIT_AND_RETRY", "RETRY", "SKIP", "HAND_OVER"][..]),
        ("TENANT_VIEWER", &without[..], &[][..]),
        ("ENGINEER", &all[..], &["MAP_FIELD", "RETRY", "SKIP", "HAND_OVER"][..]),
        ("SUPPORT", &all[..], &["RETRY", "SKIP", "HAND_OVER"][..]),
    ] {
        callers.push((role, scene.person(role).await, expected, available));
    }
    callers.push(("PARTNER", scene.admin().with_token(&text(&key["secret"])), &without, &["RETRY"]));
    let somebody = scene.person("TENANT_ADMIN").await;
    for (role, client, expected, available) in callers {
        let seen = actions(&client, "failure", failures.last().unwrap()).await;
        assert_eq!(kinds(&seen), expected, "{role}");
        for kind in expected {
            if *kind == "CORRECT_AT_SOURCE" {
                let elsewhere = of_kind(&seen, kind);
                assert_eq!((&elsewhere["mutation"], &elsewhere["input"]), (&Value::Null, &Value::Null));
                assert_eq!(elsewhere["isAvailable"], true);
                continue;
            }
            // Each is pressed on a failure of its own.
            let failure = failures.pop().unwrap();
            let action = of_kind(&actions(&client, "failure", &failure).await, kind);
            let mutation = text(&action["mutation"]);
            let is_available = available.contains(kind);
            assert_eq!(action["isAvailable"], is_available, "{role} {action:#}");
            assert_eq!(action["unavailableReason"].is_null(), is_available, "{role} {action:#}");
            if is_available {
                let pressed = press(&client, &action, &fill).await;
                assert_eq!(pressed.codes(), [""; 0], "{role} {action:#} {:#}", pressed.body);
                // The record that is given has another key than most: a conflict of the record, not of the state.
                assert_eq!(refusals(&pressed, &mutation), [""; 0], "{role} {action:#} {:#}", pressed.body);
                if *kind == "HAND_OVER" {
                    handed_over(&client, &somebody, &failure).await;
                    // The others find it where it was.
                    let back = json!({"groupId": group, "to": "CUSTOMER", "note": "case 4711"});
                    scene.admin().mutate("handOverFailureGroup", back, "failureGroup { id }").await;
                }
            } else {
                assert_eq!(action["input"], Value::Null, "{role} {action:#}");
                let others = of_kind(&actions(&somebody, "failure", &failure).await, kind);
                assert_eq!(others["mutation"], action["mutation"]);
                let pressed = press(&client, &others, &fill).await;
                assert_eq!(pressed.codes(), ["FORBIDDEN"], "{role} {action:#} {:#}", pressed.body);
            }
        }
    }
    // One that was skipped has ended.
    let skip = failures.pop().unwrap();
    let input = json!({"failureIds": [skip], "reason": "case 4711"});
    scene.admin().mutate("skipFailures", input, "skipped").await;
    assert_eq!(actions(&somebody, "failure", &skip).await, [Value::Null; 0]);
}

/// What people see of a failure whose group staff or a customer have just handed over.
async fn handed_over(who: &Client, customer: &Client, failure: &Value) {
    let seen = actions(customer, "failure", failure).await;
    assert_eq!((&seen[0]["kind"], &seen[0]["mutation"]), (&json!("WAIT"), &Value::Null), "{seen:#?}");
    assert!(!kinds(&seen).contains(&"HAND_OVER".to_owned()), "{seen:#?}");
    let query = "query($id: ID!) { failure(id: $id) { responsibleParty suggestedAction } }";
    let told = customer.query(query, json!({"id": failure})).await["failure"].clone();
    let expected = "Nothing is needed from you: it is with us.";
    assert_eq!(told, json!({"responsibleParty": "SUPPORT", "suggestedAction": expected}));
    // Whoever did it does not do it twice.
    let now = actions(who, "failure", failure).await;
    assert!(!kinds(&now).contains(&"HAND_OVER".to_owned()), "{now:#?}");
}

#[tokio::test]
async fn a_paused_integration_goes_on_first_and_an_archived_one_writes_nothing() {
    let scene = Scene::shared().await;
    let (integration, _) = breaking(&scene, 1).await;
    let run = scene.run(&integration).await;
    let failure = scene.failures(&run).await[0]["id"].clone();
    let member = scene.person("TENANT_MEMBER").await;
    let id = json!(integration);
    assert_eq!(actions(&member, "integration", &id).await, [Value::Null; 0]);
    scene.admin().mutate("pauseIntegration", json!({"integrationId": id}), "integration { id }").await;

    let seen = actions(&member, "integration", &id).await;
    assert_eq!(kinds(&seen), ["RESUME_INTEGRATION"]);
    assert_eq!(seen[0]["label"], "Resume the integration");
    let of_failure = actions(&member, "failure", &failure).await;
    assert_eq!(
        kinds(&of_failure),
        ["EDIT_AND_RETRY", "CORRECT_AT_SOURCE", "RESUME_INTEGRATION", "RETRY", "SKIP", "HAND_OVER"]
    );
    let viewer = scene.person("TENANT_VIEWER").await;
    let theirs = actions(&viewer, "integration", &id).await;
    assert_eq!(theirs[0]["isAvailable"], false);
    assert_eq!(theirs[0]["unavailableReason"], "An administrator or member of your team can do this.");
    let pressed = press(&member, &seen[0], &json!({})).await;
    assert_eq!(refusals(&pressed, "resumeIntegration"), [""; 0], "{:#}", pressed.body);
    assert_eq!(actions(&member, "integration", &id).await, [Value::Null; 0]);

    let retry = of_kind(&actions(&member, "failure", &failure).await, "RETRY");
    scene.admin().mutate("archiveIntegration", json!({"integrationId": id}), "integration { id }").await;
    let now = of_kind(&actions(&member, "failure", &failure).await, "RETRY");
    assert_eq!((&retry["isAvailable"], &now["isAvailable"]), (&json!(true), &json!(false)));
    assert_eq!(now["unavailableReason"], "The integration is archived and writes nothing any more.");
    assert_eq!(refusals(&press(&member, &now, &json!({})).await, "retryFailures"), ["CONFLICT"]);
}

#[tokio::test]
async fn a_system_that_refuses_the_sign_in_is_connected_again_by_who_may() {
    let scene = Scene::shared().await;
    let outside = Outside::with_records(3);
    outside.inject(Rule::new(Fault::Status(401, json!({"error": "the token of ada has expired"}))));
    let http = scene.http_system(&outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let records = stream(outside.source_options(Pagination::Page), into_table("records"));
    let integration = scene.integration(&http, &sqlite, records).await;
    let run = scene.run(&integration).await;
    let failure = scene.failures(&run).await[0].clone();
    assert_eq!(failure["code"], "source.unauthorized");
    let admin = scene.person("TENANT_ADMIN").await;
    let seen = actions(&admin, "failure", &failure["id"]).await;
    assert_eq!(kinds(&seen), ["RECONNECT", "TEST_SYSTEM", "RETRY", "SKIP", "HAND_OVER"]);
    assert_eq!(seen[0]["label"], "Connect the source system again");
    assert_eq!(seen[0]["mutation"], "updateSystem");
    assert_eq!(seen[0]["input"], json!({"systemId": http}));
    assert_eq!(seen[0]["missingInput"], json!(["credentials"]));
    for (field, id, end) in
        [("integration", json!(integration), "source system"), ("system", json!(http), "system")]
    {
        let found = actions(&admin, field, &id).await;
        assert_eq!(kinds(&found), ["RECONNECT", "TEST_SYSTEM"], "{field}");
        assert_eq!(found[0]["label"], format!("Connect the {end} again"));
    }
    // How a system is says nothing to whom systems are not shown.
    let key = json!({"name": "reads", "scopes": ["integrations:read"], "tenantIds": [scene.tenant.id]});
    let key = scene.admin().mutate("createApiKey", key, "secret").await;
    let stranger = scene.admin().with_token(&text(&key["secret"]));
    assert_eq!(actions(&stranger, "integration", &json!(integration)).await, [Value::Null; 0]);
    let member = scene.person("TENANT_MEMBER").await;
    let theirs = actions(&member, "failure", &failure["id"]).await;
    assert_eq!(theirs[0]["unavailableReason"], "An administrator of your team can do this.");
    assert_eq!(theirs[0]["input"], Value::Null);

    // It works again: what its refusal ended is tried again by itself.
    outside.heal();
    let tested = press(&admin, &seen[1], &json!({})).await;
    assert_eq!(tested.body["data"]["testSystem"]["userErrors"], json!([]), "{:#}", tested.body);
    assert_eq!(actions(&admin, "system", &json!(http)).await, [Value::Null; 0]);
    until("nothing is left to do", SOON, async || {
        let now = actions(&admin, "failure", &failure["id"]).await;
        if now.is_empty() { Ok(()) } else { Err(now) }
    })
    .await;
}
