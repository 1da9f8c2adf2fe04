//! Documents by name: automatic persisted queries as Apollo's clients ask for them, and trusted documents.

use api::http::{DocumentOptions, GraphiqlOptions, HttpOptions, ServerOptions, TrustedDocuments};
use reqwest::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Value, json};

use super::server::{Answer, GRAPHQL_RESPONSE, Server, answer};
use super::toy::{self, ToySchema};
use super::websocket::Socket;

const QUERY: &str = "query A($t: String) { echo(text: $t) whoami }";
/// `printf '…' | sha256sum`
const HASH: &str = "98ba2a4482a819abf146219d9169b025b47ae2c0042a15b54be2f129a669efb8";
const INCREMENT: &str = "mutation { increment }";
const INCREMENT_HASH: &str = "c15e34337607a526e80cec5082ecb86e2b7c78bd99c24dc60abfa6cef11c526e";

fn persisted(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn send(server: &Server, token: Option<&str>, body: Value) -> Answer {
    let mut request = server.post(&body).header(ACCEPT, GRAPHQL_RESPONSE);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    answer(request).await
}

#[tokio::test]
async fn a_client_sends_a_document_once_and_then_its_hash() {
    let server = Server::start().await;
    let by_hash = || json!({ "extensions": persisted(HASH), "variables": { "t": "hi" } });
    let unknown = send(&server, Some("good"), by_hash()).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (400, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(unknown.message(), "PersistedQueryNotFound", "clients look for this text");
    let as_json = answer(server.post(&by_hash()).header(ACCEPT, "application/json")).await;
    assert_eq!((as_json.status.as_u16(), as_json.code()), (200, "PERSISTED_QUERY_NOT_FOUND"));

    let mut whole = by_hash();
    whole["query"] = json!(QUERY);
    let anonymous = send(&server, None, whole.clone()).await;
    assert_eq!(anonymous.body["data"], json!({ "echo": "hi", "whoami": "anonymous" }));
    assert_eq!(
        send(&server, None, by_hash()).await.code(),
        "PERSISTED_QUERY_NOT_FOUND",
        "nobody signed in registers"
    );
    assert_eq!(send(&server, Some("good"), whole).await.body["data"]["whoami"], "ada");
    let known = send(&server, Some("good"), by_hash()).await;
    assert_eq!(known.body["data"], json!({ "echo": "hi", "whoami": "ada" }));
    assert_eq!(
        send(&server, None, by_hash()).await.body["data"]["whoami"],
        "anonymous",
        "each with their own rights"
    );
    let by_id = json!({ "documentId": format!("sha256:{HASH}"), "variables": { "t": "id" } });
    assert_eq!(send(&server, None, by_id).await.body["data"]["echo"], "id");

    let get = |hash: &str| {
        server
            .client
            .get(server.url("/graphql"))
            .query(&[("extensions", persisted(hash).to_string()), ("variables", r#"{"t":"get"}"#.to_owned())])
            .header(ACCEPT, "text/html, application/json")
    };
    assert_eq!(
        answer(get(HASH)).await.body["data"]["echo"],
        "get",
        "no page for a browser that names a document"
    );
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": by_hash() })).await;
    assert_eq!(socket.receive().await["payload"]["data"]["echo"], "hi");

    let mutation = json!({ "query": INCREMENT, "extensions": persisted(INCREMENT_HASH) });
    assert_eq!(send(&server, Some("good"), mutation).await.body["data"]["increment"], 1);
    let by_get = answer(get(INCREMENT_HASH)).await;
    assert_eq!((by_get.status.as_u16(), by_get.header("allow")), (405, "POST"));
    let by_post = send(&server, None, json!({ "extensions": persisted(INCREMENT_HASH) })).await;
    assert_eq!(by_post.body["data"]["increment"], 2, "the GET changed nothing");
}

#[tokio::test]
async fn a_document_has_its_own_hash_and_is_within_the_limits() {
    let server = Server::start().await;
    let other = json!({ "query": "{ hello }", "extensions": persisted(HASH) });
    let refused = send(&server, Some("good"), other).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "BAD_REQUEST"), "{}", refused.body);
    assert_eq!(
        send(&server, Some("good"), json!({ "extensions": persisted(HASH) })).await.code(),
        "PERSISTED_QUERY_NOT_FOUND"
    );
    for extensions in [
        json!({ "persistedQuery": { "version": 2, "sha256Hash": HASH } }),
        json!({ "persistedQuery": { "version": 1, "sha256Hash": "x" } }),
        json!({ "persistedQuery": { "version": 1 } }),
        json!({ "persistedQuery": "x" }),
    ] {
        let refused = send(&server, Some("good"), json!({ "extensions": extensions })).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "BAD_REQUEST"), "{extensions}");
    }
}

async fn only_trusted() -> Server {
    let manifest = json!({ "greet": "query Greet { hello }", "count": INCREMENT, "schema": "{ __schema { types { name } } }" });
    let trusted = TrustedDocuments::from_manifest(&manifest.to_string()).unwrap();
    Server::start_with(
        |options| {
            options.documents = DocumentOptions { trusted, only_trusted: true };
            options.graphiql = None;
        },
        ServerOptions::default(),
    )
    .await
}

#[tokio::test]
async fn where_only_trusted_documents_are_answered_nothing_else_runs() {
    let server = only_trusted().await;
    let greeted = send(&server, None, json!({ "documentId": "greet" })).await;
    assert_eq!(greeted.body, json!({ "data": { "hello": "world" } }));
    let counted = send(&server, None, json!({ "documentId": "count" })).await;
    assert_eq!(counted.body["data"]["increment"], 1);
    assert_eq!(
        send(&server, None, json!({ "query": INCREMENT })).await.body["data"]["increment"],
        2,
        "the same text"
    );
    let introspection = include_str!("introspection.graphql");
    for body in [
        json!({ "query": "mutation { increment increment }" }),
        json!({ "query": introspection }),
        json!({ "query": "{ __type(name: \"Query\") { name } }" }),
        json!({ "query": "{ __typename }" }),
        json!({ "query": "{{{{" }),
        json!({ "documentId": "other" }),
        json!({ "extensions": persisted(HASH) }),
        json!({ "query": QUERY, "extensions": persisted(HASH) }),
        json!({ "query": "mutation { increment increment }", "extensions": persisted(INCREMENT_HASH) }),
    ] {
        let refused = send(&server, Some("good"), body.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (403, "OPERATION_NOT_TRUSTED"),
            "{body}: {}",
            refused.body
        );
        assert!(refused.message().contains("trusted documents only"), "{}", refused.message());
    }
    // A trusted document does not give more rights.
    let schema = send(&server, None, json!({ "documentId": "schema" })).await;
    assert_eq!((schema.status.as_u16(), schema.code()), (403, "FORBIDDEN"));
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe("a", "subscription { count(to: 1) }").await;
    let refused = socket.receive().await;
    assert_eq!(refused["payload"][0]["extensions"]["code"], "OPERATION_NOT_TRUSTED", "{refused}");
    let page = answer(server.client.get(server.url("/graphql")).header(ACCEPT, "text/html")).await;
    assert_eq!(page.status, 406, "no GraphiQL: {}", page.body);
    assert_eq!(
        send(&server, None, json!({ "documentId": "count" })).await.body["data"]["increment"],
        3,
        "nothing ran"
    );
}

#[tokio::test]
async fn trusted_documents_may_be_named_where_any_is_answered() {
    let trusted = TrustedDocuments::from_manifest(r#"{"greet": "query Greet { hello }"}"#).unwrap();
    let server = Server::start_with(
        |options| {
            options.documents = DocumentOptions { trusted, only_trusted: false };
            options.graphiql = Some(GraphiqlOptions::default());
        },
        ServerOptions::default(),
    )
    .await;
    let get = server
        .client
        .get(server.url("/graphql"))
        .query(&[("documentId", "greet")])
        .header(ACCEPT, "text/html,application/json");
    assert_eq!(answer(get).await.body, json!({ "data": { "hello": "world" } }));
    let unknown = send(&server, None, json!({ "documentId": "other" })).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (400, "PERSISTED_QUERY_NOT_FOUND"));
    let both = send(&server, None, json!({ "documentId": "greet", "query": "{ hello }" })).await;
    assert_eq!((both.status.as_u16(), both.code()), (400, "BAD_REQUEST"));
}

#[tokio::test]
async fn who_may_not_read_the_schema_is_told_no_names_of_it() {
    let terse = |options: &mut HttpOptions<ToySchema>| options.terse_executor = Some(toy::terse_schema());
    let server = Server::start_with(terse, ServerOptions::default()).await;
    // Nobody types that much, and each name would be compared with all that there are.
    let flood: String = (0..100).map(|index| format!("{}{index} ", "x".repeat(50))).collect();
    let refused = server.query_as("good", &format!("{{ helo {flood} }}")).await;
    assert!(
        refused.message().contains("\"helo\"") && !refused.message().contains("Did you mean"),
        "{}",
        refused.body
    );
    for (query, wrong) in [
        ("{ helo }", "\"helo\""),
        ("{ thing { chld { id } } }", "\"chld\""),
        ("{ echo(tex: \"a\") }", "\"tex\""),
    ] {
        let told = server.query_as("good", query).await;
        assert!(told.message().contains("Did you mean"), "{}", told.body);
        let refused = server.query(query).await;
        assert_eq!(refused.code(), "GRAPHQL_VALIDATION_FAILED");
        assert!(
            refused.message().contains(wrong) && !refused.message().contains("Did you mean"),
            "{}",
            refused.body
        );
    }
}
