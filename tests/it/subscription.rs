//! Live updates as a portal gets them: graphql-transport-ws, in one process and through Redis between several, of the
//! listener's tenant only, never longer than the listener is signed in, and what a listener missed who was away. Deliberately
//! absent: who may listen to what (`access`), and server-sent events (`event_stream`).

use std::time::Duration;

use chrono::DateTime;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::postgres::Database;
use crate::harness::process::Process;
use crate::harness::redis::{Redis, RedisServer};
use crate::harness::subscription::{Incoming, Socket, Subscription};
use crate::harness::trestle::{Setup, Stores, Trestle, jwt_key};
use crate::harness::watchdog;
use crate::peer::node;
use crate::scene::{Scene, text};

/// Longer than an event takes to arrive.
const EVENT_LIMIT: Duration = Duration::from_secs(60);
/// How long a listener is watched who must hear nothing, each time that something happens.
const SILENCE: Duration = Duration::from_millis(200);
/// Most things that are made to happen until a listener who signed out is told so: some 60 s.
const TRIGGERS_MAX: usize = 300;

static SHARED: OnceCell<Trestle> = OnceCell::const_new();

async fn program() -> &'static Trestle {
    // With a key that a test can sign with too.
    SHARED.get_or_init(|| Setup::new().setting("TRESTLE_JWT_KEY", jwt_key()).embedded()).await
}

/// An integration of which every second record fails, and its system's destination refuses.
async fn half_failing(scene: &Scene, records: u64) -> String {
    let system = scene.fixture.system(&scene.tenant, "sandbox", json!({}), Value::Null).await;
    let moves = stream(json!({"records": records}), json!({"rejectEvery": 2}));
    scene.integration(&system, &system, moves).await
}

/// The whole way of a run, its failures and their retry, as it is told to a person of the tenant.
async fn a_run_and_its_retry_are_told(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    let member = scene.person("TENANT_MEMBER").await;
    let integration = half_failing(&scene, 6).await;
    let mut runs = member
        .subscribe(
            "subscription($id: ID) { runChanged(integrationId: $id) { id status counts { read failed } } }",
            json!({"id": integration}),
        )
        .await;
    let mut failures = member
        .subscribe(
            "subscription($id: ID) { failureChanged(integrationId: $id) { id status record httpStatus run { id } } }",
            json!({"id": integration}),
        )
        .await;
    heard(&scene, &integration, &mut runs).await;
    let run = scene.fixture.start_run(&integration).await;
    let last = runs
        .find(EVENT_LIMIT, |event| {
            event["runChanged"]["id"] == *run && event["runChanged"]["status"] == "PARTIAL"
        })
        .await;
    assert_eq!(last["runChanged"]["counts"], json!({"read": 6, "failed": 3}));
    let is_open = |event: &Value| {
        event["failureChanged"]["status"] == "OPEN" && event["failureChanged"]["run"]["id"] == *run
    };
    let failure = failures.find(EVENT_LIMIT, is_open).await;
    let failure = &failure["failureChanged"];
    assert!(
        failure["record"].is_object() && failure["httpStatus"].is_null(),
        "with the listener's rights: {failure:#}"
    );

    // A failure that is skipped is told, too.
    let skip = json!({"failureIds": [failure["id"]]});
    member.mutate("skipFailures", skip, "skipped").await;
    let skipped = failures.find(EVENT_LIMIT, |event| event["failureChanged"]["status"] == "SKIPPED").await;
    assert_eq!(skipped["failureChanged"]["id"], failure["id"]);

    let filter = json!({"filter": {"runId": run, "status": ["OPEN"]}});
    let retry = member.mutate("retryFailures", filter, "retry { id }").await["retry"]["id"].clone();
    let mut told = member
        .subscribe(
            "subscription($id: ID!) { retryChanged(retryId: $id) { id status total resolved failed remaining } }",
            json!({"id": retry}),
        )
        .await;
    let first = told.next().await;
    assert_eq!(
        (&first["retryChanged"]["id"], &first["retryChanged"]["total"]),
        (&retry, &json!(2)),
        "its state comes first"
    );
    let is_over = |event: &Value| event["retryChanged"]["status"] == "COMPLETED";
    let last = if is_over(&first) { first } else { told.find(EVENT_LIMIT, is_over).await };
    let expected =
        json!({"id": retry, "status": "COMPLETED", "total": 2, "resolved": 0, "failed": 2, "remaining": 0});
    assert_eq!(last["retryChanged"], expected);

    // With a run's id, its state comes first, however long ago it ended.
    let mut one = member
        .subscribe("subscription($id: ID) { runChanged(runId: $id) { id status } }", json!({"id": run}))
        .await;
    assert_eq!(one.next().await["runChanged"], json!({"id": run, "status": "PARTIAL"}));
}

/// Makes runs change until the subscription tells of one: from then on it hears everything, in every process.
async fn heard(scene: &Scene, integration: &str, runs: &mut Subscription) {
    for _ in 0..TRIGGERS_MAX {
        let run = scene.fixture.start_run(integration).await;
        if runs.next_within(SILENCE).await.is_some() {
            scene.fixture.finished_run(&run).await;
            return;
        }
    }
    panic!("nothing is told");
}

#[tokio::test]
async fn a_run_and_its_retry_are_told_in_one_process() {
    a_run_and_its_retry_are_told(program().await).await;
}

#[tokio::test]
async fn a_run_and_its_retry_are_told_across_processes() {
    a_run_and_its_retry_are_told(&Trestle::split(1).await).await;
}

async fn cancel(client: &Client, run: &str) {
    client.mutate("cancelRun", json!({"runId": run}), "run { id }").await;
}

fn is_canceled(event: &Value, run: &str) -> bool {
    event["runChanged"] == json!({"id": run, "status": "CANCELED"})
}

#[tokio::test]
async fn what_another_process_does_while_redis_is_away_is_told_when_it_is_back() {
    let stores = Stores { database: Database::create().await, redis: Redis::Own(RedisServer::start().await) };
    let mut trestle = Setup::new().split_on(stores, 0).await;
    let scene = Scene::of(&trestle).await;
    let (_process, other) = trestle.another_server().await;
    let elsewhere = other.with_token(scene.admin().token().unwrap());
    let integration = half_failing(&scene, 2).await;
    let mut runs = scene.admin().subscribe("subscription { runChanged { id status } }", Value::Null).await;
    // No worker takes them.
    let mut waiting = Vec::new();
    for _ in 0..TRIGGERS_MAX {
        waiting.push(scene.fixture.start_run(&integration).await);
        if waiting.len() >= 3 && runs.next_within(SILENCE).await.is_some() {
            break;
        }
    }
    let [first, second, third] = &waiting[..3] else { unreachable!("there are three") };
    cancel(&elsewhere, first).await;
    runs.find(EVENT_LIMIT, |event| is_canceled(event, first)).await;

    let Redis::Own(redis) = &mut trestle.stores_mut().redis else { unreachable!("made above") };
    redis.stop_immediate();
    cancel(&elsewhere, second).await;
    // What is told after it does not make it forgotten.
    cancel(scene.admin(), third).await;
    runs.find(EVENT_LIMIT, |event| is_canceled(event, third)).await;
    let Redis::Own(redis) = &mut trestle.stores_mut().redis else { unreachable!("made above") };
    redis.start_again().await;
    runs.find(EVENT_LIMIT, |event| is_canceled(event, second)).await;
}

/// Subscribes on a socket of its own, and gives the socket.
async fn listening(client: &Client, query: &str) -> Socket {
    let mut socket = open(client).await;
    socket.send(json!({"id": "1", "type": "subscribe", "payload": {"query": query}})).await;
    socket
}

async fn who_was_away_is_told_what_changed_meanwhile(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    let integration = half_failing(&scene, 4).await;
    let before = chrono::Utc::now().to_rfc3339();
    scene.run(&integration).await;
    let failures = |since: &str| {
        format!(
            "subscription {{ failureChanged(integrationId: \"{integration}\", since: \"{since}\") {{ id status }} }}"
        )
    };
    // Before it came, two failed: both come at once, in whichever order, and then nothing.
    let mut socket = listening(scene.admin(), &failures(&before)).await;
    let (one, other) = (message(&mut socket).await, message(&mut socket).await);
    let payload = |told: &Value| told["payload"]["data"]["failureChanged"].clone();
    assert_ne!(payload(&one)["id"], payload(&other)["id"]);
    assert_eq!((&payload(&one)["status"], &payload(&other)["status"]), (&json!("OPEN"), &json!("OPEN")));
    // It goes on from what the last event says.
    let since = text(&other["payload"]["extensions"]["since"]);
    drop(socket);
    let skip = json!({"failureIds": [payload(&one)["id"]], "reason": "A duplicate."});
    scene.admin().mutate("skipFailures", skip, "skipped").await;
    let mut socket = listening(scene.admin(), &failures(&since)).await;
    loop {
        // The others may be told again, as they are: a little before that time is looked at, too.
        let told = payload(&message(&mut socket).await);
        if told["id"] == payload(&one)["id"] && told["status"] == "SKIPPED" {
            break;
        }
    }
    drop(socket);

    // A run that has ended meanwhile, the group of its failures, and how the integration is then.
    for (field, selection, status) in [
        ("runChanged", "status", "PARTIAL"),
        ("failureGroupChanged", "status: responsibleParty", "CUSTOMER"),
        ("healthChanged", "status integration { id }", "ACTION_REQUIRED"),
    ] {
        let query = format!(
            "subscription {{ {field}(integrationId: \"{integration}\", since: \"{before}\") {{ {selection} }} }}"
        );
        let mut socket = listening(scene.admin(), &query).await;
        let told = message(&mut socket).await["payload"]["data"][field].clone();
        assert_eq!(told["status"], status, "{field}: {told:#}");
        if field == "healthChanged" {
            assert_eq!(told["integration"]["id"], *integration);
        }
    }
}

#[tokio::test]
async fn who_was_away_is_told_what_changed_meanwhile_in_one_process() {
    who_was_away_is_told_what_changed_meanwhile(program().await).await;
}

#[tokio::test]
async fn who_was_away_is_told_what_changed_meanwhile_across_processes() {
    who_was_away_is_told_what_changed_meanwhile(&Trestle::split(1).await).await;
}

#[tokio::test]
async fn who_missed_more_than_is_told_is_told_so_and_hears_what_comes() {
    let scene = Scene::of(program().await).await;
    let integration = half_failing(&scene, 250).await;
    let before = chrono::Utc::now().to_rfc3339();
    scene.run(&integration).await;
    let query = format!(
        "subscription {{ failureChanged(integrationId: \"{integration}\", since: \"{before}\") {{ id status }} }}"
    );
    let mut socket = listening(scene.admin(), &query).await;
    let first = message(&mut socket).await;
    assert_eq!(first["type"], "next", "{first:#}");
    let error = &first["payload"]["errors"][0];
    assert_eq!(error["extensions"]["code"], "CATCH_UP_INCOMPLETE", "{first:#}");
    let mut newest = std::collections::BTreeSet::new();
    for _ in 0..100 {
        newest.insert(text(&message(&mut socket).await["payload"]["data"]["failureChanged"]["id"]));
    }
    assert_eq!(newest.len(), 100);
    let skip = json!({"failureIds": [newest.first()], "reason": "A duplicate."});
    scene.admin().mutate("skipFailures", skip, "skipped").await;
    let told = message(&mut socket).await["payload"]["data"]["failureChanged"].clone();
    assert_eq!((&told["status"], Some(&text(&told["id"]))), (&json!("SKIPPED"), newest.first()));
}

#[tokio::test]
async fn how_an_integration_is_is_told_when_that_changes() {
    let scene = Scene::of(program().await).await;
    let integration = half_failing(&scene, 2).await;
    // What changes before it listens is told, too, and then perhaps twice.
    let before = chrono::Utc::now().to_rfc3339();
    let query = format!(
        "subscription {{ healthChanged(integrationId: \"{integration}\", since: \"{before}\") {{ status reasons {{ code }} }} }}"
    );
    let mut socket = listening(scene.admin(), &query).await;
    scene.run(&integration).await;
    let pause = json!({"integrationId": integration});
    let sick = message(&mut socket).await["payload"]["data"]["healthChanged"].clone();
    assert_eq!(sick["status"], "ACTION_REQUIRED", "{sick:#}");
    assert_eq!(sick["reasons"][0], json!({"code": "OPEN_FAILURES"}), "{sick:#}");
    scene.admin().mutate("pauseIntegration", pause, "integration { id }").await;
    loop {
        let told = message(&mut socket).await["payload"]["data"]["healthChanged"].clone();
        if told["status"] == "PAUSED" {
            break;
        }
        assert_eq!(told["status"], "ACTION_REQUIRED", "{told:#}");
    }
}

#[tokio::test]
async fn listeners_hear_of_their_own_tenant_and_of_no_other() {
    let trestle = program().await;
    let (one, other) = (Scene::of(trestle).await, Scene::of(trestle).await);
    let (of_one, of_other) = (half_failing(&one, 4).await, half_failing(&other, 4).await);
    let viewer = other.person("TENANT_VIEWER").await;
    let runs = "subscription { runChanged { id status tenant { id } } }";
    let failures = "subscription { failureChanged { run { id } tenant { id } } }";
    let mut heard_runs = viewer.subscribe(runs, Value::Null).await;
    let mut heard_failures = viewer.subscribe(failures, Value::Null).await;
    let mut staff = one.admin().subscribe(runs, Value::Null).await;
    heard(&other, &of_other, &mut heard_runs).await;
    // All of this is over before the marker begins, so it would arrive first.
    one.run(&of_one).await;
    one.run(&of_one).await;
    let marker = other.run(&of_other).await;
    let own = json!(other.tenant.id);
    let is_marker = |run: &Value| run["id"] == marker["id"] && run["status"] == "PARTIAL";
    loop {
        let event = heard_runs.next().await["runChanged"].clone();
        assert_eq!(event["tenant"]["id"], own, "{event:#}");
        if is_marker(&event) {
            break;
        }
    }
    loop {
        let event = heard_failures.next().await["failureChanged"].clone();
        assert_eq!(event["tenant"]["id"], own, "{event:#}");
        if event["run"]["id"] == marker["id"] {
            break;
        }
    }
    for tenant in [&one.tenant.id, &other.tenant.id] {
        staff.find(EVENT_LIMIT, |event| event["runChanged"]["tenant"]["id"] == **tenant).await;
    }
}

/// A socket on which the caller is known.
async fn open(client: &Client) -> Socket {
    let mut socket = Socket::connect(client.url()).await;
    let payload =
        client.token().map_or_else(|| json!({}), |token| json!({"Authorization": format!("Bearer {token}")}));
    socket.send(json!({"type": "connection_init", "payload": payload})).await;
    assert_eq!(socket.receive().await, Incoming::Message(json!({"type": "connection_ack"})));
    socket
}

async fn message(socket: &mut Socket) -> Value {
    match socket.receive().await {
        Incoming::Message(message) => message,
        Incoming::Closed(reason) => panic!("the server closed: {reason:?}"),
    }
}

/// What the socket is closed with.
async fn close_code(socket: &mut Socket) -> u16 {
    loop {
        match socket.receive().await {
            Incoming::Closed(Some((code, _))) => return code,
            Incoming::Closed(None) => panic!("closed without a code"),
            Incoming::Message(message) => assert_ne!(message["type"], "connection_ack", "{message}"),
        }
    }
}

#[tokio::test]
async fn nobody_hears_anything_without_signing_in() {
    let client = program().await.client();
    let mut socket = open(&client).await;
    let queries = ["runChanged { id }", "failureChanged { id }", "retryChanged(retryId: \"x\") { id }"];
    for (id, field) in queries.iter().enumerate() {
        let payload = json!({"query": format!("subscription {{ {field} }}")});
        socket.send(json!({"id": id.to_string(), "type": "subscribe", "payload": payload})).await;
        let told = message(&mut socket).await;
        assert!(told.to_string().contains("UNAUTHENTICATED"), "{field}: {told:#}");
        if told["type"] == "next" {
            assert_eq!(message(&mut socket).await["type"], "complete");
        }
    }
    // The connection lives on: signing in is a mutation like any other.
    let query = json!({"query": "{ __typename }"});
    socket.send(json!({"id": "q", "type": "subscribe", "payload": query})).await;
    let next = message(&mut socket).await;
    assert_eq!((&next["type"], &next["payload"]["data"]), (&json!("next"), &json!({"__typename": "Query"})));
    assert_eq!(next["payload"]["extensions"]["cost"]["requested"], 1, "{next:#}");
    assert_eq!(message(&mut socket).await, json!({"id": "q", "type": "complete"}));
}

#[tokio::test]
async fn who_signs_out_hears_nothing_more() {
    let scene = Scene::of(program().await).await;
    let integration = half_failing(&scene, 2).await;
    let pause = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", pause, "integration { id }").await;
    let viewer = scene.person("TENANT_VIEWER").await;
    let mut socket = open(&viewer).await;
    let payload = json!({"query": "subscription { runChanged { id } }"});
    socket.send(json!({"id": "1", "type": "subscribe", "payload": payload})).await;
    let signed_out = viewer.query("mutation { signOut { userErrors { code } } }", Value::Null).await;
    assert_eq!(signed_out["signOut"]["userErrors"], json!([]));
    for _ in 0..TRIGGERS_MAX {
        scene.fixture.start_run(&integration).await;
        match socket.receive_within(SILENCE).await {
            // Clients come again with a new token, which they would not after `complete`.
            Some(Incoming::Closed(Some((4403, _)))) => return,
            // What happened a moment before may still be told, for some seconds.
            Some(Incoming::Message(told)) if told["payload"]["data"]["runChanged"].is_object() => {}
            None => {}
            Some(other) => panic!("neither an event nor the end: {other:?}"),
        }
    }
    panic!("the subscription goes on");
}

#[tokio::test]
async fn a_connection_ends_with_its_token() {
    let trestle = program().await;
    let admin = trestle.admin().await;
    let token = admin.token().unwrap();
    let part = |index: usize| {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()
    };
    let header: Header = serde_json::from_slice(&part(0)).unwrap();
    let mut claims: Value = serde_json::from_slice(&part(1)).unwrap();
    claims["exp"] = json!(chrono::Utc::now().timestamp() + 2);
    let key = EncodingKey::from_ed_pem(jwt_key().as_bytes()).unwrap();
    let short = admin.with_token(&jsonwebtoken::encode(&header, &claims, &key).unwrap());
    let mut socket = open(&short).await;
    let payload = json!({"query": "subscription { retryChanged(retryId: \"x\") { id } runChanged { id } }"});
    socket.send(json!({"id": "1", "type": "subscribe", "payload": payload})).await;
    assert_eq!(close_code(&mut socket).await, 4403, "clients come again, with a new token");
}

#[tokio::test]
async fn each_breach_of_the_protocol_has_its_close_code() {
    let trestle = program().await;
    let admin = trestle.admin().await;
    let subscribe = |id: &str| json!({"id": id, "type": "subscribe", "payload": {"query": "subscription { runChanged { id } }"}});
    for wrong in [
        "",
        "hello",
        "[]",
        "{}",
        r#"{"type": 5}"#,
        r#"{"type": "start"}"#,
        r#"{"type": "ping", "payload": 5}"#,
    ] {
        let mut socket = open(&admin).await;
        socket.send_text(wrong).await;
        assert_eq!(close_code(&mut socket).await, 4400, "{wrong}");
    }
    for wrong in [
        json!({"type": "subscribe", "payload": {"query": "{ __typename }"}}),
        json!({"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}),
        json!({"type": "subscribe", "id": "1"}),
        json!({"type": "subscribe", "id": "1", "payload": {"query": 5}}),
        json!({"type": "complete"}),
    ] {
        let mut socket = open(&admin).await;
        socket.send(wrong.clone()).await;
        assert_eq!(close_code(&mut socket).await, 4400, "{wrong}");
    }

    let mut socket = Socket::connect(admin.url()).await;
    socket.send(subscribe("1")).await;
    assert_eq!(close_code(&mut socket).await, 4401, "before connection_init");
    let mut socket = Socket::connect(admin.url()).await;
    socket.send(json!({"type": "connection_init", "payload": {"Authorization": "Basic YTpi"}})).await;
    assert_eq!(close_code(&mut socket).await, 4401, "no token can become good that way");
    let mut socket = Socket::connect(admin.url()).await;
    socket.send(json!({"type": "connection_init", "payload": {"Authorization": "Bearer wrong"}})).await;
    assert_eq!(close_code(&mut socket).await, 4403, "another token may be good");

    let mut socket = open(&admin).await;
    socket.send(subscribe("1")).await;
    socket.send(subscribe("1")).await;
    assert_eq!(close_code(&mut socket).await, 4409, "the same id twice");
    let mut socket = open(&admin).await;
    socket.send(json!({"type": "connection_init"})).await;
    assert_eq!(close_code(&mut socket).await, 4429, "initialised twice");

    let elsewhere = Socket::connect_from(admin.url(), Some("https://evil.example")).await;
    assert!(elsewhere.is_err(), "pages of other origins may not connect");
}

#[tokio::test]
async fn the_client_of_graphql_ws_follows_a_run_and_knows_when_to_try_again() {
    let trestle = program().await;
    let scene = Scene::of(trestle).await;
    let integration = half_failing(&scene, 4).await;
    let url = format!("{}/graphql", trestle.url().replace("http://", "ws://"));
    let client = |token: &str| {
        let query = format!("subscription {{ runChanged(integrationId: \"{integration}\") {{ status }} }}");
        let mut command = node("graphql_ws_client", "graphql-ws", "client.mjs");
        command.args([url.as_str(), query.as_str()]).env("TOKEN", token);
        command
    };
    let log = watchdog::directory("graphql-ws").join("log");
    let mut listener = Process::start("client", &mut client(scene.admin().token().unwrap()), &log, "KILL");
    listener.line("subscribed", EVENT_LIMIT).await;
    scene.fixture.start_run(&integration).await;
    let begins = r#"{"data":{"runChanged":{"status":"PARTIAL"#;
    let rest = listener.line(begins, EVENT_LIMIT).await;
    let event: Value = serde_json::from_str(&format!("{begins}{rest}")).expect("an event in one line");
    assert_eq!(event["data"], json!({"runChanged": {"status": "PARTIAL"}}));
    assert!(DateTime::parse_from_rfc3339(&text(&event["extensions"]["since"])).is_ok(), "{event}");

    let printed = |token: &str| String::from_utf8(client(token).output().unwrap().stdout).unwrap();
    // A token that is no longer good: the next one may be.
    assert_eq!(printed("wrong"), "closed 4403\nagain\nclosed 4403\nagain\nclosed 4403\nerror 4403\n");
    // What can never be a token.
    assert_eq!(printed(""), "closed 4401\nerror 4401\n");
}

#[tokio::test]
async fn who_says_nothing_is_sent_away() {
    let mut socket = Socket::connect(program().await.url()).await;
    assert_eq!(close_code(&mut socket).await, 4408);
}

#[tokio::test]
async fn operations_of_every_kind_run_beside_each_other_on_one_connection() {
    let scene = Scene::of(program().await).await;
    let integration = half_failing(&scene, 2).await;
    let mut socket = open(scene.admin()).await;
    socket.send(json!({"type": "ping", "payload": {"n": 1}})).await;
    assert_eq!(message(&mut socket).await, json!({"type": "pong", "payload": {"n": 1}}));
    let invalid = json!({"query": "subscription { nothing }"});
    socket.send(json!({"id": "1", "type": "subscribe", "payload": invalid})).await;
    let error = message(&mut socket).await;
    assert_eq!((&error["id"], &error["type"]), (&json!("1"), &json!("error")), "{error:#}");
    assert_eq!(error["payload"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    let unknown = json!({"query": "subscription { runChanged(runId: \"x\") { id } }"});
    socket.send(json!({"id": "2", "type": "subscribe", "payload": unknown})).await;
    let error = message(&mut socket).await;
    assert!(error.to_string().contains("NOT_FOUND"), "{error:#}");
    if error["type"] == "next" {
        assert_eq!(message(&mut socket).await, json!({"id": "2", "type": "complete"}));
    }

    // A mutation on the socket whose effect a subscription on the same socket tells.
    let runs = json!({
        "query": "subscription($id: ID) { runChanged(integrationId: $id) { status } }", "variables": {"id": integration},
    });
    socket.send(json!({"id": "3", "type": "subscribe", "payload": runs})).await;
    let start = json!({
        "query": "mutation($input: StartRunInput!) { startRun(input: $input) { run { id } userErrors { code } } }",
        "variables": {"input": {"integrationId": integration}},
    });
    socket.send(json!({"id": "4", "type": "subscribe", "payload": start})).await;
    let (mut is_started, mut is_told) = (false, false);
    while !(is_started && is_told) {
        let told = message(&mut socket).await;
        match text(&told["id"]).as_str() {
            "3" => is_told |= told["payload"]["data"]["runChanged"]["status"] == "PARTIAL",
            "4" if told["type"] == "next" => {
                assert_eq!(told["payload"]["data"]["startRun"]["userErrors"], json!([]), "{told:#}");
            }
            "4" => is_started = told["type"] == "complete",
            _ => panic!("of no operation: {told:#}"),
        }
    }
    // After `complete` nothing more comes of it, and its id is free again.
    socket.send(json!({"id": "3", "type": "complete"})).await;
    scene.run(&integration).await;
    socket.send(json!({"id": "3", "type": "subscribe", "payload": {"query": "{ __typename }"}})).await;
    let mut told = message(&mut socket).await;
    // What was on its way when it was completed.
    while told["payload"]["data"]["runChanged"].is_object() {
        told = message(&mut socket).await;
    }
    assert_eq!(told["payload"]["data"], json!({"__typename": "Query"}), "{told:#}");
}
