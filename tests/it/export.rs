//! Exports through the public API: a file is what paging finds, goes on in another process after a `kill -9`, and is had by
//! its link for as long as whoever asked for it might ask again. Deliberately absent: what takes hours and days, leases and
//! expiry included (`domain/tests/suite/export.rs`, whose clock is moved).

use std::io::Read;
use std::time::Duration;

use flate2::bufread::GzDecoder;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::client::{Client, http};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, impatient, nodes, text};

/// Failures that are exported.
const FAILURES: usize = 3_000;
const EXPORT: &str =
    "id status rowCount byteCount failureCode failureMessage connection createdBy expiresAt url";
const NODE: &str = "id code status summary record redactions { field reason } run { id status }";
/// As slow as it is large: pages are small, and each line has the events of the run.
const SLOW: &str = "query($code: [String!]) { failures(filter: {code: $code}) { edges { node { id
    run { events(first: 100) { edges { node { id at type message } } } } } } } }";
/// A long export in a build without optimisation.
const LONG: Duration = Duration::from_secs(240);

/// A tenant's failures, one for each record.
async fn failed(scene: &Scene, count: usize) {
    let sandbox =
        scene.fixture.sandbox(&scene.tenant, json!({"records": count}), json!({"rejectEvery": 1})).await;
    let run = scene.fixture.start_run(&sandbox).await;
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!(run["counts"]["failed"], json!(count), "{run:#}");
}

async fn partner(scene: &Scene, scopes: Value) -> (String, Client) {
    let input = json!({"name": "Partner", "scopes": scopes, "tenantIds": [scene.tenant.id]});
    let made = scene.admin().mutate("createApiKey", input, "apiKey { id } secret").await;
    (text(&made["apiKey"]["id"]), scene.admin().with_token(&text(&made["secret"])))
}

async fn begin(caller: &Client, query: &str, variables: Value) -> String {
    let input = json!({"query": query, "variables": variables});
    let made = caller.mutate("createExport", input, &format!("export {{ {EXPORT} }}")).await;
    assert_eq!(made["export"]["url"], Value::Null, "there is no file yet");
    text(&made["export"]["id"])
}

async fn seen(caller: &Client, id: &str) -> Value {
    let query = format!("query($id: ID!) {{ export(id: $id) {{ {EXPORT} }} }}");
    caller.query(&query, json!({"id": id})).await["export"].clone()
}

/// Waits until the export is so.
async fn until_it(caller: &Client, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(what, LONG, async || {
        let export = seen(caller, id).await;
        if wanted(&export) { Ok(export) } else { Err(export) }
    })
    .await
}

async fn done(caller: &Client, id: &str) -> Value {
    let is_over = |export: &Value| export["status"] != "QUEUED" && export["status"] != "RUNNING";
    let export = until_it(caller, id, "the export ends", is_over).await;
    assert_eq!(export["status"], "SUCCEEDED", "{export:#}");
    export
}

async fn ask(caller: &Client, method: Method, url: &Value, encoding: &str) -> reqwest::Response {
    let url = format!("{}{}", caller.url(), text(url));
    http().request(method, url).header("accept-encoding", encoding).send().await.expect("an answer")
}

async fn bytes(caller: &Client, url: &Value, encoding: &str) -> Vec<u8> {
    let response = ask(caller, Method::GET, url, encoding).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.bytes().await.expect("the whole file").to_vec()
}

fn lines(file: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(file).expect("UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// The same by paging.
async fn paged(caller: &Client) -> Vec<Value> {
    let query = format!(
        "query($after: String) {{ failures(first: 100, after: $after) {{ edges {{ node {{ {NODE} }} }}
            pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = caller.query(&query, json!({"after": after})).await["failures"].clone();
        all.extend(nodes(&page));
        if page["pageInfo"]["hasNextPage"] != true {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

#[tokio::test]
async fn a_file_has_what_paging_finds_for_each_who_asks() {
    let scene = Scene::shared().await;
    failed(&scene, FAILURES).await;
    let member = scene.person("TENANT_MEMBER").await;
    let (_key, partner) = partner(&scene, json!(["exports:manage", "failures:read"])).await;
    let query =
        format!("{{ failures {{ edges {{ node {{ ...N }} }} }} }} fragment N on Failure {{ {NODE} }}");
    for (caller, reads_records) in [(&member, true), (&partner, false)] {
        let id = begin(caller, &query, Value::Null).await;
        let export = done(caller, &id).await;
        assert_eq!((&export["connection"], &export["rowCount"]), (&json!("failures"), &json!(FAILURES)));
        let file = bytes(caller, &export["url"], "identity").await;
        assert_eq!(export["byteCount"], json!(file.len()));
        let lines = lines(&file);
        assert_eq!(lines, paged(caller).await);
        assert!(lines.iter().all(|line| line["record"].is_null() != reads_records));

        let packed = bytes(caller, &export["url"], "gzip").await;
        assert!(packed.len() * 4 < file.len(), "{} of {}", packed.len(), file.len());
        let (mut unpacked, mut decoder) = (Vec::new(), GzDecoder::new(packed.as_slice()));
        decoder.read_to_end(&mut unpacked).expect("gzip");
        assert!(unpacked == file && decoder.into_inner().is_empty());
        let head = ask(caller, Method::HEAD, &export["url"], "gzip").await;
        let header =
            |name: &str| head.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
        assert_eq!(header("content-length"), packed.len().to_string());
        assert_eq!((header("content-type"), header("content-encoding")), ("application/jsonl", "gzip"));
        assert_eq!((header("cache-control"), header("vary")), ("no-store", "accept-encoding"));
        assert_eq!(header("content-disposition"), format!("attachment; filename=\"failures-{id}.jsonl\""));
    }
}

#[tokio::test]
async fn what_can_t_be_exported_is_refused_when_it_is_asked_for() {
    let scene = Scene::shared().await;
    let (_key, partner) = partner(&scene, json!(["exports:manage", "runs:read"])).await;
    for (query, variables, field, code, words) in [
        (
            "{ runs(first: 5) { edges { node { id } } } }",
            json!({}),
            "query",
            "INVALID",
            "must not say `first`",
        ),
        ("{ runs { edges { node { idd } } } }", json!({}), "query", "INVALID", "Unknown field \\\"idd\\\""),
        (
            "{ runs { edges { node { events { edges { node { id } } } } } } }",
            json!({}),
            "query",
            "INVALID",
            "must say how many",
        ),
        ("{ tenants { edges { node { id } } } }", json!({}), "query", "INVALID", "can't export `tenants`"),
        ("{ systems { edges { node { id } } } }", json!({}), "query", "FORBIDDEN", "systems:read"),
        (
            "query($s: [RunStatus!]!) { runs(filter: {status: $s}) { edges { node { id } } } }",
            json!({}),
            "query",
            "INVALID",
            "is required",
        ),
        ("{ runs { edges { node { id } } } }", json!([1]), "variables", "INVALID", "must be an object"),
    ] {
        let errors = partner.refused("createExport", json!({"query": query, "variables": variables})).await;
        let shown = format!("{errors:?}");
        assert!(shown.contains(field) && shown.contains(code) && shown.contains(words), "{query}: {shown}");
    }
    let none = partner.query("{ exports { edges { node { id } } } }", Value::Null).await;
    assert_eq!(nodes(&none["exports"]), [Value::Null; 0]);
}

#[tokio::test]
async fn a_killed_process_leaves_neither_gaps_nor_doubles() {
    let mut trestle = impatient().lease_seconds(3).split(1).await;
    let scene = Scene::of(&trestle).await;
    failed(&scene, FAILURES).await;
    let (_key, partner) = partner(&scene, json!(["exports:manage", "failures:read"])).await;
    let id = begin(&partner, SLOW, json!({"code": ["destination.rejected"]})).await;
    let is_begun = |export: &Value| export["rowCount"].as_u64().is_some_and(|rows| rows > 0);
    let begun = until_it(&partner, &id, "something is stored", is_begun).await;
    trestle.server().kill9();
    assert_eq!(begun["status"], "RUNNING", "it was in the middle of it");

    let (_other, client) = trestle.another_server().await;
    let elsewhere = client.with_token(partner.token().expect("a key"));
    let export = done(&elsewhere, &id).await;
    assert_eq!(export["rowCount"], json!(FAILURES));
    let lines = lines(&bytes(&elsewhere, &export["url"], "identity").await);
    let ids: Vec<String> = lines.iter().map(|line| text(&line["id"])).collect();
    let found: Vec<String> = paged(&elsewhere).await.iter().map(|node| text(&node["id"])).collect();
    assert_eq!(ids, found, "each once, in the order of the list");
}

#[tokio::test]
async fn a_link_ends_with_the_right_to_what_it_leads_to() {
    let scene = Scene::shared().await;
    failed(&scene, 3).await;
    let (key, owner) = partner(&scene, json!(["exports:manage", "failures:read"])).await;
    let query = "{ failures { edges { node { id } } } }";
    let id = begin(&owner, query, Value::Null).await;
    let export = done(&owner, &id).await;
    let colleague = scene.person("TENANT_ADMIN").await;
    assert_eq!(seen(&colleague, &id).await["url"], Value::Null, "who did not ask for it");
    let neighbour = Scene::shared().await;
    let (_key, stranger) = self::partner(&neighbour, json!(["exports:manage", "failures:read"])).await;
    assert_eq!(seen(&stranger, &id).await, Value::Null);
    let refused = stranger.refused("cancelExport", json!({"exportId": id})).await;
    assert!(format!("{refused:?}").contains("NOT_FOUND"), "{refused:?}");

    let status = async || ask(&owner, Method::GET, &export["url"], "identity").await.status();
    assert_eq!(status().await, StatusCode::OK);
    let other_link = json!(format!("{}0", text(&export["url"])));
    assert_eq!(ask(&owner, Method::GET, &other_link, "identity").await.status(), StatusCode::NOT_FOUND);
    let suspend = json!({"tenantId": scene.tenant.id, "reason": "unpaid"});
    scene.admin().mutate("suspendTenant", suspend, "tenant { id }").await;
    assert_eq!(status().await, StatusCode::NOT_FOUND);
    scene.admin().mutate("resumeTenant", json!({"tenantId": scene.tenant.id}), "tenant { id }").await;
    assert_eq!(status().await, StatusCode::OK);
    scene.admin().mutate("revokeApiKey", json!({"apiKeyId": key}), "apiKey { id }").await;
    assert_eq!(status().await, StatusCode::NOT_FOUND);
    assert_eq!(ask(&owner, Method::HEAD, &export["url"], "gzip").await.status(), StatusCode::NOT_FOUND);

    let entries =
        "query($id: ID) { auditEntries(filter: {objectId: $id}) { edges { node { operation outcome } } } }";
    let entries = nodes(&colleague.query(entries, json!({"id": id})).await["auditEntries"]);
    let operations: Vec<String> = entries.iter().map(|entry| text(&entry["operation"])).collect();
    assert_eq!(operations, ["downloadExport", "downloadExport", "createExport"], "{entries:#?}");
}

#[tokio::test]
async fn who_is_disabled_meanwhile_gets_nothing() {
    let trestle = impatient().embedded().await;
    let scene = Scene::of(&trestle).await;
    failed(&scene, FAILURES).await;
    let member = scene.person("TENANT_MEMBER").await;
    let user = text(&member.query("{ viewer { user { id } } }", Value::Null).await["viewer"]["user"]["id"]);
    let id = begin(&member, SLOW, Value::Null).await;
    let is_begun = |export: &Value| export["rowCount"].as_u64().is_some_and(|rows| rows > 0);
    let begun = until_it(scene.admin(), &id, "something is stored", is_begun).await;
    scene.admin().mutate("disableUser", json!({"userId": user}), "user { id }").await;
    assert_eq!(begun["status"], "RUNNING", "it was in the middle of it");
    let ended = until("it ends", SOON, async || {
        let export = seen(scene.admin(), &id).await;
        if export["status"] == "RUNNING" { Err(export) } else { Ok(export) }
    })
    .await;
    assert_eq!((&ended["status"], &ended["failureCode"]), (&json!("FAILED"), &json!("FORBIDDEN")));
    assert_eq!(ended["expiresAt"], Value::Null);
}
