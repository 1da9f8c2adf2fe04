//! What one caller may ask of the real program: budgets, also across processes and without Redis; documents by name; who
//! may read the schema. The protocol in detail is in `api/tests/suite/http`.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::client::{Client, Response, http};
use crate::harness::fixture::Fixture;
use crate::harness::postgres::Database;
use crate::harness::redis::{Redis, RedisServer};
use crate::harness::subscription::{Incoming, Socket};
use crate::harness::trestle::{Setup, Stores};
use crate::harness::wait::{SOON, until};

/// Costs 9,151 points: pages inside pages.
const DEAR: &str =
    "{ tenants(first: 50) { edges { node { systems(first: 60) { edges { node { id } } } } } } }";
const DEAR_COST: u64 = 9_151;
/// So that one such query goes and a second one must wait for most of a minute.
const SMALL_BUDGET: u64 = 10_000;
const INTROSPECTION: &str = "{ __schema { queryType { name } } }";

fn cost(response: &Response) -> &Value {
    &response.body["extensions"]["cost"]
}

#[tokio::test]
async fn budgets_suffice_for_people_and_end_for_floods() {
    // Empty counts as not set: these are the defaults.
    let trestle = Setup::new().setting("TRESTLE_BUDGET_PER_MINUTE", "").embedded().await;
    let admin = trestle.admin().await;
    let page = "{ viewer { role } runs(first: 20) { edges { node { id status integration { name tenant { name } } } } }
        failures(first: 20) { edges { node { id summary suggestedAction status } } } }";
    for _ in 0..100 {
        let response = admin.try_query(page, Value::Null).await;
        assert_eq!(
            response.codes(),
            Vec::<String>::new(),
            "somebody who looks at a hundred pages: {:#}",
            response.body
        );
        assert_eq!(cost(&response)["limit"], 300_000);
    }
    let mut refused = None;
    for _ in 0..1_000 {
        let response = admin.try_query(DEAR, Value::Null).await;
        if response.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(response);
            break;
        }
        assert_eq!(cost(&response)["requested"], DEAR_COST, "{:#}", response.body);
    }
    let refused = refused.expect("a budget ends");
    assert_eq!(refused.codes(), ["RATE_LIMITED"]);
    assert!(refused.body.get("data").is_none(), "{:#}", refused.body);
    trestle.client().query("{ __typename }", Value::Null).await;
    // Guessing passwords is dear: 60 in a minute from one network, and then some each second.
    let guess = json!({"email": "nobody@example.com", "password": "wrong"});
    let payload = trestle.client().try_mutate("signIn", &guess, "accessToken").await;
    assert_eq!(cost(&payload)["requested"].as_u64(), Some(5_005), "{:#}", payload.body);

    let without = Setup::new().setting("TRESTLE_BUDGET_PER_MINUTE", 0).embedded().await;
    let response = without.client().try_query(DEAR, Value::Null).await;
    assert!(response.body.get("extensions").is_none(), "{:#}", response.body);
}

#[tokio::test]
async fn processes_draw_from_one_budget_and_from_their_own_while_redis_is_away() {
    let stores = Stores { database: Database::create().await, redis: Redis::Own(RedisServer::start().await) };
    let mut trestle =
        Setup::new().setting("TRESTLE_BUDGET_PER_MINUTE", SMALL_BUDGET).split_on(stores, 0).await;
    let (other, there) = trestle.another_server().await;
    let here = trestle.client();
    // Nobody signed in, so it is refused field by field, and paid for by the network.
    let ask = async |client: &Client| client.try_query(DEAR, Value::Null).await;
    assert_eq!(ask(&here).await.codes(), ["UNAUTHENTICATED"]);
    let refused = ask(&there).await;
    assert_eq!(
        (refused.status, refused.codes()),
        (StatusCode::TOO_MANY_REQUESTS, vec!["RATE_LIMITED".to_owned()])
    );

    let redis =
        |trestle: &mut crate::harness::trestle::Trestle, pause: bool| match &mut trestle.stores_mut().redis {
            Redis::Own(server) if pause => server.pause(),
            Redis::Own(server) => server.resume(),
            Redis::Database(_) | Redis::Set(_) => unreachable!("made above"),
        };
    redis(&mut trestle, true);
    let started = Instant::now();
    assert_eq!(ask(&there).await.codes(), ["UNAUTHENTICATED"], "on its own it has spent nothing");
    assert!(started.elapsed() < Duration::from_secs(5), "nobody waits for Redis: {:?}", started.elapsed());
    assert_eq!(ask(&there).await.codes(), ["RATE_LIMITED"], "and bounds callers all the same");
    let told = |log: String| log.matches("Redis does not answer").count();
    assert_eq!(told(other.log()), 1, "{}", other.log());
    redis(&mut trestle, false);
    until("Redis is asked again", SOON, async || {
        there.query("{ __typename }", Value::Null).await;
        if other.log().contains("Redis answers again") { Ok(()) } else { Err(other.log_tail()) }
    })
    .await;

    // A Redis that lost everything knows no scripts and no budgets.
    match &mut trestle.stores_mut().redis {
        Redis::Own(server) => server.start_again().await,
        Redis::Database(_) | Redis::Set(_) => unreachable!("made above"),
    }
    until("there is a new budget", SOON, async || {
        let response = ask(&here).await;
        if response.codes() == ["UNAUTHENTICATED"] { Ok(()) } else { Err(response.body) }
    })
    .await;
    assert!(!trestle.log().contains("panicked"), "{}", trestle.log());
}

#[tokio::test]
async fn a_document_that_one_process_knows_is_known_to_the_others() {
    let trestle = Setup::new().split(0).await;
    let (_other, there) = trestle.another_server().await;
    let admin = trestle.admin().await;
    let query = "query Role { viewer { role } }";
    // `printf 'query Role { viewer { role } }' | sha256sum`
    let hash = "54441517f1190d23371f841f02ae0bebc8d9eba9252f8b86cf318e041aa0b849";
    let send = async |client: &Client, query: Option<&str>| {
        let extensions = json!({"persistedQuery": {"version": 1, "sha256Hash": hash}});
        let mut request = http().post(format!("{}/graphql", client.url()));
        if let Some(token) = client.token() {
            request = request.bearer_auth(token);
        }
        let body = json!({"query": query, "extensions": extensions});
        request.json(&body).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let code = |body: &Value| body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned();
    assert_eq!(code(&send(&admin, None).await), "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(send(&admin, Some(query)).await["data"]["viewer"]["role"], "PLATFORM_ADMIN");
    let there = there.with_token(admin.token().unwrap());
    assert_eq!(send(&there, None).await["data"]["viewer"]["role"], "PLATFORM_ADMIN", "through Redis");
    let nobody = trestle.client();
    assert_eq!(code(&send(&nobody, None).await), "UNAUTHENTICATED", "the hash gives no rights");
}

#[tokio::test]
async fn trusted_documents_alone_are_answered_where_the_operator_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = directory.path().join("documents.json");
    let sign_in = "mutation SignIn($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }";
    let documents = json!({"sign-in": sign_in, "role": "query Role { viewer { role } }"});
    std::fs::write(&manifest, documents.to_string()).unwrap();
    let setup = Setup::new().setting("TRESTLE_TRUSTED_DOCUMENTS", manifest.display());
    let trestle = setup.setting("TRESTLE_OPERATIONS", "trusted").embedded().await;
    let send = async |token: Option<&str>, body: Value| {
        let mut request = http().post(format!("{}/graphql", trestle.url())).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let request = request.header("accept", "application/graphql-response+json");
        let response = request.send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    let input = json!({"email": crate::harness::trestle::ADMIN_EMAIL, "password": crate::harness::trestle::ADMIN_PASSWORD});
    let (_, signed_in) = send(None, json!({"documentId": "sign-in", "variables": {"input": input}})).await;
    let token =
        signed_in["data"]["signIn"]["accessToken"].as_str().unwrap_or_else(|| panic!("{signed_in:#}"));
    let (_, role) = send(Some(token), json!({"documentId": "role"})).await;
    assert_eq!(role["data"]["viewer"]["role"], "PLATFORM_ADMIN");
    for query in ["{ viewer { role } }", INTROSPECTION, "{ __typename }"] {
        let (status, body) = send(Some(token), json!({"query": query})).await;
        assert_eq!(
            (status, &body["errors"][0]["extensions"]["code"]),
            (StatusCode::FORBIDDEN, &json!("OPERATION_NOT_TRUSTED")),
            "{query}: {body:#}"
        );
    }
    let page =
        http().get(format!("{}/graphql", trestle.url())).header("accept", "text/html").send().await.unwrap();
    assert_ne!(page.status(), StatusCode::OK, "GraphiQL sends what people write");
    assert_eq!(
        http().get(format!("{}/graphiql/config.json", trestle.url())).send().await.unwrap().status(),
        404
    );
}

#[tokio::test]
async fn the_schema_is_told_to_whom_the_setting_says() {
    for (setting, readers) in [
        ("everyone", &["nobody", "member", "support"][..]),
        ("signed-in", &["member", "support"]),
        ("staff", &["support"]),
        ("off", &[]),
    ] {
        let setup = Setup::new().setting("TRESTLE_INTROSPECTION", setting).setting("TRESTLE_GRAPHIQL", "off");
        let trestle = setup.embedded().await;
        let fixture = Fixture::of(&trestle).await;
        let tenant = fixture.tenant("acme").await;
        let callers = [
            ("nobody", trestle.client()),
            ("member", fixture.user("TENANT_MEMBER", Some(&tenant)).await),
            ("support", fixture.user("SUPPORT", None).await),
        ];
        for (name, client) in callers {
            let told = client.try_query(INTROSPECTION, Value::Null).await;
            let hinted = client.try_query("{ viewr { role } }", Value::Null).await;
            let message = hinted.errors()[0]["message"].as_str().unwrap();
            assert_eq!(hinted.codes(), ["GRAPHQL_VALIDATION_FAILED"]);
            if readers.contains(&name) {
                assert_eq!(told.codes(), Vec::<String>::new(), "{setting} {name}: {:#}", told.body);
                assert!(message.contains("Did you mean \"viewer\""), "{setting} {name}: {message}");
            } else {
                assert_eq!(told.codes(), ["FORBIDDEN"], "{setting} {name}");
                assert!(!message.contains("Did you mean"), "{setting} {name}: {message}");
            }
            assert_eq!(client.query("{ __typename }", Value::Null).await, json!({"__typename": "Query"}));
        }
        let page = http()
            .get(format!("{}/graphql", trestle.url()))
            .header("accept", "text/html")
            .send()
            .await
            .unwrap();
        assert_ne!(page.status(), StatusCode::OK, "GraphiQL is off");
    }
}

#[tokio::test]
async fn websockets_of_a_caller_are_bounded_and_end_with_the_person() {
    let trestle = Setup::new().setting("TRESTLE_WEBSOCKETS_PER_CALLER", 3).embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let (ada, bob) = (fixture.user("SUPPORT", None).await, fixture.user("SUPPORT", None).await);
    let open = async |client: &Client| {
        let mut socket = Socket::connect(trestle.url()).await;
        let authorization = format!("Bearer {}", client.token().unwrap());
        socket.send(json!({"type": "connection_init", "payload": {"Authorization": authorization}})).await;
        let answer = socket.receive().await;
        (socket, answer)
    };
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let (socket, answer) = open(&ada).await;
        assert_eq!(answer, Incoming::Message(json!({"type": "connection_ack"})));
        sockets.push(socket);
    }
    match open(&ada).await.1 {
        Incoming::Closed(Some((4429, reason))) => {
            assert!(reason.contains("each caller may have 3"), "{reason}")
        }
        other => panic!("expected 4429, got {other:?}"),
    }
    assert_eq!(open(&bob).await.1, Incoming::Message(json!({"type": "connection_ack"})));
    // An operation on an open socket asks again who it is for whom.
    let id = ada.query("{ viewer { user { id } } }", Value::Null).await["viewer"]["user"]["id"].clone();
    fixture.admin().mutate("disableUser", json!({"userId": id}), "user { id }").await;
    let payload = json!({"query": "subscription { runChanged { id } }"});
    sockets[0].send(json!({"id": "1", "type": "subscribe", "payload": payload})).await;
    match sockets[0].receive().await {
        Incoming::Message(message) => assert!(message.to_string().contains("UNAUTHENTICATED"), "{message}"),
        Incoming::Closed(Some((code, _))) => assert_eq!(code, 4403),
        other => panic!("a disabled person is served: {other:?}"),
    }
}
