//! Files that people put where an integration reads them, by `PUT /files`: they are there whole or not at all, in their
//! tenant's place and in no other, and a page can offer to run what reads them.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use reqwest::{Body, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::client::{Client, http};
use crate::harness::fixture::stream;
use crate::harness::moto::{Moto, REGION};
use crate::harness::trestle::Setup;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, ended, into_table, nodes, outcome, text};

const ORDERS: &str = "id,amount\nA-1,10\nA-2,20\n";
const MIB: usize = 1024 * 1024;
/// Longer than it takes to read 2 MiB in a build without optimisation.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

fn request(caller: &Client, system: &str, path: &str) -> reqwest::RequestBuilder {
    let request = http().put(format!("{}/files/{system}/{path}", caller.url()));
    match caller.token() {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, response.json().await.expect("JSON"))
}

async fn put(caller: &Client, system: &str, path: &str, content: impl Into<Body>) -> (StatusCode, Value) {
    answer(request(caller, system, path).body(content).send().await.expect("an answer")).await
}

/// That a file is refused, and with which words.
async fn refused(caller: &Client, system: &str, path: &str, status: StatusCode, words: &str) {
    let (found, body) = put(caller, system, path, ORDERS).await;
    assert_eq!(found, status, "{path}: {body:#}");
    let message = text(&body["error"]["message"]);
    assert!(message.contains(words), "{path}: {message}");
}

/// Files of the tenant's directory that are on their way.
fn under_way(scene: &Scene) -> usize {
    fs::read_dir(scene.files.path(".trestle/uploads")).map_or(0, Iterator::count)
}

/// What the audit log has of a system's files, newest first.
async fn entries(scene: &Scene, system: &str) -> Vec<Value> {
    let query = "query($id: ID) { auditEntries(filter: {objectId: $id}) { edges { node { operation outcome detail } } } }";
    let entries = nodes(&scene.admin().query(query, json!({"id": system})).await["auditEntries"]);
    entries.into_iter().filter(|entry| entry["operation"] == "uploadFile").collect()
}

#[tokio::test]
async fn a_member_puts_a_file_and_runs_what_reads_it() {
    let scene = Scene::shared().await;
    let (files, shop) = (scene.file_system().await, scene.sqlite_system("shop.db").await);
    let reads = async |path: &str| {
        scene.integration(&files, &shop, stream(json!({"path": path}), into_table("orders"))).await
    };
    let (orders, any) = (reads("in/orders.csv").await, reads("in/*.csv").await);
    let (_others, paused) = (reads("out/*.csv").await, reads("in/o*.csv").await);
    scene.admin().mutate("pauseIntegration", json!({"integrationId": paused}), "integration { id }").await;

    let member = scene.person("TENANT_MEMBER").await;
    let (status, body) = put(&member, &files, "in/orders.csv", ORDERS).await;
    let expected = json!({"path": "in/orders.csv", "size": ORDERS.len(), "integrations": [orders, any]});
    assert_eq!((status, body), (StatusCode::CREATED, expected));
    assert_eq!(scene.files.read("in/orders.csv"), ORDERS);
    let input = json!({"integrationId": orders});
    let run = member.mutate("startRun", input, "run { id }").await["run"].clone();
    let run = scene.fixture.finished_run(&text(&run["id"])).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 2, "created": 2})), "{run:#}");
    assert_eq!(scene.sqlite_rows("shop.db", "SELECT id FROM orders ORDER BY id").await, ["A-1", "A-2"]);

    // What is there is replaced, unless only a new file is wanted.
    let only_new = request(&member, &files, "in/orders.csv").header("if-none-match", "*").body("id\n");
    let (status, body) = answer(only_new.send().await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::PRECONDITION_FAILED, &json!("occupied")));
    assert_eq!(scene.files.read("in/orders.csv"), ORDERS);
    let (status, body) = put(&member, &files, "./in//orders.csv", "id,amount\nA-1,11\n").await;
    assert_eq!((status, &body["path"]), (StatusCode::OK, &json!("in/orders.csv")));
    assert_eq!(scene.files.read("in/orders.csv"), "id,amount\nA-1,11\n");
    assert_eq!(under_way(&scene), 0);

    let done = |size: usize| json!({"operation": "uploadFile", "outcome": "SUCCEEDED", "detail": format!("in/orders.csv, {size} bytes")});
    let occupied =
        json!({"operation": "uploadFile", "outcome": "REJECTED", "detail": "something is there already"});
    assert_eq!(entries(&scene, &files).await, [done(17), occupied, done(ORDERS.len())]);
}

#[tokio::test]
async fn who_may_not_puts_nothing_and_another_tenants_system_is_not_there() {
    let (scene, neighbour) = (Scene::shared().await, Scene::shared().await);
    let files = scene.file_system().await;
    let viewer = scene.person("TENANT_VIEWER").await;
    let support = scene.person("SUPPORT").await;
    let stranger = neighbour.person("TENANT_ADMIN").await;
    let (forbidden, path) = (StatusCode::FORBIDDEN, "in/orders.csv");
    refused(&viewer, &files, path, forbidden, "files:upload").await;
    refused(&support, &files, path, forbidden, "files:upload").await;
    refused(&stranger, &files, path, StatusCode::NOT_FOUND, "no such system").await;
    refused(&stranger, "system_1", path, StatusCode::NOT_FOUND, "no such system").await;
    let nobody = Client::anonymous(viewer.url());
    refused(&nobody, &files, path, StatusCode::UNAUTHORIZED, "Sign in").await;
    refused(&nobody.with_token("not-a-token"), &files, path, StatusCode::UNAUTHORIZED, "not valid").await;

    let portal = async |scopes: Value| {
        let input = json!({"tenantId": scene.tenant.id, "endUser": "Jane", "scopes": scopes});
        let made = scene.admin().mutate("createPortalSession", input, "token").await;
        nobody.with_token(&text(&made["token"]))
    };
    refused(&portal(json!(["runs:start"])).await, &files, path, forbidden, "files:upload").await;

    let member = scene.person("TENANT_MEMBER").await;
    let suspend = json!({"tenantId": scene.tenant.id, "reason": "unpaid"});
    scene.admin().mutate("suspendTenant", suspend, "tenant { id }").await;
    refused(&member, &files, path, forbidden, "suspended").await;
    refused(scene.admin(), &files, path, StatusCode::CONFLICT, "suspended").await;
    assert!(!scene.files.path("in").exists());
    assert_eq!((under_way(&scene), under_way(&neighbour)), (0, 0));

    scene.admin().mutate("resumeTenant", json!({"tenantId": scene.tenant.id}), "tenant { id }").await;
    for (caller, status) in [
        (portal(json!(["files:upload"])).await, StatusCode::CREATED),
        (scene.person("ENGINEER").await, StatusCode::OK),
        (scene.person("TENANT_ADMIN").await, StatusCode::OK),
    ] {
        let (found, body) = put(&caller, &files, path, ORDERS).await;
        assert_eq!(found, status, "{body:#}");
    }
}

#[tokio::test]
async fn a_path_is_inside_of_the_directory_and_one_for_a_file() {
    let scene = Scene::shared().await;
    let (files, shop) = (scene.file_system().await, scene.sqlite_system("db/shop.db").await);
    let member = scene.person("TENANT_MEMBER").await;
    let outside = scene.files.path("..").join(format!("outside-{}", scene.tenant.slug));
    fs::create_dir(&outside).unwrap();
    symlink(&outside, scene.files.path("linked")).unwrap();
    fs::create_dir(scene.files.path("in")).unwrap();

    let invalid = StatusCode::BAD_REQUEST;
    for (path, status, words) in [
        ("..%2Forders.csv", invalid, "stay inside"),
        ("in%2F..%2F..%2Forders.csv", invalid, "stay inside"),
        ("%2Fetc%2Fpasswd", invalid, "stay inside"),
        ("in/%00.csv", invalid, "stay inside"),
        ("in/%ff.csv", invalid, "UTF-8"),
        ("in/", invalid, "must name a file"),
        ("in/.orders.csv", invalid, "begin with a dot"),
        (".trestle/uploads/x", invalid, "begin with a dot"),
        ("in/a%0Ab.csv", invalid, "control characters"),
        ("linked/orders.csv", StatusCode::CONFLICT, "over a link"),
        ("linked", StatusCode::CONFLICT, "over a link"),
        ("in", StatusCode::CONFLICT, "is a directory"),
        ("db/shop.db", StatusCode::CONFLICT, "database of another system"),
        ("db/shop.db-wal", StatusCode::CONFLICT, "database of another system"),
    ] {
        refused(&member, &files, path, status, words).await;
    }
    refused(&member, &shop, "in/orders.csv", invalid, "reads no files").await;
    let packed = request(&member, &files, "in/a.csv").header("content-encoding", "gzip").body(ORDERS);
    let (status, body) = answer(packed.send().await.expect("an answer")).await;
    assert_eq!((status, &body["error"]["code"]), (invalid, &json!("invalid")));

    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(fs::read_dir(scene.files.path("in")).unwrap().count(), 0);
    assert!(!scene.files.path("db").exists());
    assert_eq!(under_way(&scene), 0);
}

#[tokio::test]
async fn what_is_too_large_leaves_nothing() {
    let trestle = Setup::new().setting("TRESTLE_UPLOAD_MIB", 1).embedded().await;
    let scene = Scene::of(&trestle).await;
    let files = scene.file_system().await;
    let member = scene.person("TENANT_MEMBER").await;
    // By what it says of itself, and by what comes.
    let chunks = || futures::stream::iter((0..32).map(|_| Ok::<_, std::io::Error>(vec![b'x'; MIB / 16])));
    for body in [Body::from(vec![b'x'; 2 * MIB]), Body::wrap_stream(chunks())] {
        let sent = request(&member, &files, "in/large.csv").body(body).timeout(ANSWER_LIMIT).send().await;
        let (status, body) = answer(sent.expect("an answer")).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::PAYLOAD_TOO_LARGE, &json!("body_too_large"))
        );
    }
    assert!(!scene.files.path("in").exists());
    assert_eq!(under_way(&scene), 0);
    let outcomes: Vec<Value> =
        entries(&scene, &files).await.iter().map(|entry| entry["outcome"].clone()).collect();
    assert_eq!(outcomes, ["REJECTED", "REJECTED"]);

    let (status, body) = put(&member, &files, "in/largest.csv", vec![b'x'; MIB]).await;
    assert_eq!((status, &body["size"]), (StatusCode::CREATED, &json!(MIB)));
}

#[tokio::test]
async fn one_that_breaks_off_leaves_nothing_but_its_entry() {
    let trestle = Setup::new().embedded().await;
    let scene = Scene::of(&trestle).await;
    let files = scene.file_system().await;
    let member = scene.person("TENANT_MEMBER").await;
    let address = trestle.url().strip_prefix("http://").expect("plain HTTP");
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT /files/{files}/in/orders.csv HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-length: {}\r\n\r\n",
        member.token().expect("signed in"),
        4 * MIB,
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all("x".repeat(3 * MIB).as_bytes()).await.unwrap();
    let is_begun = async || if under_way(&scene) == 1 { Ok(()) } else { Err(under_way(&scene)) };
    until("it is on its way", SOON, is_begun).await;
    assert!(!scene.files.path("in").exists(), "nobody sees it before it is whole");
    drop(connection);

    let found = until("its entry is there", SOON, async || {
        let found = entries(&scene, &files).await;
        if found.is_empty() { Err(()) } else { Ok(found) }
    })
    .await;
    assert_eq!(
        found,
        [json!({
            "operation": "uploadFile", "outcome": "REJECTED", "detail": "the file did not come whole",
        })]
    );
    assert_eq!(under_way(&scene), 0);
    assert!(!scene.files.path("in").exists());
}

#[tokio::test]
async fn a_file_goes_into_a_bucket_in_one_piece_or_several() {
    let (scene, moto) = (Scene::shared().await, Moto::start().await);
    moto.make_bucket("dropped").await;
    let config = json!({
        "store": "s3", "bucket": "dropped", "region": REGION, "endpoint": moto.url(), "prefix": "acme",
    });
    let credentials = json!({"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": "bucket-secret"});
    let files = scene.fixture.system(&scene.tenant, "file", config, credentials).await;
    let shop = scene.sqlite_system("shop.db").await;
    let moves = stream(json!({"path": "in/*.csv"}), into_table("orders"));
    let integration = scene.integration(&files, &shop, moves).await;
    let member = scene.person("TENANT_MEMBER").await;

    let (status, body) = put(&member, &files, "in/orders.csv", ORDERS).await;
    let expected = json!({"path": "in/orders.csv", "size": ORDERS.len(), "integrations": [integration]});
    assert_eq!((status, body), (StatusCode::CREATED, expected));
    assert_eq!(moto.object_bytes("dropped/acme/in/orders.csv").await, ORDERS.as_bytes());
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 2, "created": 2})), "{run:#}");

    // More than a part, in place of what is there; a name of a database is none in a bucket.
    let large = "0123456789abcdef\n".repeat(MIB);
    for (path, status) in [("in/orders.csv", StatusCode::OK), ("shop.db", StatusCode::CREATED)] {
        let (found, body) = put(&member, &files, path, large.clone()).await;
        assert_eq!((found, &body["size"]), (status, &json!(large.len())), "{body:#}");
    }
    assert!(moto.object_bytes("dropped/acme/in/orders.csv").await == large.as_bytes());
    let only_new = request(&member, &files, "in/orders.csv").header("if-none-match", "*").body(ORDERS);
    let (status, _body) = answer(only_new.send().await.expect("an answer")).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    refused(&member, &files, "..%2Fother%2Forders.csv", StatusCode::BAD_REQUEST, "stay inside").await;
}
