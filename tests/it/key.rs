//! Keys and what is signed or sealed with them: the signing key is changed while everything runs, a mistyped secret is
//! refused, a portal session is ended. Deliberately absent: who may do so (`access`).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::process::Process;
use crate::harness::trestle::{ADMIN_EMAIL, ADMIN_PASSWORD, Setup, Trestle, command, jwt_key};
use crate::harness::wait::{SOON, until};
use crate::harness::watchdog;
use crate::scene::{Scene, nodes, postgres_execute, text};

const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a new key is published before it signs.
const OVERLAP_SECONDS: u32 = 3;

/// The ids of the keys that a server publishes.
async fn published(client: &Client) -> Vec<String> {
    let (status, body) = client.get("/.well-known/jwks.json").await;
    assert_eq!(status, StatusCode::OK);
    let keys: Value = serde_json::from_str(&body).unwrap();
    assert!(!body.contains("\"d\""), "only the public parts: {body}");
    keys["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect()
}

fn key_id(client: &Client) -> String {
    jsonwebtoken::decode_header(client.token().unwrap()).unwrap().kid.unwrap()
}

async fn status(client: &Client) -> StatusCode {
    client.try_query("{ viewer { role } }", Value::Null).await.status
}

/// Whether all of these servers take the token.
async fn is_good(token: &Client, servers: &[Client]) -> bool {
    for server in servers {
        if status(&server.with_token(token.token().unwrap())).await != StatusCode::OK {
            return false;
        }
    }
    true
}

/// Changes the key of running servers; gives a token of the old one and one of the new one.
async fn rotate(trestle: &Trestle, servers: &[Client]) -> [Client; 2] {
    let old = trestle.admin().await;
    let first = published(&servers[0]).await;
    assert_eq!(first, [key_id(&old)]);
    let output = trestle.run_once(&["admin", "rotate-keys"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let made = told.strip_prefix("made the key ").unwrap_or_else(|| panic!("{told}"));
    let both = [first[0].clone(), made.lines().next().unwrap().to_owned()];
    for server in servers {
        until("both keys are published", SOON, async || match published(server).await {
            found if found == both => Ok(()),
            found => Err(found),
        })
        .await;
    }
    let new = until("tokens are signed with the new key", SOON, async || {
        let signed_in = trestle.admin().await;
        assert!(is_good(&signed_in, servers).await && is_good(&old, servers).await, "at every moment");
        if key_id(&signed_in) == both[1] { Ok(signed_in) } else { Err(key_id(&signed_in)) }
    })
    .await;
    [old, new]
}

#[tokio::test]
async fn the_signing_key_is_changed_while_the_server_runs() {
    let setup = Setup::new().setting("TRESTLE_KEY_OVERLAP_SECONDS", OVERLAP_SECONDS);
    let mut trestle = setup.embedded().await;
    let servers = [trestle.client()];
    let tokens = rotate(&trestle, &servers).await;
    assert_eq!(trestle.terminate().await[0].code(), Some(0));
    trestle.start().await;
    for token in &tokens {
        assert!(is_good(token, &servers).await, "after a restart");
    }
    assert_eq!(published(&servers[0]).await, [key_id(&tokens[0]), key_id(&tokens[1])]);
    // No third key is made by starting, and another one can follow.
    assert!(trestle.run_once(&["admin", "rotate-keys"]).status.success());
    until("a third key is published", SOON, async || match published(&servers[0]).await {
        found if found.len() == 3 => Ok(()),
        found => Err(found),
    })
    .await;
    assert!(is_good(&tokens[0], &servers).await);
}

#[tokio::test]
async fn two_servers_on_postgresql_change_the_signing_key_together() {
    let setup =
        Setup::new().setting("TRESTLE_KEY_OVERLAP_SECONDS", OVERLAP_SECONDS).setting("TRESTLE_JWT_KEY", "");
    let trestle = setup.split(0).await;
    let (_process, other) = trestle.another_server().await;
    let servers = [trestle.client(), other];
    assert_eq!(published(&servers[0]).await, published(&servers[1]).await);
    rotate(&trestle, &servers).await;
}

#[tokio::test]
async fn a_leaked_key_is_dropped_from_every_server_within_seconds() {
    let trestle = Setup::new().setting("TRESTLE_JWT_KEY", "").split(0).await;
    let (_process, other) = trestle.another_server().await;
    let servers = [trestle.client(), other];
    let leaked = trestle.admin().await;
    assert!(is_good(&leaked, &servers).await);
    let refused = trestle.run_once(&["admin", "rotate-keys", "--drop", "-another"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("there is no signing key `-another`"));
    assert!(is_good(&leaked, &servers).await);

    let output = trestle.run_once(&["admin", "rotate-keys", "--drop", &key_id(&leaked)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for server in &servers {
        let leaked = server.with_token(leaked.token().unwrap());
        until("its tokens are refused", SOON, async || match status(&leaked).await {
            StatusCode::UNAUTHORIZED => Ok(()),
            other => Err(other),
        })
        .await;
        assert!(!published(server).await.contains(&key_id(&leaked)));
    }
    let again = trestle.admin().await;
    assert!(is_good(&again, &servers).await, "people sign in again");
}

#[tokio::test]
async fn servers_that_start_at_once_on_postgresql_make_one_key() {
    let mut trestle = Setup::new().setting("TRESTLE_JWT_KEY", "").split(0).await;
    let before = published(&trestle.client()).await;
    trestle.terminate().await;
    // As at the first start of an installation.
    postgres_execute(&trestle.stores().database, "DELETE FROM signing_key").await;
    let servers = join_all((0..3).map(|_| trestle.another_server())).await;
    let first = published(&servers[0].1).await;
    assert!(first.len() == 1 && first != before, "{first:?}");
    for (_process, server) in &servers {
        assert_eq!(published(server).await, first);
    }
}

#[tokio::test]
async fn keys_of_the_settings_are_changed_there() {
    let trestle = Setup::new().setting("TRESTLE_JWT_KEY", jwt_key()).embedded().await;
    let before = published(&trestle.client()).await;
    let output = trestle.run_once(&["admin", "rotate-keys"]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr);
    for words in ["TRESTLE_JWT_KEY", "openssl genpkey -algorithm ed25519", "restart"] {
        assert!(complaint.contains(words), "{complaint}");
    }
    assert_eq!(published(&trestle.client()).await, before);
    assert_eq!(key_id(&trestle.admin().await), before[0]);
}

/// The program on a data directory that stays, with these settings.
fn on(directory: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = command(&[]);
    command
        .current_dir(directory)
        .env("TRESTLE_DATA_DIR", directory.join("data"))
        .env("TRESTLE_BIND", "127.0.0.1:0")
        .env("TRESTLE_ADMIN_EMAIL", ADMIN_EMAIL)
        .env("TRESTLE_ADMIN_PASSWORD", ADMIN_PASSWORD)
        .envs(settings.iter().copied());
    command
}

async fn start(directory: &Path, settings: &[(&str, &str)]) -> (Process, Client) {
    let log = directory.join("log");
    let mut process = Process::start("trestle", &mut on(directory, settings), &log, "KILL");
    let url = process.line("listening on ", START_LIMIT).await;
    (process, Client::anonymous(&url))
}

async fn stop(mut process: Process) {
    process.signal("TERM");
    assert_eq!(process.exit(SOON).await.code(), Some(0));
}

#[tokio::test]
async fn the_key_of_a_file_is_taken_into_the_database_and_only_its_secret_key_opens_it() {
    let directory = watchdog::directory("taken-over");
    let file = directory.join("data/jwt.pem");
    let key = jwt_key();
    let (process, client) = start(&directory, &[("TRESTLE_JWT_KEY", &key)]).await;
    let old = client.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await;
    stop(process).await;
    // As a version before this one kept it.
    std::fs::write(&file, &key).unwrap();
    for is_there in [true, false] {
        let (process, client) = start(&directory, &[]).await;
        assert!(is_good(&old, std::slice::from_ref(&client)).await, "tokens stay good");
        assert_eq!(published(&client).await, [key_id(&old)]);
        assert_eq!(key_id(&client.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await), key_id(&old));
        stop(process).await;
        assert_eq!(file.exists(), is_there, "the program leaves the file alone");
        if is_there {
            std::fs::remove_file(&file).unwrap();
        }
    }
    let other = STANDARD.encode([42; 32]);
    let refused = on(&directory, &[("TRESTLE_SECRET_KEY", &other)]).output().unwrap();
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("TRESTLE_SECRET_KEY: is not the key"), "{complaint}");
    assert!(!String::from_utf8_lossy(&refused.stdout).contains("listening on"));
    let (_process, client) = start(&directory, &[]).await;
    assert!(is_good(&old, &[client]).await, "nothing was changed");
}

#[tokio::test]
async fn a_mistyped_secret_is_refused_and_the_right_one_goes_on() {
    let scene = Scene::shared().await;
    let mistyped = |secret: &str| {
        let (start, end) = secret.split_at(secret.len() - 7);
        format!("{start}{}{}", if end.starts_with('x') { "y" } else { "x" }, &end[1..])
    };
    let input = json!({"name": "Billing", "scopes": ["runs:read"], "tenantIds": [scene.tenant.id]});
    let secret = text(&scene.admin().mutate("createApiKey", input, "secret").await["secret"]);
    let good = scene.admin().with_token(&secret);
    assert_eq!(status(&scene.admin().with_token(&mistyped(&secret))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&good).await, StatusCode::OK);

    let input = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
    let signed_in = scene.admin().mutate("signIn", input, "refreshToken").await;
    let token = text(&signed_in["refreshToken"]);
    assert!(token.starts_with("trr_") && token.len() == 85, "README.md tells scanners what it looks like");
    let wrong = json!({"refreshToken": mistyped(&token)});
    assert_eq!(scene.admin().refused("refreshSession", wrong).await[0].code, "UNAUTHENTICATED");
    scene.admin().mutate("refreshSession", json!({"refreshToken": token}), "accessToken").await;
}

const PORTAL_SESSION: &str = "portalSession { id tenant { id } endUser scopes createdAt expiresAt endedAt }";

/// The ids of a tenant's portal sessions, newest first.
async fn portal_sessions(client: &Client, filter: Value) -> Vec<String> {
    let query =
        "query($filter: PortalSessionFilter) { portalSessions(filter: $filter) { edges { node { id } } } }";
    let data = client.query(query, json!({"filter": filter})).await;
    nodes(&data["portalSessions"]).iter().map(|node| text(&node["id"])).collect()
}

#[tokio::test]
async fn a_portal_session_is_ended_and_refused_on_the_next_request() {
    let scene = Scene::shared().await;
    let admin = scene.person("TENANT_ADMIN").await;
    let make = async |end_user: &str| {
        let input = json!({"tenantId": scene.tenant.id, "endUser": end_user, "scopes": ["runs:read"]});
        let made =
            admin.mutate("createPortalSession", input, &format!("token expiresAt {PORTAL_SESSION}")).await;
        let session = made["portalSession"].clone();
        assert_eq!(
            (&session["tenant"]["id"], &session["endUser"], &session["scopes"]),
            (&json!(scene.tenant.id), &json!(end_user), &json!(["runs:read"])),
            "{made:#}"
        );
        assert_eq!((&session["expiresAt"], &session["endedAt"]), (&made["expiresAt"], &Value::Null));
        (text(&session["id"]), admin.with_token(&text(&made["token"])))
    };
    let (mia, of_mia) = make("Mia").await;
    let (tom, of_tom) = make("Tom").await;
    assert_eq!(portal_sessions(&admin, json!({})).await, [tom.clone(), mia.clone()]);
    assert_eq!(portal_sessions(&admin, json!({"active": true})).await, [tom.clone(), mia.clone()]);
    assert_eq!(portal_sessions(&admin, json!({"endUser": "Mia"})).await, [mia.as_str()]);
    assert!(portal_sessions(&admin, json!({"endUser": "mi"})).await.is_empty());
    assert!(portal_sessions(&admin, json!({"active": false})).await.is_empty());

    // Somebody of another tenant sees no such session, and changes nothing.
    let elsewhere = Scene::shared().await;
    let stranger = elsewhere.person("TENANT_ADMIN").await;
    let input = json!({"portalSessionId": mia});
    let errors = stranger.refused("endPortalSession", input.clone()).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("NOT_FOUND", "portalSessionId"));
    assert!(portal_sessions(&stranger, json!({"tenantId": scene.tenant.id})).await.is_empty());
    assert_eq!(status(&of_mia).await, StatusCode::OK);

    let ended = admin.mutate("endPortalSession", input.clone(), PORTAL_SESSION).await;
    assert!(ended["portalSession"]["endedAt"].is_string(), "{ended:#}");
    assert_eq!(status(&of_mia).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&of_tom).await, StatusCode::OK, "the other one goes on");
    let again = admin.mutate("endPortalSession", input, PORTAL_SESSION).await;
    assert_eq!(again, ended, "twice is once");
    assert_eq!(portal_sessions(&admin, json!({"active": true})).await, [tom]);
    assert_eq!(portal_sessions(&admin, json!({"active": false})).await, [mia.as_str()]);
    let node = "query($id: ID!) { node(id: $id) { ... on PortalSession { endedAt } } }";
    let found = admin.query(node, json!({"id": mia})).await;
    assert_eq!(found["node"]["endedAt"], ended["portalSession"]["endedAt"]);

    // Ending a session is what its portal's server does with a key, too.
    let input = json!({"name": "Portal", "scopes": ["portal_sessions:create", "runs:read"], "tenantIds": [scene.tenant.id]});
    let secret = text(&scene.admin().mutate("createApiKey", input, "secret").await["secret"]);
    let portal_server = admin.with_token(&secret);
    let (ann, of_ann) = make("Ann").await;
    portal_server.mutate("endPortalSession", json!({"portalSessionId": ann}), "portalSession { id }").await;
    assert_eq!(status(&of_ann).await, StatusCode::UNAUTHORIZED);
}
