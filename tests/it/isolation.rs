//! Two tenants with the same names for everything never meet: not in rows, receipts, failures or files. Deliberately
//! absent: who may do what (`access`).

mod property;
mod question;
mod role;
mod town;

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::scene::{Scene, changed_stream, ended, into_table, nodes, only, outcome, text};

/// A tenant with systems and an integration whose names every tenant of this test has.
async fn same_names(scene: &Scene) -> String {
    let system = async |name: &str, connector: &str, config: Value| {
        let input =
            json!({"tenantId": scene.tenant.id, "name": name, "connector": connector, "config": config});
        text(&scene.admin().mutate("createSystem", input, "system { id }").await["system"]["id"])
    };
    let files = system("Files", "file", json!({})).await;
    let shop = system("Shop", "sqlite", json!({"path": "shop.db"})).await;
    let changes =
        json!({"name": "orders", "recordSchema": {"properties": {"total": {"pattern": "^[0-9]+$"}}}});
    let moves = changed_stream(json!({"path": "in/orders.csv"}), into_table("orders"), changes);
    let input = json!({
        "tenantId": scene.tenant.id, "name": "Orders", "sourceId": files, "destinationId": shop, "streams": [moves],
    });
    let created = scene.admin().mutate("createIntegration", input, "integration { id }").await;
    text(&created["integration"]["id"])
}

fn orders(scene: &Scene, rows: &[(&str, &str)]) {
    let rows = rows.iter().map(|(id, total)| vec![(*id).to_owned(), (*total).to_owned()]);
    scene.files.write_csv("in/orders.csv", &["id", "total"], rows);
}

async fn visible(viewer: &Client) -> Value {
    let query = "{ failures(first: 100) { edges { node { businessReference tenant { id } } } }
        runs(first: 100) { edges { node { id tenant { id } } } }
        integrations(first: 100) { edges { node { name tenant { id } } } } }";
    viewer.query(query, json!({})).await
}

#[tokio::test]
async fn two_tenants_with_the_same_names_never_meet() {
    let (one, other) = (Scene::shared().await, Scene::shared().await);
    let (of_one, of_other) = (same_names(&one).await, same_names(&other).await);
    orders(&one, &[("PO-1", "10"), ("PO-2", "20"), ("PO-3", "bad")]);
    orders(&other, &[("PO-1", "1000"), ("PO-2", "wrong"), ("PO-4", "4000")]);

    let run_of_one = one.run(&of_one).await;
    // The ledger of the one says nothing of the other: its first run creates, though the keys are known.
    let run_of_other = other.run(&of_other).await;
    for run in [&run_of_one, &run_of_other] {
        assert_eq!(outcome(run), ended("PARTIAL", json!({"read": 3, "created": 2, "failed": 1})), "{run:#}");
    }
    let sql = "SELECT id || ' ' || total FROM orders ORDER BY id";
    assert_eq!(one.sqlite_rows("shop.db", sql).await, ["PO-1 10", "PO-2 20"]);
    assert_eq!(other.sqlite_rows("shop.db", sql).await, ["PO-1 1000", "PO-4 4000"]);
    assert_eq!(
        only(&one.failures(&run_of_one).await, &["businessReference"]),
        json!([{"businessReference": "PO-3"}])
    );
    assert_eq!(
        only(&other.failures(&run_of_other).await, &["businessReference"]),
        json!([{"businessReference": "PO-2"}])
    );

    // What the one writes settles no failure of the other.
    orders(&one, &[("PO-1", "10"), ("PO-2", "21"), ("PO-3", "30")]);
    let next = one.run(&of_one).await;
    let counts = json!({"read": 3, "created": 1, "updated": 1, "unchanged": 1});
    assert_eq!(outcome(&next), ended("SUCCEEDED", counts), "{next:#}");
    assert_eq!(one.status(&text(&run_of_one["id"])).await, "RECOVERED");
    assert_eq!(other.status(&text(&run_of_other["id"])).await, "PARTIAL");
    assert_eq!(other.failures(&run_of_other).await[0]["status"], "OPEN");

    // Nor may people of the one see, name or touch anything of the other.
    let person = one.person("TENANT_ADMIN").await;
    let seen = visible(&person).await;
    for list in ["failures", "runs", "integrations"] {
        let tenants: Vec<_> = nodes(&seen[list]).iter().map(|node| text(&node["tenant"]["id"])).collect();
        assert!(!tenants.is_empty() && tenants.iter().all(|id| *id == one.tenant.id), "{list}: {seen:#}");
    }
    let failure = other.failures(&run_of_other).await[0]["id"].clone();
    let query = "query($run: ID!, $failure: ID!, $integration: ID!, $tenant: ID!) {
        run(id: $run) { id } failure(id: $failure) { id } integration(id: $integration) { id } tenant(id: $tenant) { id }
        a: node(id: $run) { id } b: node(id: $failure) { id } c: node(id: $integration) { id } d: node(id: $tenant) { id } }";
    let variables = json!({
        "run": run_of_other["id"], "failure": failure, "integration": of_other, "tenant": other.tenant.id,
    });
    let found = person.query(query, variables).await;
    assert!(found.as_object().unwrap().values().all(Value::is_null), "{found:#}");
    for (mutation, input) in [
        ("startRun", json!({"integrationId": of_other})),
        ("startRuns", json!({"integrationIds": [of_other]})),
        ("pauseIntegration", json!({"integrationId": of_other})),
        ("archiveIntegration", json!({"integrationId": of_other})),
        ("setKpis", json!({"integrationId": of_other, "kpis": []})),
        ("retryRun", json!({"runId": run_of_other["id"], "scope": "ALL_RECORDS"})),
        ("retryFailures", json!({"failureIds": [failure]})),
        ("skipFailures", json!({"failureIds": [failure]})),
        ("editAndRetryFailure", json!({"failureId": failure, "record": {"id": "PO-2", "total": "1"}})),
    ] {
        let errors = person.refused(mutation, input).await;
        assert_eq!(errors[0].code, "NOT_FOUND", "{mutation}: {errors:?}");
    }
    assert_eq!(other.failures(&run_of_other).await[0]["status"], "OPEN");
    assert_eq!(other.runs_of(&of_other).await.len(), 1);
}

#[tokio::test]
async fn an_integration_takes_no_system_of_another_tenant() {
    let (one, other) = (Scene::shared().await, Scene::shared().await);
    let (mine, theirs) = (one.file_system().await, other.file_system().await);
    let moves = stream(json!({"path": "in.csv"}), json!({"path": "out.csv"}));
    let input = json!({
        "tenantId": one.tenant.id, "name": "Mixed", "sourceId": mine, "destinationId": theirs, "streams": [moves],
    });
    let person = one.person("TENANT_ADMIN").await;
    for client in [one.admin(), &person] {
        let errors = client.refused("createIntegration", input.clone()).await;
        assert_eq!(
            (errors[0].code.as_str(), errors[0].field.as_str()),
            ("NOT_FOUND", "destinationId"),
            "{errors:?}"
        );
    }
}

#[tokio::test]
async fn a_path_that_leads_into_another_tenants_directory_is_refused() {
    let (one, other) = (Scene::shared().await, Scene::shared().await);
    other.files.write("secret.csv", "id,secret\n1,x\n");
    std::os::unix::fs::symlink(other.files.path("secret.csv"), one.files.path("link.csv")).unwrap();
    for path in [format!("../{}/secret.csv", other.tenant.slug), "link.csv".to_owned()] {
        let integration = one.file_to_sqlite(&path, json!({})).await;
        let run = one.run(&integration).await;
        assert_eq!(
            (&run["status"], &run["failure"]["code"]),
            (&json!("FAILED"), &json!("source.forbidden")),
            "{path}"
        );
    }
}
