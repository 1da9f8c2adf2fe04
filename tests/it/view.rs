//! Staff see what a tenant's people see, and change nothing.

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::scene::{Scene, nodes};

const VIEWER: &str = "{ viewer { role audience permissions user { id } tenant { id } } }";

async fn begin(staff: &Client, scene: &Scene, role: &str) -> Client {
    let input = json!({"tenantId": scene.tenant.id, "role": role});
    let begun = staff.mutate("viewAs", input, "token expiresAt tenant { id }").await;
    assert_eq!(begun["tenant"]["id"], scene.tenant.id);
    staff.with_token(begun["token"].as_str().unwrap())
}

async fn permissions(client: &Client) -> Vec<String> {
    let viewer = client.query(VIEWER, json!({})).await["viewer"].clone();
    serde_json::from_value(viewer["permissions"].clone()).unwrap()
}

#[tokio::test]
async fn a_view_has_what_the_role_reads_and_nothing_that_changes_anything() {
    let scene = Scene::shared().await;
    let other = Scene::shared().await;
    let system = scene.fixture.system(&scene.tenant, "sandbox", json!({}), Value::Null).await;
    let moves = stream(json!({"records": 4}), json!({"rejectEvery": 4}));
    let integration = scene.integration(&system, &system, moves).await;
    let run = scene.run(&integration).await;
    let failure = scene.failures(&run).await.remove(0);
    let support = scene.person("SUPPORT").await;
    for role in ["TENANT_ADMIN", "TENANT_MEMBER", "TENANT_VIEWER"] {
        let own = scene.person(role).await;
        let view = begin(&support, &scene, role).await;
        let viewer = view.query(VIEWER, json!({})).await["viewer"].clone();
        assert_eq!(
            (&viewer["role"], &viewer["audience"], &viewer["user"], &viewer["tenant"]["id"]),
            (&json!(role), &json!("CUSTOMER"), &Value::Null, &json!(scene.tenant.id))
        );
        let seen = permissions(&view).await;
        let may = permissions(&own).await;
        let expected: Vec<&String> = may.iter().filter(|name| *name != "records:read").collect();
        assert_eq!(seen.iter().collect::<Vec<_>>(), expected);

        // The same words and buttons; only the record's values are missing.
        let told = "query($id: ID!) {
            failure(id: $id) {
                summary suggestedAction responsibleParty category businessReference technicalDetail
                viewerCanRetry viewerCanEdit viewerCanSkip actions { kind label mutation }
            }
        }";
        let asked = json!({"id": failure["id"]});
        assert_eq!(view.query(told, asked.clone()).await, own.query(told, asked.clone()).await);
        if role != "TENANT_VIEWER" {
            let exports = view.query("{ exports(first: 10) { edges { node { id } } } }", json!({})).await;
            assert_eq!(exports, json!({"exports": {"edges": []}}));
        }
        let record = "query($id: ID!) { failure(id: $id) { record redactions { field } } }";
        let record = view.query(record, asked).await["failure"].clone();
        assert_eq!(record["record"], Value::Null);
        assert!(record["redactions"].as_array().unwrap().contains(&json!({"field": "record"})), "{record}");

        let start = view.try_mutate("startRun", &json!({"integrationId": integration}), "run { id }").await;
        assert_eq!(start.codes(), ["FORBIDDEN"]);
        let password = json!({"currentPassword": "x", "newPassword": "y"});
        assert_eq!(view.try_mutate("changePassword", &password, "__typename").await.codes(), ["FORBIDDEN"]);
        // What no scope begins is refused just so.
        let key = json!({"name": "x", "tenantIds": [scene.tenant.id], "scopes": ["runs:read"]});
        assert_eq!(view.try_mutate("createApiKey", &key, "secret").await.codes(), ["FORBIDDEN"]);
        let again = view.try_mutate("viewAs", &json!({"tenantId": scene.tenant.id}), "token").await;
        assert_eq!(again.codes(), ["FORBIDDEN"]);
        let elsewhere =
            view.query("query($id: ID!) { tenant(id: $id) { id } }", json!({"id": other.tenant.id})).await;
        assert_eq!(elsewhere["tenant"], Value::Null);
    }
    let entries = "{ auditEntries(first: 100) { edges { node { operation outcome actorName detail } } } }";
    let admin = scene.person("TENANT_ADMIN").await;
    let views: Vec<Value> = nodes(&admin.query(entries, json!({})).await["auditEntries"])
        .into_iter()
        .filter(|entry| entry["operation"] == "viewAs" && entry["outcome"] == "SUCCEEDED")
        .collect();
    let details: Vec<&Value> = views.iter().map(|entry| &entry["detail"]).collect();
    assert_eq!(details, ["as TENANT_VIEWER", "as TENANT_MEMBER", "as TENANT_ADMIN"]);
    assert!(views.iter().all(|entry| entry["actorName"] == "the operator's support team"), "{views:#?}");
}

#[tokio::test]
async fn a_view_ends_with_the_session_that_it_came_of() {
    let scene = Scene::shared().await;
    let support = scene.person("SUPPORT").await;
    let view = begin(&support, &scene, "TENANT_VIEWER").await;
    assert_eq!(view.try_query("mutation { signOut { __typename } }", json!({})).await.codes(), ["FORBIDDEN"]);
    assert_eq!(view.query(VIEWER, json!({})).await["viewer"]["role"], "TENANT_VIEWER");
    support.query("mutation { signOut { userErrors { code } } }", json!({})).await;
    let ended = view.try_query(VIEWER, json!({})).await;
    assert_eq!(ended.codes(), ["UNAUTHENTICATED"]);

    let member = scene.person("TENANT_ADMIN").await;
    let refused = member.try_mutate("viewAs", &json!({"tenantId": scene.tenant.id}), "token").await;
    assert_eq!(refused.codes(), ["FORBIDDEN"]);
}
