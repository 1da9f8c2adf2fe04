//! A record that has been kept long enough is announced, goes, and is known to be gone; what is open keeps its own. Deliberately
//! absent: what else is kept and why (`domain`), and who may set it (`access`).

use serde_json::{Value, json};

use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, nodes, sqlite_execute, text};

const FAILURE: &str = "query($id: ID!) { failure(id: $id) {
    status record recordExpiresAt recordRemovedAt resolvedAt run { id } } }";

#[tokio::test]
async fn a_record_is_announced_to_go_goes_and_is_known_to_be_gone() {
    let mut trestle = Trestle::embedded().await;
    let scene = Scene::of(&trestle).await;
    let integration =
        scene.fixture.sandbox(&scene.tenant, json!({"records": 4}), json!({"rejectEvery": 2})).await;
    let run = scene.run(&integration).await;
    let failures = scene.failures(&run).await;
    let ids: Vec<String> = failures.iter().map(|failure| text(&failure["id"])).collect();
    let (administrator, support) = (scene.person("TENANT_ADMIN").await, scene.person("SUPPORT").await);
    let admin = trestle.admin().await;
    let failure = async |id: &str| administrator.query(FAILURE, json!({"id": id})).await["failure"].clone();

    let input = json!({"tenantId": scene.tenant.id, "kind": "RECORDS", "days": 30});
    let selection = "tenant { retention { kind days isDefault } }";
    let payload = admin.mutate("setTenantRetention", input, selection).await;
    let kept = json!([
        {"kind": "RUNS", "days": null, "isDefault": true},
        {"kind": "FAILURES", "days": null, "isDefault": true},
        {"kind": "RECORDS", "days": 30, "isDefault": false},
        {"kind": "LOG_LINES", "days": 14, "isDefault": true},
    ]);
    assert_eq!(payload["tenant"]["retention"], kept);
    let tenant = json!({"id": scene.tenant.id});
    let read = administrator
        .query("query($id: ID!) { tenant(id: $id) { retention { kind days isDefault } } }", tenant.clone())
        .await;
    assert_eq!(read["tenant"]["retention"], kept, "the customer reads it");
    let log = administrator
        .query(
            "query($id: ID!) { auditEntries(first: 1, filter: {objectId: $id}) { edges { node {
                operation outcome detail } } } }",
            tenant,
        )
        .await;
    assert_eq!(
        json!(nodes(&log["auditEntries"])),
        json!([{"operation": "setTenantRetention", "outcome": "SUCCEEDED", "detail": "RECORDS: 30 days"}])
    );
    let bad = json!({"tenantId": scene.tenant.id, "kind": "RECORDS", "days": 0});
    assert_eq!(admin.refused("setTenantRetention", bad).await[0].field, "days");

    assert_eq!(failure(&ids[0]).await["recordExpiresAt"], Value::Null, "it is open");
    let skipped = json!({"failureIds": [ids[0]], "reason": "of no use"});
    administrator.mutate("skipFailures", skipped, "skipped").await;
    let told = failure(&ids[0]).await;
    assert_eq!(told["status"], "SKIPPED");
    assert!(told["recordExpiresAt"].as_str() > told["resolvedAt"].as_str(), "{told:#}");

    trestle.terminate().await;
    let database = trestle.data_dir().join("trestle.db");
    let long_ago = "UPDATE failure SET resolved_at = '2026-01-01T00:00:00+00:00' WHERE status = 'SKIPPED'";
    sqlite_execute(&database, long_ago).await;
    trestle.start().await;
    let gone = until("its record is deleted", SOON, async || {
        let told = failure(&ids[0]).await;
        if told["recordRemovedAt"].is_null() { Err(told) } else { Ok(told) }
    })
    .await;
    assert_eq!((&gone["record"], &gone["recordExpiresAt"]), (&Value::Null, &Value::Null));
    assert_eq!((&gone["status"], &gone["run"]["id"]), (&json!("SKIPPED"), &run["id"]));
    let open = failure(&ids[1]).await;
    assert!(open["record"].is_object() && open["recordRemovedAt"].is_null(), "{open:#}");

    let allowed = json!({"tenantId": scene.tenant.id, "allowed": true});
    administrator.mutate("setSupportAccess", allowed, "tenant { id }").await;
    let reveal = json!({"failureId": ids[0], "reason": "case 4711", "minutes": 5});
    let refused = support.refused("revealRecord", reveal).await;
    assert_eq!((refused[0].code.as_str(), refused[0].field.as_str()), ("CONFLICT", "failureId"));
    assert!(refused[0].message.contains("run the integration again"), "{}", refused[0].message);
    let edit = json!({"failureId": ids[0], "record": {"id": "1"}});
    let refused = administrator.refused("editAndRetryFailure", edit).await;
    assert_eq!(refused[0].message, "this failure was skipped");
}
