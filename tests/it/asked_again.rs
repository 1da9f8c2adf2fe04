//! What is asked again and again: the short ways of a query, on which neither the document is validated nor who asks is
//! looked up, show nobody anything else than the long ones. How fast they are is measured in `bench`.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::client::{Client, Response};
use crate::harness::fixture::Fixture;
use crate::harness::trestle::Trestle;
use crate::harness::wait::until;
use crate::scene::{Scene, nodes, text};

/// For so long a server believes who somebody was, should it not hear that they are nobody any more
/// (`domain/src/authentication/recent.rs`).
const BELIEVED: Duration = Duration::from_secs(5);

const LOGS: &str = "{ runs(first: 5) { edges { node { id logs(first: 1) { edges { cursor } } } } } }";
const FILTERED: &str = "query($filter: RunFilter) { runs(filter: $filter) { edges { node { status } } } }";

/// Asks by a document that nobody has asked by before.
async fn anew(client: &Client, query: &str, variables: Value, number: usize) -> Response {
    client.try_query(&format!("{query} # {number}"), variables).await
}

fn same(again: &Response, anew: &Response) {
    assert_eq!((again.status, again.text()), (anew.status, anew.text()));
}

#[tokio::test]
async fn what_was_answered_to_one_is_refused_to_another_like_the_first_time() {
    let scene = Scene::shared().await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({"records": 1}), json!({})).await;
    let run = scene.fixture.start_run(&integration).await;
    scene.fixture.finished_run(&run).await;
    let engineer = scene.person("ENGINEER").await;
    for _ in 0..3 {
        assert!(!nodes(&engineer.query(LOGS, Value::Null).await["runs"]).is_empty());
    }
    let viewer = scene.person("TENANT_VIEWER").await;
    let again = viewer.try_query(LOGS, Value::Null).await;
    assert_eq!(again.codes(), ["FORBIDDEN"]);
    assert_eq!(again.errors()[0]["path"], json!(["runs", "edges", 0, "node", "logs"]), "{}", again.body);
    same(&again, &anew(&viewer, LOGS, Value::Null, 1).await);

    let administrator = scene.person("TENANT_ADMIN").await;
    let entries =
        "{ auditEntries(first: 10, filter: {operation: [\"query\"]}) { edges { node { outcome } } } }";
    let entries = administrator.query(entries, Value::Null).await;
    let denied = json!({"outcome": "DENIED"});
    assert_eq!(nodes(&entries["auditEntries"]), [denied.clone(), denied], "one for each that was asked");
}

#[tokio::test]
async fn what_was_valid_with_some_variables_is_not_with_others() {
    let scene = Scene::shared().await;
    let administrator = scene.person("TENANT_ADMIN").await;
    for statuses in [json!(["SUCCEEDED"]), json!(["FAILED", "PARTIAL"]), json!([])] {
        administrator.query(FILTERED, json!({"filter": {"status": statuses}})).await;
    }
    let wrong = [
        json!({"filter": {"stauts": ["SUCCEEDED"]}}),
        json!({"filter": {"status": ["SUCCEDED"]}}),
        json!({"filter": {"status": [1]}}),
        json!({"filter": {"status": [null]}}),
        json!({"filter": ["SUCCEEDED"]}),
    ];
    for (number, variables) in wrong.into_iter().enumerate() {
        let again = administrator.try_query(FILTERED, variables.clone()).await;
        assert!(!again.errors().is_empty(), "{variables}: {}", again.body);
        same(&again, &anew(&administrator, FILTERED, variables, number).await);
    }
}

/// Everything that runs, failures and integrations have already, with what has to be waited for in between.
const PLAIN: &str = "
  query { runs(first: 3) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node {
    __typename id status trigger triggeredBy queuedAt startedAt finishedAt durationMs
    counts { read created updated unchanged skipped failed deleted unaccounted }
    tenant { id }
    integration { id name description status statusReason holdAfter failedRunCount reconcile createdAt updatedAt }
    failures(first: 2) { pageInfo { hasNextPage } edges { cursor node {
      id stream businessReference status category stage code responsibleParty retryable impact impactReason valueAtStake
      summary fieldErrors { path rule message } attempts failedAt lastAttemptAt nextAttemptAt resolvedAt httpStatus
      technicalDetail recordRemovedAt redactions { field reason } viewerCanRetry viewerCanSkip viewerCanEdit
    } } }
  } } } }";

/// The ways in which a document can say what it wants of an object.
const WAYS: [&str; 6] = [
    "{ runs(first: 3) { edges { node { id state: status again: status status status } } } }",
    "{ runs(first: 3) { edges { node { counts { read } id counts { failed } } } } }",
    "{ runs(first: 3) { edges { ...E } } } fragment E on RunEdge { node { ...R ... { queuedAt } ... on Run { trigger } } } \
     fragment R on Run { status failures(first: 1) { edges { node { ...F } } } } fragment F on Failure { __typename code }",
    "{ runs(first: 3) { edges { node { ... on Node { id } status } } } }",
    "{ runs(first: 3) { edges { node { id @skip(if: true) status @include(if: true) ... on Run @skip(if: true) { trigger } } } } }",
    "{ runs(first: 3) { edges { node { integration { ... on Integration { name } streams { name } kpis { key } } } } } }",
];

#[tokio::test]
async fn what_is_asked_again_is_answered_as_the_first_time() {
    let scene = Scene::shared().await;
    let source = json!({"records": 4});
    let integration = scene.fixture.sandbox(&scene.tenant, source, json!({"rejectEvery": 2})).await;
    let run = scene.fixture.start_run(&integration).await;
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!(run["status"], "PARTIAL", "{run}");
    for role in ["TENANT_VIEWER", "TENANT_ADMIN", "ENGINEER"] {
        let person = scene.person(role).await;
        for query in [PLAIN].into_iter().chain(WAYS) {
            // Staff see the runs of others, which go on.
            let of_tenant = format!("runs(first: 3, filter: {{tenantId: \"{}\"}})", scene.tenant.id);
            let query = &query.replace("runs(first: 3)", &of_tenant);
            let first = person.try_query(query, Value::Null).await;
            assert!(
                first.errors().is_empty() && first.text().contains("edges"),
                "{role} {query}: {}",
                first.body
            );
            for _ in 0..2 {
                same(&person.try_query(query, Value::Null).await, &first);
            }
        }
    }
}

/// Asks a server who a token is, so that it remembers that.
async fn is_known(client: &Client) {
    for _ in 0..2 {
        assert_eq!(status(client).await, StatusCode::OK);
    }
}

async fn status(client: &Client) -> StatusCode {
    client.try_query("{ viewer { role } }", Value::Null).await.status
}

#[tokio::test]
async fn who_is_shut_out_by_one_server_is_refused_by_it_at_once_and_by_others_before_they_would_forget() {
    let trestle = Trestle::split(0).await;
    let (_process, other) = trestle.another_server().await;
    let fixture = Fixture::of(&trestle).await;
    let tenant = fixture.tenant("acme").await;
    let member = fixture.user("TENANT_MEMBER", Some(&tenant)).await;
    let viewer = member.query("{ viewer { user { id } } }", Value::Null).await;
    let person = json!({"userId": viewer["viewer"]["user"]["id"]});

    let input = json!({"name": "partner", "tenantIds": [tenant.id], "scopes": ["runs:read"]});
    let made = fixture.admin().mutate("createApiKey", input, "apiKey { id } secret").await;
    let partner = member.with_token(&text(&made["secret"]));
    let key = json!({"apiKeyId": made["apiKey"]["id"]});

    let input = json!({"tenantId": tenant.id, "endUser": "Ann", "scopes": ["runs:read"]});
    let made = fixture.admin().mutate("createPortalSession", input, "portalSession { id } token").await;
    let portal = member.with_token(&text(&made["token"]));
    let session = json!({"portalSessionId": made["portalSession"]["id"]});

    for (client, mutation, input, object) in [
        (&member, "disableUser", person, "user"),
        (&partner, "revokeApiKey", key, "apiKey"),
        (&portal, "endPortalSession", session, "portalSession"),
    ] {
        let elsewhere = other.with_token(client.token().unwrap());
        is_known(client).await;
        is_known(&elsewhere).await;
        let known_at = Instant::now();
        fixture.admin().mutate(mutation, input, &format!("{object} {{ id }}")).await;
        assert_eq!(status(client).await, StatusCode::UNAUTHORIZED, "{mutation}");
        let limit = BELIEVED.saturating_sub(known_at.elapsed());
        until("the other server refuses, too", limit, async || match status(&elsewhere).await {
            StatusCode::UNAUTHORIZED => Ok(()),
            other => Err((mutation, other)),
        })
        .await;
        assert!(known_at.elapsed() < BELIEVED, "{mutation}: it has only forgotten");
    }
}
