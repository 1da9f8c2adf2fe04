//! The program from outside: how it starts, what it serves over HTTP, and how it ends. Deliberately absent: what the
//! GraphQL operations do.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::client::{Client, http};
use crate::harness::fixture::Fixture;
use crate::harness::postgres::Database;
use crate::harness::process::{Process, free_port};
use crate::harness::redis::{Redis, RedisServer};
use crate::harness::subscription::{Incoming, Socket};
use crate::harness::trestle::{Setup, Stores, Trestle, command};
use crate::harness::wait::{SOON, until};
use crate::harness::watchdog;
use crate::peer::node;
use crate::scene::text;

const START_LIMIT: Duration = Duration::from_secs(60);
const PASSWORD: &str = "nine plain words are a very good password";
/// Every setting, with a value that cannot be used and words of the complaint; none where any text can be used.
const SETTINGS: [(&str, Option<(&str, &str)>); 30] = [
    ("TRESTLE_DATA_DIR", None),
    ("TRESTLE_DATABASE_URL", Some(("mysql://localhost/x", "postgres:// or sqlite://"))),
    ("TRESTLE_DATABASE_READ_URL", Some(("postgres://standby/trestle", "SQLite has no replicas"))),
    ("TRESTLE_REDIS_URL", Some(("http://localhost", "redis://"))),
    ("TRESTLE_BIND", Some(("nowhere", "`nowhere`"))),
    ("TRESTLE_FILES_DIR", None),
    ("TRESTLE_SECRET_KEY", Some(("c2hvcnQ=", "32"))),
    ("TRESTLE_JWT_KEY", Some(("not a key", "Ed25519"))),
    ("TRESTLE_KEY_OVERLAP_SECONDS", Some(("0", "whole number"))),
    ("TRESTLE_ADMIN_EMAIL", None),
    ("TRESTLE_ADMIN_PASSWORD", None),
    ("TRESTLE_EGRESS_ALLOW", Some(("10.0.0.0/8,home", "`home`"))),
    ("TRESTLE_SINGER_TAPS", Some(("tap-shop=tap", "absolute path"))),
    ("TRESTLE_SINGER_MEMORY_MIB", Some(("much", "`much`"))),
    ("TRESTLE_WORKERS", Some(("many", "whole number"))),
    ("TRESTLE_TENANT_CONCURRENCY", Some(("0", "whole number"))),
    ("TRESTLE_LEASE_SECONDS", Some(("-1", "whole number"))),
    ("TRESTLE_SHUTDOWN_SECONDS", Some(("1e9", "whole number"))),
    ("TRESTLE_ALLOWED_ORIGINS", Some(("portal.example", "`portal.example`"))),
    ("TRESTLE_TRUSTED_PROXIES", Some(("127.0.0.1,proxy", "`proxy`"))),
    ("TRESTLE_BUDGET_PER_MINUTE", Some(("-1", "whole number"))),
    ("TRESTLE_WEBSOCKETS_PER_CALLER", Some(("0", "whole number"))),
    ("TRESTLE_INTROSPECTION", Some(("nobody", "`nobody`"))),
    ("TRESTLE_UPLOAD_MIB", Some(("0", "whole number"))),
    ("TRESTLE_GRAPHIQL", Some(("yes", "`yes`"))),
    ("TRESTLE_PORTAL", Some(("yes", "`yes`"))),
    ("TRESTLE_TRUSTED_DOCUMENTS", Some(("/nowhere.json", "/nowhere.json"))),
    ("TRESTLE_OPERATIONS", Some(("some", "`some`"))),
    ("TRESTLE_LOG", Some(("trestle=loud", ""))),
    ("TRESTLE_LOG_FORMAT", Some(("xml", "`xml`"))),
];

/// The program on a new data directory, without any other setting.
fn fresh(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command
        .current_dir(directory)
        .env("TRESTLE_DATA_DIR", directory.join("data"))
        .env("TRESTLE_BIND", "127.0.0.1:0");
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn the_audits_of_graphql_http_all_pass() {
    let trestle = Trestle::embedded().await;
    let token = trestle.admin().await.token().unwrap().to_owned();
    let url = format!("{}/graphql", trestle.url());
    let mut audits = node("graphql_http_audits", "graphql-http", "audit.mjs");
    let audits = audits.arg(url).env("AUDIT_TOKEN", token).output().unwrap();
    let printed = String::from_utf8_lossy(&audits.stdout);
    assert!(audits.status.success(), "{printed}\n{}", stderr(&audits));
    assert!(printed.contains("61 of 61 audits pass"), "{printed}");
}

#[tokio::test]
async fn the_endpoints_of_operation_answer_without_a_token() {
    let trestle = Trestle::embedded().await;
    let client = trestle.client();
    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let (status, body) = client.get("/healthz").await;
    assert_eq!((status, json(body)), (StatusCode::OK, json!({"status": "alive"})));
    let (status, body) = client.get("/readyz").await;
    let body = json(body);
    assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("ready")));
    assert!(body["checks"].as_object().unwrap().values().all(|check| check == "ok"), "{body}");

    client.query("{ __typename }", Value::Null).await;
    let (status, metrics) = client.get("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    let line = "trestle_graphql_operations_total{type=\"query\",outcome=\"succeeded\"} 1";
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no metric: {line}"));
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = name.split('{').next().unwrap();
        assert!(
            metrics.contains(&format!("# TYPE {name}")) || name.contains("_seconds_"),
            "{line} has no type"
        );
        assert!(!line.contains("tenant"), "no tenant in a label: {line}");
    }

    let (status, keys) = client.get("/.well-known/jwks.json").await;
    assert_eq!(status, StatusCode::OK);
    let keys = json(keys);
    let token = trestle.admin().await.token().unwrap().to_owned();
    let header = decode_header(&token).unwrap();
    let key =
        keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header.kid.as_deref().unwrap());
    let key = key.unwrap_or_else(|| panic!("no key for {header:?} in {keys}"));
    assert!(key.get("d").is_none(), "only the public part");
    let key = DecodingKey::from_ed_components(key["x"].as_str().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["trestle-api"]);
    decode::<Value>(&token, &key, &validation).expect("others can check our tokens");

    assert_eq!(client.get("/nothing").await.0, StatusCode::NOT_FOUND);
    assert_eq!(client.get("/../etc/passwd").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_answer_has_its_id_and_safe_headers_and_a_browser_gets_graphiql() {
    let trestle = Trestle::embedded().await;
    let url = format!("{}/graphql", trestle.url());
    let response = http()
        .post(&url)
        .header("x-request-id", "mine-1")
        .json(&json!({"query": "{ x }"}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-request-id"], "mine-1");
    for forged in ["a b", &"x".repeat(65)] {
        let response =
            http().post(&url).header("x-request-id", forged).json(&json!({"query": "{ x }"})).send().await;
        let response = response.unwrap();
        assert_ne!(response.headers()["x-request-id"], forged);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(response.headers().contains_key("content-security-policy"));
    }
    let page = http().get(&url).header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let page = page.text().await.unwrap();
    assert!(page.to_lowercase().contains("graphiql"), "{page}");
    assert!(!page.contains("https://"), "it needs nothing from elsewhere: {page}");
    let from_elsewhere =
        http().post(&url).header("origin", "https://evil.example").json(&json!({"query": "{ x }"}));
    let response = from_elsewhere.send().await.unwrap();
    assert!(!response.headers().contains_key("access-control-allow-origin"), "{:?}", response.headers());
}

#[tokio::test]
async fn a_browser_gets_the_portal_where_it_is_built_in_and_not_switched_off() {
    let page = async |trestle: &Trestle| {
        let request = http().get(format!("{}/runs/run_1", trestle.url())).header("accept", "text/html");
        request.send().await.unwrap()
    };
    let trestle = Trestle::embedded().await;
    let (status, config) = trestle.client().get("/portal.json").await;
    let expected = json!({"version": env!("CARGO_PKG_VERSION"), "demoSignIns": [], "graphiql": true});
    assert_eq!((status, serde_json::from_str::<Value>(&config).unwrap()), (StatusCode::OK, expected));
    let found = page(&trestle).await;
    let is_built_in = !trestle.log().contains("built without the portal");
    let expected = if is_built_in { StatusCode::OK } else { StatusCode::NOT_FOUND };
    assert_eq!(found.status(), expected);
    if is_built_in {
        let policy = found.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("script-src 'self'; style-src 'self';"), "{policy}");
        let text = found.text().await.unwrap();
        let script = text.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js"));
        let (status, script) = trestle.client().get(script.unwrap()).await;
        assert!(status == StatusCode::OK && !script.is_empty());
        assert!(
            !text.contains("<style") && !text.contains("://"),
            "nothing inline, nothing from elsewhere: {text}"
        );
    }

    let off = Setup::new().setting("TRESTLE_PORTAL", "off").embedded().await;
    assert_eq!(off.client().get("/portal.json").await.0, StatusCode::NOT_FOUND);
    assert_eq!(page(&off).await.status(), StatusCode::NOT_FOUND);
    assert!(!off.log().contains("built without the portal"));
}

#[tokio::test]
async fn a_server_that_cannot_reach_its_queue_is_alive_and_not_ready() {
    let stores = Stores { database: Database::create().await, redis: Redis::Own(RedisServer::start().await) };
    let mut trestle = Setup::new().split_on(stores, 0).await;
    let client = trestle.client();
    assert_eq!(client.get("/readyz").await.0, StatusCode::OK);
    let Redis::Own(redis) = &mut trestle.stores_mut().redis else { panic!("started above") };
    redis.stop_immediate();
    until("it says that it is not ready", SOON, async || match client.get("/readyz").await {
        (StatusCode::SERVICE_UNAVAILABLE, body) => Ok(body),
        other => Err(other),
    })
    .await;
    assert_eq!(client.get("/healthz").await.0, StatusCode::OK);
    let Redis::Own(redis) = &mut trestle.stores_mut().redis else { panic!("started above") };
    redis.start_again().await;
    until("it is ready again", SOON, async || match client.get("/readyz").await {
        (StatusCode::OK, _) => Ok(()),
        other => Err(other),
    })
    .await;
}

#[tokio::test]
async fn sigterm_ends_it_well_and_tells_those_who_listen() {
    let mut trestle = Trestle::embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let tenant = fixture.tenant("ends").await;
    fixture.sandbox(&tenant, json!({}), json!({})).await;
    let mut socket = Socket::connect(trestle.url()).await;
    socket.send(json!({"type": "connection_init"})).await;
    assert_eq!(socket.receive().await, Incoming::Message(json!({"type": "connection_ack"})));
    trestle.server().signal("TERM");
    let end = socket.receive().await;
    assert!(matches!(end, Incoming::Closed(Some((1001, _)))), "{end:?}");
    let statuses = trestle.terminate().await;
    assert_eq!(statuses.iter().map(|status| status.code()).collect::<Vec<_>>(), [Some(0)]);
    let refused = fixture.admin().try_send("{ __typename }", Value::Null).await;
    assert!(refused.is_err_and(|error| error.is_connect()), "nobody listens any more");
    // It starts again with everything, also after SIGINT.
    trestle.start().await;
    let data =
        fixture.admin().query("{ integrations { edges { node { tenant { slug } } } } }", Value::Null).await;
    assert_eq!(data["integrations"]["edges"][0]["node"]["tenant"]["slug"], "ends");
    trestle.server().signal("INT");
    assert_eq!(trestle.server().exit(SOON).await.code(), Some(0));
}

#[test]
fn each_wrong_setting_stops_the_start_with_one_line_that_names_it() {
    let directory = watchdog::directory("settings");
    let refused = |command: &mut Command, name: &str, words: &str| {
        let output = command.output().unwrap();
        let complaint = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{name}: {complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{name}: {complaint}");
        assert!(complaint.contains(name) && complaint.contains(words), "{name}, {words}: {complaint}");
        assert!(output.stdout.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(!directory.join("data").exists(), "{name}: nothing was made");
    };
    for (name, wrong) in SETTINGS {
        if let Some((value, words)) = wrong {
            refused(fresh(&directory, &[]).env(name, value), name, words);
        }
    }
    let postgres = "postgres://nobody@127.0.0.1:1/none";
    refused(fresh(&directory, &[]).env("TRESTLE_DATABASE_URL", postgres), "TRESTLE_SECRET_KEY", "required");
    refused(&mut fresh(&directory, &["api"]), "TRESTLE_REDIS_URL", "required");
    refused(&mut fresh(&directory, &["worker"]), "TRESTLE_REDIS_URL", "required");
    refused(&mut fresh(&directory, &["--config", "missing.toml"]), "--config", "missing.toml");
    std::fs::write(directory.join("odd.toml"), "bind = \"127.0.0.1:0\"\ncolour = \"red\"\n").unwrap();
    refused(&mut fresh(&directory, &["--config", "odd.toml"]), "colour", "");
    std::fs::write(directory.join("wrong.toml"), "workers = \"few\"\n").unwrap();
    refused(&mut fresh(&directory, &["--config", "wrong.toml"]), "TRESTLE_WORKERS", "`few`");
    // Secrets are not repeated.
    let output = fresh(&directory, &[]).env("TRESTLE_SECRET_KEY", "not base64 at all!").output().unwrap();
    assert!(!stderr(&output).contains("not base64 at all!"), "{}", stderr(&output));
    let typing = fresh(&directory, &["serv"]).output().unwrap();
    assert_eq!(typing.status.code(), Some(2), "{}", stderr(&typing));
}

#[test]
fn help_lists_every_setting_and_every_command() {
    let output = command(&["--help"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let help = String::from_utf8(output.stdout).unwrap();
    for (name, _) in SETTINGS {
        assert!(help.contains(name), "{name} is missing in:\n{help}");
    }
    for word in ["api", "worker", "migrate", "schema", "admin", "demo", "--config", "--version"] {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
    let secret = command(&["--help"])
        .env("TRESTLE_ADMIN_PASSWORD", "leak-me")
        .env("TRESTLE_REDIS_URL", "leak-me-too")
        .output();
    assert!(!String::from_utf8_lossy(&secret.unwrap().stdout).contains("leak-me"), "no secret is shown");
    let version = command(&["--version"]).output().unwrap();
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("trestle "), "{version:?}");
}

#[tokio::test]
async fn the_first_start_makes_keys_and_an_administrator_and_tells_the_password_once() {
    let directory = watchdog::directory("first-start");
    let start = || {
        let log = directory.join("log");
        Process::start("trestle", &mut fresh(&directory, &[]), &log, "KILL")
    };
    let mut first = start();
    let told = first.line("first start: sign in as ", START_LIMIT).await;
    let (email, rest) = told.split_once(" with the password ").unwrap_or_else(|| panic!("{told}"));
    let password = rest.split(' ').next().unwrap().to_owned();
    let url = first.line("listening on ", START_LIMIT).await;
    let port: u16 = url.strip_prefix("http://127.0.0.1:").unwrap_or_else(|| panic!("{url}")).parse().unwrap();
    assert_ne!(port, 0);
    let admin = Client::anonymous(&url).sign_in(email, &password).await;
    assert_eq!(admin.query("{ viewer { role } }", Value::Null).await["viewer"]["role"], "PLATFORM_ADMIN");

    let data = directory.join("data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("secret.key")), 0o600);
    let key = std::fs::read_to_string(data.join("secret.key")).unwrap();
    first.signal("TERM");
    assert_eq!(first.exit(SOON).await.code(), Some(0));
    let log = first.log();
    assert_eq!(log.matches(&password).count(), 1, "{log}");
    assert!(!log.contains(key.trim()), "no key is logged");

    let mut second = start();
    let url = second.line("listening on ", START_LIMIT).await;
    assert_eq!(second.log().matches("first start").count(), 1, "only the first start says so");
    let again = Client::anonymous(&url).with_token(admin.token().unwrap());
    assert_eq!(
        again.query("{ viewer { role } }", Value::Null).await["viewer"]["role"],
        "PLATFORM_ADMIN",
        "the keys stay"
    );
    assert_eq!(key, std::fs::read_to_string(data.join("secret.key")).unwrap());
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let trestle = Trestle::embedded().await;
    let directory = watchdog::directory("taken");
    let address = trestle.url().strip_prefix("http://").unwrap();
    let output = fresh(&directory, &[]).env("TRESTLE_BIND", address).output().unwrap();
    assert!(!output.status.success());
    let complaint = stderr(&output);
    assert!(complaint.contains("TRESTLE_BIND") && complaint.contains(address), "{complaint}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("listening on"));
}

#[tokio::test]
async fn flags_go_before_the_environment_and_that_before_the_file() {
    let directory = watchdog::directory("precedence");
    let (flag, file) = (free_port(), free_port());
    let toml = format!(
        "bind = \"127.0.0.1:{file}\"\nadmin_email = \"file@example.com\"\nadmin_password = \"{PASSWORD}\"\n"
    );
    std::fs::write(directory.join("trestle.toml"), toml).unwrap();
    let bind = format!("127.0.0.1:{flag}");
    let arguments = ["--config", "trestle.toml", "--bind", &bind];
    let log = directory.join("log");
    let mut process = Process::start("trestle", &mut fresh(&directory, &arguments), &log, "KILL");
    let url = process.line("listening on ", START_LIMIT).await;
    assert_eq!(url, format!("http://{bind}"));
    Client::anonymous(&url).sign_in("file@example.com", PASSWORD).await;
}

#[tokio::test]
async fn an_operator_creates_people_on_the_command_line() {
    let trestle = Trestle::embedded().await;
    Fixture::of(&trestle).await.tenant("acme").await;
    let create = |arguments: &[&str], input: &str| {
        let mut command = command(&[&["admin", "create-user"], arguments].concat());
        let mut child = command
            .env("TRESTLE_DATA_DIR", trestle.data_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that complains before it reads has closed its end.
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap_or_default();
        child.wait_with_output().unwrap()
    };
    let line = format!("{PASSWORD}\n");
    let ada = ["--email", "ada@example.com", "--name", "Ada", "--role", "ENGINEER"];
    let output = create(&ada, &line);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("ada@example.com"), "{output:?}");
    let signed_in = trestle.client().sign_in("ada@example.com", PASSWORD).await;
    assert_eq!(signed_in.query("{ viewer { role } }", Value::Null).await["viewer"]["role"], "ENGINEER");
    let bob = ["--email", "bob@example.com", "--name", "Bob", "--role", "TENANT_ADMIN", "--tenant", "acme"];
    assert!(create(&bob, &line).status.success());
    let signed_in = trestle.client().sign_in("bob@example.com", PASSWORD).await;
    let viewer = signed_in.query("{ viewer { tenant { slug } } }", Value::Null).await;
    assert_eq!(text(&viewer["viewer"]["tenant"]["slug"]), "acme");

    let eve = ["--email", "eve@example.com", "--name", "Eve", "--role"];
    for (arguments, input, words) in [
        (ada.to_vec(), line.as_str(), "another user has this mail address"),
        ([&eve[..], &["BOSS"]].concat(), &line, "BOSS"),
        ([&eve[..], &["SUPPORT"]].concat(), "short\n", "password"),
        ([&eve[..], &["SUPPORT"]].concat(), "", "no password"),
        ([&eve[..], &["TENANT_ADMIN"]].concat(), &line, "tenant"),
        ([&eve[..], &["TENANT_ADMIN", "--tenant", "nobody"]].concat(), &line, "nobody"),
    ] {
        let output = create(&arguments, input);
        assert!(!output.status.success(), "{arguments:?}");
        let complaint = stderr(&output);
        assert!(complaint.contains(words), "{arguments:?}: {complaint}");
        assert!(!complaint.contains(PASSWORD), "{complaint}");
    }
    let output = create(&["--email", "eve@example.com"], &line);
    assert_eq!(output.status.code(), Some(2), "what is missing is asked for: {}", stderr(&output));
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let trestle = Setup::new().split(0).await;
    let again = trestle.run_once(&["migrate"]);
    assert!(again.status.success(), "{}", stderr(&again));
    assert!(String::from_utf8_lossy(&again.stdout).contains("up to date"), "{again:?}");
    assert_eq!(trestle.client().get("/readyz").await.0, StatusCode::OK);
}
