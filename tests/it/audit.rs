//! The audit log: who reads what of it, what it tells of attempts that failed, and that whoever changes it by hand is
//! found out. That every mutation leaves one entry is in `access`.

use std::path::Path;
use std::process::Output;

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::harness::client::{Client, http};
use crate::harness::fixture::{Fixture, PASSWORD};
use crate::harness::trestle::{Setup, Trestle, command};
use crate::scene::{Scene, nodes, only, postgres_rows, sqlite_execute, sqlite_rows, text};

const ENTRIES: &str =
    "query($filter: AuditEntryFilter) { auditEntries(first: 100, filter: $filter) { edges { node {
    tenant { id } at actorId actorName role address userAgent requestId operation objectId outcome detail
} } } }";

async fn entries(viewer: &Client, filter: Value) -> Vec<Value> {
    nodes(&viewer.query(ENTRIES, json!({"filter": filter})).await["auditEntries"])
}

fn told(entries: &[Value]) -> Vec<String> {
    let one = |entry: &Value| {
        let word = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word("operation"), word("outcome"), word("detail"))
    };
    entries.iter().map(one).collect()
}

#[tokio::test]
async fn administrators_read_who_did_what_in_their_tenant_and_of_staff_only_that_it_was_staff() {
    let scene = Scene::shared().await;
    let administrator = scene.person("TENANT_ADMIN").await;
    let support = scene.person("SUPPORT").await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await;
    let request = http()
        .post(format!("{}/graphql", administrator.url()))
        .bearer_auth(administrator.token().unwrap())
        .header("user-agent", "a browser\u{9}of theirs")
        .json(&json!({
            "query": "mutation($input: PauseIntegrationInput!) { pauseIntegration(input: $input) { userErrors { code } } }",
            "variables": {"input": {"integrationId": integration, "reason": "stocktaking"}},
        }));
    let response = request.send().await.unwrap();
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    support.mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }").await;
    let filter = json!({"objectId": integration, "operation": ["pauseIntegration", "resumeIntegration"]});

    let me =
        administrator.query("{ viewer { user { id name } } }", Value::Null).await["viewer"]["user"].clone();
    let own = entries(&administrator, filter.clone()).await;
    assert_eq!(
        only(
            &own,
            &["tenant", "actorId", "actorName", "role", "address", "userAgent", "operation", "outcome"]
        ),
        json!([
            {
                "tenant": {"id": scene.tenant.id}, "actorId": null, "actorName": "the operator's support team",
                "role": null, "address": null, "userAgent": null, "operation": "resumeIntegration",
                "outcome": "SUCCEEDED",
            },
            {
                "tenant": {"id": scene.tenant.id}, "actorId": me["id"], "actorName": me["name"],
                "role": "TENANT_ADMIN", "address": "127.0.0.1", "userAgent": "a browserof theirs",
                "operation": "pauseIntegration", "outcome": "SUCCEEDED",
            },
        ])
    );
    assert_eq!(own[1]["requestId"], json!(request_id));

    // The operator sees who of its people it was.
    let them = support.query("{ viewer { user { id name } } }", Value::Null).await["viewer"]["user"].clone();
    let all = entries(scene.admin(), filter).await;
    assert_eq!(
        only(&all[..1], &["actorId", "actorName", "role", "address"]),
        json!([{"actorId": them["id"], "actorName": them["name"], "role": "SUPPORT", "address": "127.0.0.1"}])
    );
    // Nor does the tenant find them by their id.
    assert_eq!(entries(&administrator, json!({"actorId": them["id"]})).await, Vec::<Value>::new());
    assert_eq!(
        entries(scene.admin(), json!({"actorId": them["id"], "operation": ["resumeIntegration"]}))
            .await
            .len(),
        1
    );

    let other = Scene::shared().await;
    let stranger = other.person("TENANT_ADMIN").await;
    assert_eq!(entries(&stranger, json!({"objectId": integration})).await, Vec::<Value>::new());
}

#[tokio::test]
async fn attempts_that_failed_are_told_with_what_was_wrong_and_without_what_was_typed() {
    let scene = Scene::shared().await;
    let viewer = scene.person("TENANT_VIEWER").await;
    let administrator = scene.person("TENANT_ADMIN").await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await;
    assert_eq!(
        viewer.try_mutate("startRun", &json!({"integrationId": integration}), "run { id }").await.codes(),
        ["FORBIDDEN"]
    );
    let secret = "hunter2 is a secret";
    let input = json!({"tenantId": scene.tenant.id, "name": "", "connector": "http", "config": {"baseUrl": secret}, "credentials": {"token": secret}});
    assert!(!administrator.refused("createSystem", input).await.is_empty());
    // No mutation, but an attempt to look.
    assert_eq!(
        viewer.try_query("{ portalSessions { edges { node { id } } } }", Value::Null).await.codes(),
        ["FORBIDDEN"]
    );
    // What is not there is answered, not denied.
    let stranger = Scene::shared().await.person("TENANT_ADMIN").await;
    stranger.query("query($id: ID!) { integration(id: $id) { id } }", json!({"id": integration})).await;
    let found = entries(&administrator, json!({"outcome": ["DENIED", "REJECTED"]})).await;
    assert_eq!(
        told(&found),
        [
            "query DENIED portalSessions portal_sessions:create",
            "createSystem REJECTED REQUIRED name; INVALID config.baseUrl",
            "startRun DENIED runs:start",
        ]
    );
    assert!(!json!(found).to_string().contains("hunter2"), "{found:#?}");
    assert_eq!(entries(&stranger, json!({"outcome": ["DENIED", "REJECTED"]})).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_tenant_reads_who_tried_to_sign_in_as_its_people_until_a_lock_says_it_all() {
    let trestle = Trestle::embedded().await;
    let scene = Scene::of(&trestle).await;
    let administrator = scene.person("TENANT_ADMIN").await;
    let ada = scene.person("TENANT_MEMBER").await;
    let ada = ada.query("{ viewer { user { id email } } }", Value::Null).await["viewer"]["user"].clone();
    for _attempt in 0..8 {
        let input = json!({"email": ada["email"], "password": "a guess that is wrong"});
        trestle.client().refused("signIn", input).await;
    }
    trestle.client().refused("signIn", json!({"email": "nobody@example.com", "password": "a guess"})).await;
    let found = entries(&administrator, json!({"operation": ["signIn"], "outcome": ["REJECTED"]})).await;
    // Five are looked at; then the account is locked, and knocking adds nothing.
    assert_eq!(told(&found), vec!["signIn REJECTED UNAUTHENTICATED"; 5]);
    assert!(
        found.iter().all(|entry| entry["objectId"] == ada["id"] && entry["actorId"].is_null()),
        "{found:#?}"
    );
    // Whose address nobody has is the operator's to see.
    let all = entries(scene.admin(), json!({"operation": ["signIn"], "outcome": ["REJECTED"]})).await;
    assert_eq!(all.len(), 6, "{all:#?}");
    assert!(all[0]["tenant"].is_null() && all[0]["objectId"].is_null(), "{:#}", all[0]);
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_is_told() {
    let scene = Scene::shared().await;
    let administrator = scene.person("TENANT_ADMIN").await;
    let email = text(
        &administrator.query("{ viewer { user { email } } }", Value::Null).await["viewer"]["user"]["email"],
    );
    let input = json!({"email": email, "password": PASSWORD});
    let payload = administrator.mutate("signIn", input, "refreshToken").await;
    let input = json!({"refreshToken": payload["refreshToken"]});
    administrator.mutate("refreshSession", input.clone(), "refreshToken").await;
    administrator.refused("refreshSession", input).await;
    let found = entries(&administrator, json!({"operation": ["refreshSession"]})).await;
    assert_eq!(
        told(&found),
        [
            "refreshSession DENIED a refresh token came twice; its session was ended",
            "refreshSession SUCCEEDED -",
        ]
    );
    assert_eq!(found[0]["objectId"], found[1]["objectId"]);
}

/// A log of several tenants and the operator.
async fn with_entries(trestle: &Trestle) -> Fixture {
    let fixture = Fixture::of(trestle).await;
    for slug in ["acme", "globex"] {
        let tenant = fixture.tenant(slug).await;
        let suspend = |reason: String| {
            let input = json!({"tenantId": tenant.id, "reason": reason});
            async { fixture.admin().mutate("suspendTenant", input, "tenant { id }").await }
        };
        join_all((0..20).map(|number| suspend(format!("reason {number}")))).await;
    }
    fixture
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Checks the log of a database file that was changed by hand.
async fn verify_after(trestle: &Trestle, copy: &Path, sql: &str) -> (bool, String) {
    let _absent = std::fs::remove_dir_all(copy);
    std::fs::create_dir(copy).unwrap();
    for name in ["trestle.db", "secret.key"] {
        std::fs::copy(trestle.data_dir().join(name), copy.join(name)).unwrap();
    }
    let free = "PRAGMA foreign_keys = OFF; DROP TRIGGER audit_entry_stays_update; DROP TRIGGER audit_entry_stays_delete;";
    sqlite_execute(&copy.join("trestle.db"), &format!("{free} {sql}")).await;
    let mut verify = command(&["admin", "verify-audit"]);
    let output = verify.env("TRESTLE_DATA_DIR", copy).output().unwrap();
    (output.status.success(), words(&output))
}

#[tokio::test]
async fn whoever_changes_removes_or_adds_an_entry_by_hand_is_found_out() {
    let mut trestle = Trestle::embedded().await;
    with_entries(&trestle).await;
    trestle.terminate().await;
    let database = trestle.data_dir().join("trestle.db");
    let total = sqlite_rows(&database, "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry").await;
    let copy = trestle.data_dir().join("copy");
    let acme = "(SELECT id FROM tenant WHERE slug = 'acme')";
    let (is_whole, said) = verify_after(&trestle, &copy, "SELECT 1").await;
    assert!(
        is_whole && said.contains(&format!("{} entries in 3 audit logs are as they were written", total[0])),
        "{said}"
    );

    let seven = format!("WHERE tenant_id = {acme} AND number = 7");
    let last = format!("WHERE tenant_id = {acme} AND number = 21");
    for (sql, flaw) in [
        (format!("UPDATE audit_entry SET detail = 'reason 99' {seven}"), "entry 7 was changed"),
        (format!("UPDATE audit_entry SET principal = 'operator' {seven}"), "entry 7 was changed"),
        (format!("UPDATE audit_entry SET outcome = 'DENIED' {seven}"), "entry 7 was changed"),
        (format!("UPDATE audit_entry SET address = NULL {seven}"), "entry 7 was changed"),
        (format!("UPDATE audit_entry SET at = '2026-01-01T00:00:00+00:00' {seven}"), "entry 7 was changed"),
        (format!("UPDATE audit_entry SET tenant_id = NULL {seven}"), "entry 7 was changed"),
        (format!("DELETE FROM audit_entry {seven}"), "entry 7 is missing"),
        (format!("DELETE FROM audit_entry WHERE tenant_id = {acme}"), "entry 1 is missing"),
        // The last one, without and with the end that names it.
        (format!("DELETE FROM audit_entry {last}"), "entry 21 is missing"),
        (
            format!("DELETE FROM audit_entry {last}; UPDATE audit_chain SET last_number = 20 WHERE tenant_id = {acme}"),
            "its end was changed; entries may be missing there",
        ),
        (format!("UPDATE audit_chain SET last_number = 22 WHERE tenant_id = {acme}"), "entry 22 is missing"),
        // One more, copied from the one before.
        (
            format!(
                "INSERT INTO audit_entry SELECT randomblob(16), chain_id, 22, tenant_id, at, principal, role, name,
                 address, user_agent, request_id, operation, object, outcome, detail, mac FROM audit_entry {last};
                 UPDATE audit_chain SET last_number = 22 WHERE tenant_id = {acme}"
            ),
            "entry 22 was changed, or put there by somebody else",
        ),
        // Two that change places.
        (
            format!(
                "UPDATE audit_entry SET number = 1000 {seven};
                 UPDATE audit_entry SET number = 7 WHERE tenant_id = {acme} AND number = 8;
                 UPDATE audit_entry SET number = 8 WHERE tenant_id = {acme} AND number = 1000"
            ),
            "entry 7 was changed",
        ),
        // Another tenant's key.
        (
            format!(
                "UPDATE audit_chain SET sealed_key = (SELECT sealed_key FROM audit_chain WHERE tenant_id =
                 (SELECT id FROM tenant WHERE slug = 'globex')) WHERE tenant_id = {acme}"
            ),
            "its key can't be read",
        ),
    ] {
        let (is_whole, said) = verify_after(&trestle, &copy, &sql).await;
        assert!(!is_whole && said.contains(&format!("audit log of tenant acme: {flaw}")), "{sql}: {said}");
        assert!(said.contains("1 of 3 audit logs"), "the others are whole: {said}");
    }
    let forgotten = format!("DELETE FROM audit_chain WHERE tenant_id = {acme}");
    let (is_whole, said) = verify_after(&trestle, &copy, &forgotten).await;
    assert!(!is_whole && said.contains("its end and its key are missing"), "{said}");
}

#[tokio::test]
async fn on_postgresql_two_servers_keep_one_log_that_not_even_its_owner_changes() {
    let trestle = Setup::new().split(0).await;
    let fixture = with_entries(&trestle).await;
    let (_process, other) = trestle.another_server().await;
    let other = other.with_token(fixture.admin().token().unwrap());
    let tenant = fixture.tenant("initech").await;
    let rename = |client: &Client, number: usize| {
        let (client, input) =
            (client.clone(), json!({"tenantId": tenant.id, "name": format!("Initech {number}")}));
        async move { client.mutate("updateTenant", input, "tenant { id }").await }
    };
    let servers = [fixture.admin().clone(), other];
    join_all((0..40).map(|number| rename(&servers[number % 2], number))).await;
    let output = trestle.run_once(&["admin", "verify-audit"]);
    assert!(output.status.success(), "{}", words(&output));
    let numbers = "SELECT COUNT(*) || ' ' || MAX(number) || ' ' || COUNT(DISTINCT number) FROM audit_entry
        WHERE tenant_id = (SELECT id FROM tenant WHERE slug = 'initech')";
    assert_eq!(postgres_rows(&trestle.stores().database, numbers).await, ["41 41 41"]);

    let mut database = trestle.stores().database.connect().await;
    for sql in ["UPDATE audit_entry SET detail = ''", "DELETE FROM audit_entry", "TRUNCATE audit_entry"] {
        let refused = database.execute(AssertSqlSafe(sql)).await.unwrap_err().to_string();
        assert!(refused.contains("entries of the audit log are not changed"), "{sql}: {refused}");
    }
    let sql = "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_stays;
        DELETE FROM audit_entry WHERE number = 3 AND tenant_id = (SELECT id FROM tenant WHERE slug = 'globex')";
    database.execute(AssertSqlSafe(sql)).await.unwrap();
    let output = trestle.run_once(&["admin", "verify-audit"]);
    let said = words(&output);
    assert!(
        !output.status.success() && said.contains("audit log of tenant globex: entry 3 is missing"),
        "{said}"
    );
}
