//! The recipes (`docs/recipes`): each program, built with the client (`client`) as a project of its own would be, does with a
//! real server what its page says. Deliberately absent: how the client bears faults, for which its own tests have a server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::client::http;
use crate::harness::process::{Process, find_program};
use crate::harness::trestle::{ADMIN_EMAIL, ADMIN_PASSWORD};
use crate::harness::watchdog;
use crate::scene::{Scene, nodes, text};

/// Seconds that a program may take, on a busy machine.
const LIMIT_SECONDS: &str = "120";
const LIMIT: Duration = Duration::from_secs(120);
const NOTICE_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr";
/// Orders of a file, of which [`WRONG`] are wrong.
const ORDERS: usize = 20;
/// The number of an order, and what is wrong with it: no mail address, an amount below zero, a currency that nobody knows.
const WRONG: [(usize, &str); 3] = [
    (4, "PO-00004,,9.90,EUR"),
    (11, "PO-00011,b@example.com,-9.90,EUR"),
    (17, "PO-00017,c@example.com,9.90,GALLEONS"),
];

/// How a program ended, and what it printed.
struct Ran {
    code: Option<i32>,
    said: String,
}

impl Ran {
    /// Fails unless it printed this.
    fn says(&self, what: &str) {
        assert!(self.said.contains(what), "`{what}` is not in:\n{}", self.said);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The compiled programs, made once from what is there now.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        for program in ["node", "npm"] {
            assert!(
                find_program(program, &[]).is_some(),
                "`{program}` is not installed: `make test` installs Node.js, which runs the recipes"
            );
        }
        for directory in ["client", "docs/recipes"] {
            let directory = root().join(directory);
            let changed = |path: &str| directory.join(path).metadata().and_then(|it| it.modified()).ok();
            if changed("node_modules/.package-lock.json") < changed("package-lock.json") {
                npm(&directory, &["ci", "--no-audit", "--no-fund"]);
            }
            npm(&directory, &["run", "build"]);
        }
        root().join("docs/recipes/dist")
    })
}

fn npm(directory: &Path, arguments: &[&str]) {
    let output = Command::new("npm").args(arguments).current_dir(directory).output().unwrap();
    let (said, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "npm {arguments:?} in {}:\n{said}\n{complaint}", directory.display());
}

/// A program for this tenant, with an API key that may do this, in a directory of its own.
async fn recipe(name: &str, scene: &Scene, scopes: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", LIMIT_SECONDS, "node"])
        .arg(built().join(name).with_extension("js"))
        .current_dir(watchdog::directory("recipe"))
        .env("TRESTLE_URL", scene.admin().url())
        .env("TENANT_ID", &scene.tenant.id)
        .env("PORT", "0");
    if !scopes.is_empty() {
        let input = json!({"name": name, "scopes": scopes, "tenantIds": [scene.tenant.id]});
        let made = scene.admin().mutate("createApiKey", input, "secret").await;
        command.env("TRESTLE_API_KEY", text(&made["secret"]));
    }
    command
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).join("");
    Ran { code: output.status.code(), said }
}

/// The same; it must end well.
fn done(command: &mut Command) -> Ran {
    let ran = run(command);
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    ran
}

/// The lines of a file that a program wrote, as JSON.
fn lines(path: &Path) -> Vec<Value> {
    let file = std::fs::read_to_string(path).unwrap();
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes a file of orders.
fn write_orders(scene: &Scene, path: &str) {
    let mut file = "number,customer_email,amount,currency\n".to_owned();
    for number in 1..=ORDERS {
        match WRONG.iter().find(|(wrong, _)| *wrong == number) {
            Some((_, line)) => file.push_str(line),
            None => file.push_str(&format!("PO-{number:05},buyer{number}@example.com,9.90,EUR")),
        }
        file.push('\n');
    }
    scene.files.write(path, file);
}

/// An integration of orders, with rules that [`WRONG`] break.
async fn orders(scene: &Scene) -> String {
    write_orders(scene, "in/orders.csv");
    let rules = json!({"required": ["number", "customer_email"], "properties": {
        "customer_email": {"type": "string"}, "amount": {"minimum": 0}, "currency": {"enum": ["EUR", "USD"]}}});
    let changes = json!({"name": "orders", "keyFields": ["number"], "mapping": ".amount = to_float!(.amount)",
        "recordSchema": rules});
    scene.file_to_sqlite("in/orders.csv", changes).await
}

/// The same after a run, in which three failed.
async fn failed_orders(scene: &Scene) -> (String, Value) {
    let integration = orders(scene).await;
    let run = scene.run(&integration).await;
    assert_eq!(
        (&run["status"], &run["counts"]["failed"]),
        (&json!("PARTIAL"), &json!(WRONG.len())),
        "{run:#}"
    );
    (integration, run)
}

#[test]
fn each_page_has_the_program_that_is_run() {
    let directory = root().join("docs/recipes");
    let index = std::fs::read_to_string(directory.join("README.md")).unwrap();
    let names = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    let programs: Vec<&String> = names
        .iter()
        .filter(|name| name.starts_with(|first: char| first.is_ascii_digit()) && name.ends_with(".ts"))
        .collect();
    assert_eq!(programs.len(), 10, "{programs:?}");
    for program in programs {
        let code = std::fs::read_to_string(directory.join(program)).unwrap();
        let page = program.replace(".ts", ".md");
        let text = std::fs::read_to_string(directory.join(&page)).unwrap();
        let has_it = text.contains(&format!("```ts\n{code}```\n"));
        assert!(has_it, "{page} has another program than {program}: run `npm run embed` in docs/recipes");
        assert!(index.contains(&format!("({page})")), "docs/recipes/README.md does not name {page}");
    }
}

#[test]
fn the_client_passes_its_own_checks() {
    built();
    npm(&root().join("client"), &["run", "check"]);
}

#[tokio::test]
async fn a_portals_backend_gives_its_page_a_token() {
    let scene = Scene::shared().await;
    let scopes = ["portal_sessions:create", "failures:read", "failures:retry", "runs:start"];
    let ran = done(&mut recipe("01-portal-session", &scene, &scopes).await);
    ran.says(&format!("PORTAL of The {} company may ", scene.tenant.slug));
    ran.says("failures:retry");
    ran.says("for 15 minutes");
    let query =
        "query($id: ID!) { portalSessions(filter: {tenantId: $id}) { edges { node { endUser endedAt } } } }";
    let sessions = nodes(&scene.admin().query(query, json!({"id": scene.tenant.id})).await["portalSessions"]);
    assert_eq!((sessions.len(), &sessions[0]["endUser"]), (1, &json!("Mia Keller")));
    assert_ne!(sessions[0]["endedAt"], Value::Null, "she signed out");
}

#[tokio::test]
async fn a_customer_sees_their_inbox_in_their_language() {
    let scene = Scene::shared().await;
    failed_orders(&scene).await;
    let input = json!({"tenantId": scene.tenant.id, "endUser": "Mia", "scopes": ["failures:read"]});
    let made = scene.admin().mutate("createPortalSession", input, "token").await;
    let mut command = recipe("02-inbox", &scene, &[]).await;
    command.env("TRESTLE_TOKEN", text(&made["token"]));
    let english = done(&mut command);
    english.says("To do: 3 (0 critical, 0 high, 3 medium, 0 low)");
    for reference in ["PO-00004", "PO-00011", "PO-00017"] {
        english.says(&format!("For example: {reference}\n"));
    }
    let german = done(command.env("PORTAL_LANGUAGE", "de"));
    german.says("PO-00004");
    assert_ne!(german.said, english.said);
}

#[tokio::test]
async fn three_failed_orders_are_corrected_and_arrive() {
    let scene = Scene::shared().await;
    let (integration, failed) = failed_orders(&scene).await;
    let directory = watchdog::directory("corrections");
    let file = directory.join("corrections.json");
    let scopes = ["failures:edit", "failures:read", "records:read"];
    let mut command = recipe("03-edit-and-retry", &scene, &scopes).await;
    command.arg(&integration).arg(&file);
    // One is corrected, one is still wrong, and one is left alone.
    let corrections = json!({"PO-00004": {"customer_email": "a@example.com"}, "PO-00011": {"amount": "-1", "currency": "DM"}});
    std::fs::write(&file, corrections.to_string()).unwrap();
    let ran = done(&mut command);
    ran.says("PO-00004: arrived\n");
    ran.says("PO-00011: amount is still wrong: ");
    ran.says("PO-00011: currency is still wrong: ");
    assert_eq!(scene.status(&text(&failed["id"])).await, "PARTIAL");
    let corrections = json!({"PO-00011": {"amount": "1"}, "PO-00017": {"currency": "USD"}});
    std::fs::write(&file, corrections.to_string()).unwrap();
    let ran = done(&mut command);
    assert!(!ran.said.contains("PO-00004"), "{}", ran.said);
    ran.says("PO-00011: arrived\n");
    ran.says("PO-00017: arrived\n");
    assert_eq!(scene.status(&text(&failed["id"])).await, "RECOVERED");
    let rows = "SELECT customer_email || ' ' || amount || ' ' || currency FROM records
        WHERE number IN ('PO-00004', 'PO-00011', 'PO-00017') ORDER BY number";
    let rows = scene.sqlite_rows("out.db", rows).await;
    assert_eq!(rows, ["a@example.com 9.9 EUR", "b@example.com 1.0 EUR", "c@example.com 9.9 USD"]);
}

#[tokio::test]
async fn a_run_is_followed_to_its_end() {
    let scene = Scene::shared().await;
    let integration = orders(&scene).await;
    let ran =
        run(recipe("04-follow-a-run", &scene, &["runs:start", "failures:read"]).await.arg(&integration));
    assert_eq!(ran.code, Some(1), "not everything arrived: {}", ran.said);
    ran.says("PARTIAL: 20 records read\n");
    ran.says("20 read = 17 created + 0 updated + 0 unchanged + 0 skipped + 3 failed\n");
    ran.says("  PO-00017: ");
    let runs = scene.runs_of(&integration).await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    ran.says(&format!("started {}\n", text(&runs[0]["id"])));
}

#[tokio::test]
async fn no_failure_is_missing_from_a_copy_that_is_carried_on() {
    let scene = Scene::shared().await;
    let sandbox = |records| {
        scene.fixture.sandbox(&scene.tenant, json!({"records": records}), json!({"rejectEvery": 1}))
    };
    scene.run(&sandbox(250).await).await;
    let file = watchdog::directory("failures").join("failures.jsonl");
    let mut command = recipe("05-all-failures", &scene, &["failures:read"]).await;
    command.arg(&file).env("SETTLE_SECONDS", "0");
    done(&mut command).says("250 failures of the last year are in ");
    done(&mut command).says("0 failures more are in ");
    scene.run(&sandbox(3).await).await;
    done(&mut command).says("3 failures more are in ");
    let ids: std::collections::BTreeSet<String> = lines(&file).iter().map(|line| text(&line["id"])).collect();
    assert_eq!((ids.len(), lines(&file).len()), (253, 253));
}

#[tokio::test]
async fn everything_of_a_tenant_is_exported() {
    let scene = Scene::shared().await;
    let (integration, failed) = failed_orders(&scene).await;
    let directory = watchdog::directory("export");
    let scopes = ["exports:manage", "failures:read", "systems:read"];
    let ran = done(recipe("06-export", &scene, &scopes).await.arg(&directory));
    for line in ["integrations.jsonl has 1 rows\n", "runs.jsonl has 1 rows\n", "failures.jsonl has 3 rows\n"]
    {
        ran.says(line);
    }
    let of = |name: &str| lines(&directory.join(name));
    assert_eq!(of("integrations.jsonl")[0]["id"], json!(integration));
    assert_eq!(of("runs.jsonl")[0]["id"], failed["id"]);
    let failures = of("failures.jsonl");
    let mut references: Vec<String> = failures.iter().map(|line| text(&line["businessReference"])).collect();
    references.sort();
    assert_eq!(references, ["PO-00004", "PO-00011", "PO-00017"]);
    assert!(
        failures
            .iter()
            .all(|line| line["run"]["id"] == failed["id"] && line["fieldErrors"][0]["rule"].is_string())
    );
}

#[tokio::test]
async fn notices_are_received_and_verified() {
    let scene = Scene::shared().await;
    let mut command = recipe("07-notices", &scene, &["notices:read", "notices:manage"]).await;
    command.env("NOTICE_SECRET", NOTICE_SECRET);
    let log = watchdog::directory("notices").join("log");
    let mut receiver = Process::start("07-notices", &mut command, &log, "KILL");
    receiver.line("a test has arrived", LIMIT).await;
    let query = "query($id: ID!) { noticeChannels(filter: {tenantId: $id}) { edges { node { name url } } } }";
    let channels = nodes(&scene.admin().query(query, json!({"id": scene.tenant.id})).await["noticeChannels"]);
    let ours = channels.iter().find(|channel| channel["name"] == "Our backend").unwrap();
    let forged = http().post(text(&ours["url"]));
    let forged = forged.header("webhook-id", "notice_1").header("webhook-signature", "v1,AAAA").body("{}");
    assert_eq!(forged.send().await.unwrap().status(), 400);

    let integration = scene.file_to_sqlite("later.csv", json!({})).await;
    assert_eq!(scene.run(&integration).await["status"], "FAILED");
    receiver.line("run.failed: ", LIMIT).await;
    let next = receiver.line("you next: ", LIMIT).await;
    assert!(!next.is_empty());
    scene.files.write("later.csv", "id\na\n");
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");
    receiver.line("run.recovered: ", LIMIT).await;
    receiver.signal("TERM");
}

#[tokio::test]
async fn a_customer_is_provisioned_once_however_often_it_is_done() {
    let scene = Scene::shared().await;
    let slug = format!("{}-p", scene.tenant.slug);
    let provision = async || {
        let mut command = recipe("08-provision", &scene, &[]).await;
        command.args([slug.as_str(), "Acme Stores"]);
        command.env("TRESTLE_EMAIL", ADMIN_EMAIL).env("TRESTLE_PASSWORD", ADMIN_PASSWORD);
        command
    };
    // Two at the same time make one.
    let log = watchdog::directory("provision").join("log");
    let mut other = Process::start("08-provision", &mut provision().await, &log, "KILL");
    let ran = done(&mut provision().await);
    let id = other.line(&format!("{slug} is as the template says: "), LIMIT).await;
    ran.says(&format!("{slug} is as the template says: {id}\n"));

    let query = "query($slug: String) { tenant(slug: $slug) { id name
        systems { edges { node { id name config } } } integrations { edges { node { id name schedule { cron } } } } } }";
    let tenant = scene.admin().query(query, json!({"slug": slug})).await["tenant"].clone();
    let systems = nodes(&tenant["systems"]);
    let mut names: Vec<String> = systems.iter().map(|system| text(&system["name"])).collect();
    names.sort();
    assert_eq!(names, ["Order files", "Shop"]);
    let integrations = nodes(&tenant["integrations"]);
    assert_eq!((integrations.len(), &integrations[0]["id"]), (1, &json!(id)), "{integrations:#?}");
    assert_eq!(integrations[0]["schedule"]["cron"], "30 5 * * *");

    // What somebody changed is mended.
    let shop = systems.iter().find(|system| system["name"] == "Shop").unwrap();
    let changed = json!({"systemId": shop["id"], "config": {"path": "other.db"}});
    scene.admin().mutate("updateSystem", changed, "system { id }").await;
    let older = json!({"integrationId": id, "description": "From the template, version 0", "schedule": null});
    scene.admin().mutate("updateIntegration", older, "integration { id }").await;
    let mended = done(&mut provision().await);
    mended.says("system Shop: mended\n");
    mended.says("integration Orders: mended\n");
    let tenant = scene.admin().query(query, json!({"slug": slug})).await["tenant"].clone();
    assert_eq!(nodes(&tenant["integrations"])[0]["schedule"]["cron"], "30 5 * * *");
    assert!(nodes(&tenant["systems"]).iter().any(|system| system["config"]["path"] == "shop.db"));
    assert_eq!(done(&mut provision().await).said.lines().count(), 1, "nothing is left to do");
}

#[tokio::test]
async fn the_nightly_check_names_who_acts() {
    let scene = Scene::shared().await;
    let mut command = recipe("09-nightly-check", &scene, &["failures:read", "contacts:read"]).await;
    assert_eq!(done(&mut command).said, "all is well\n");
    failed_orders(&scene).await;
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    ran.says(&format!("ACTION_REQUIRED  The {} company / integration ", scene.tenant.slug));
    assert_eq!(ran.said.matches("  → the customer: 1 × ").count(), WRONG.len(), "{}", ran.said);
    ran.says("not well: 1\n");
}

#[tokio::test]
async fn a_file_is_put_where_an_integration_reads_it_and_run() {
    let scene = Scene::shared().await;
    let integration = orders(&scene).await;
    let query = "query($id: ID!) { integration(id: $id) { source { id } } }";
    let read = scene.admin().query(query, json!({"id": integration})).await;
    let file = watchdog::directory("upload").join("orders.csv");
    let content = "number,customer_email,amount,currency\nPO-1,a@example.com,1,EUR\nPO-2,,1,EUR\n";
    std::fs::write(&file, content).unwrap();
    let scopes = ["files:upload", "runs:start", "failures:read"];
    let mut command = recipe("10-upload-and-run", &scene, &scopes).await;
    let ran = done(command.arg(text(&read["integration"]["source"]["id"])).arg(&file));
    ran.says(&format!(
        "in/orders.csv is there, with {} bytes; integrations that read it: 1\n",
        content.len()
    ));
    ran.says(": PARTIAL, 1 new, 1 failed\n");
    ran.says("  PO-2: ");
    ran.says("    /customer_email: ");
    assert_eq!(scene.files.read("in/orders.csv"), content);
    assert_eq!(scene.sqlite_rows("out.db", "SELECT number FROM records").await, ["PO-1"]);
}
