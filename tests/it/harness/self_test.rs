//! The harness itself: a fault that it says it makes is made, and nothing that it starts is left over. It needs no
//! `trestle`, so it tells a broken harness from a broken program.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection, Row};

use super::client::http;
use super::files::TenantFiles;
use super::outside::{Fault, Outside, Pagination, Rule};
use super::postgres::{Database, PostgresServer};
use super::process::Process;
use super::redis::{Redis, RedisServer, connect};
use super::wait::{SOON, until};
use super::watchdog;

/// Set for the copy of this binary that is killed.
const VICTIM: &str = "TEST_WATCHDOG_VICTIM";
const VICTIM_TEST: &str = "harness::self_test::a_killed_test_binary_leaves_no_server_and_no_directory";

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let (one, other) = (Database::create().await, Database::create().await);
    let mut connection = one.connect().await;
    connection.execute("CREATE TABLE only_here (id int)").await.unwrap();
    let count = |row: sqlx::postgres::PgRow| row.get::<i64, _>(0);
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'";
    assert_eq!(count(connection.fetch_one(tables).await.unwrap()), 1);
    assert_eq!(count(other.connect().await.fetch_one(tables).await.unwrap()), 0);

    let url = one.url().to_owned();
    drop(one);
    let error = PgConnection::connect(&url).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "3D000", "the database is dropped");
}

#[tokio::test]
async fn a_stopped_postgres_keeps_what_was_committed_and_nothing_else() {
    let mut server = PostgresServer::start().await;
    let database = server.database().await;
    let mut connection = database.connect().await;
    let superuser =
        connection.fetch_one("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").await.unwrap();
    assert!(!superuser.get::<bool, _>(0), "row-level security must hold for the program");
    connection.execute("CREATE TABLE kept (id int)").await.unwrap();
    connection.execute("INSERT INTO kept VALUES (1)").await.unwrap();
    let mut open = connection.begin().await.unwrap();
    open.execute("INSERT INTO kept VALUES (2)").await.unwrap();

    server.stop_immediate();
    assert!(open.execute("INSERT INTO kept VALUES (3)").await.is_err(), "open connections break");
    assert!(PgConnection::connect(database.url()).await.is_err(), "new ones are refused");

    server.start_again().await;
    let row = database.connect().await.fetch_one("SELECT array_agg(id ORDER BY id) FROM kept").await.unwrap();
    assert_eq!(row.get::<Vec<i32>, _>(0), [1]);
}

#[tokio::test]
async fn each_test_has_an_empty_redis() {
    let (one, other) = (Redis::create().await, Redis::create().await);
    let () =
        redis::cmd("SET").arg("key").arg("value").query_async(&mut connect(&one.url()).await).await.unwrap();
    let keys = async |redis: &Redis| -> u64 {
        redis::cmd("DBSIZE").query_async(&mut connect(&redis.url()).await).await.unwrap()
    };
    assert_eq!((keys(&one).await, keys(&other).await), (1, 0));
    one.flush().await;
    assert_eq!(keys(&one).await, 0);
}

#[tokio::test]
async fn a_redis_server_stops_pauses_and_comes_back_empty() {
    let mut server = RedisServer::start().await;
    let mut connection = connect(&server.url()).await;
    let () = redis::cmd("SET").arg("key").arg("value").query_async(&mut connection).await.unwrap();

    server.pause();
    let ping = async |connection: &mut redis::aio::MultiplexedConnection| {
        redis::cmd("PING").query_async::<String>(connection).await
    };
    assert!(ping(&mut connection).await.unwrap_err().is_timeout(), "a paused server does not answer");
    server.resume();
    assert_eq!(ping(&mut connect(&server.url()).await).await.unwrap(), "PONG");

    server.stop_immediate();
    assert!(redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.is_err());
    server.start_again().await;
    let value: Option<String> =
        redis::cmd("GET").arg("key").query_async(&mut connect(&server.url()).await).await.unwrap();
    assert_eq!(value, None);
}

#[test]
fn a_killed_test_binary_leaves_no_server_and_no_directory() {
    if std::env::var_os(VICTIM).is_some() {
        be_the_victim();
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", VICTIM_TEST, "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut output = victim.stdout.take().unwrap();
    let mut text = String::new();
    while !text.contains("ready\n") {
        let mut buffer = [0; 256];
        let length = output.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "the victim ended early: {text}");
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    let line = text.lines().find_map(|line| line.strip_prefix("server ")).unwrap();
    let (server, directory) = line.split_once(' ').unwrap();
    assert!(is_alive(server));
    assert!(std::path::Path::new(directory).exists());

    victim.kill().unwrap();
    victim.wait().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(until(
        "the server ends and its directory is removed",
        Duration::from_secs(15),
        async || {
            let left = (is_alive(server), std::path::Path::new(directory).exists());
            if left == (false, false) { Ok(()) } else { Err(left) }
        },
    ));
}

#[tokio::test]
async fn a_process_gives_its_lines_and_tells_how_it_ended() {
    let log = watchdog::directory("process").join("log");
    let script = "trap 'echo bye; exit 3' TERM; echo noise; echo ready at 7; echo hidden >&2; while :; do sleep 0.01; done";
    let mut process = Process::start("talker", Command::new("sh").args(["-c", script]), &log, "KILL");
    assert_eq!(process.line("ready at ", SOON).await, "7");
    assert_eq!(process.exit_status(), None);
    process.signal("TERM");
    assert_eq!(process.exit(SOON).await.code(), Some(3));
    until("all is in its log", SOON, async || {
        let log = process.log();
        if ["noise", "hidden", "bye"].iter().all(|line| log.contains(line)) { Ok(()) } else { Err(log) }
    })
    .await;

    let mut process = Process::start("talker", Command::new("sh").args(["-c", script]), &log, "KILL");
    process.line("ready at ", SOON).await;
    process.signal("STOP");
    process.kill9();
    assert_eq!(process.exit_status().unwrap().signal(), Some(9), "a paused process can be killed");
}

/// Starts a server that ignores what a terminal sends, tells which, and waits to be killed.
#[expect(clippy::print_stdout, reason = "the other process reads it")]
fn be_the_victim() -> ! {
    let directory = watchdog::directory("victim");
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' INT TERM HUP; while :; do sleep 1; done"]);
    let process = Process::start("server", &mut command, &directory.join("log"), "TERM");
    println!("\nserver {} {}\nready", process.id(), directory.display());
    loop {
        std::thread::park();
    }
}

/// Whether a process runs; one that ended and was not waited for does not.
fn is_alive(pid: &str) -> bool {
    let state = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit(") ").next().unwrap().to_owned(),
        Err(_) if std::path::Path::new("/proc/self").exists() => return false,
        Err(_) => {
            let output = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        }
    };
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[tokio::test]
async fn the_outside_source_gives_every_record_once_by_every_pagination() {
    let outside = Outside::with_records(250);
    let get = async |path: String| {
        let response = http().get(format!("{}{path}", outside.url())).send().await.unwrap();
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        (response.json::<Value>().await.unwrap(), link)
    };
    let ids = |page: &Value| -> Vec<String> {
        page.as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&get("/source/all".to_owned()).await.0);
    assert_eq!((all.len(), all[0].as_str(), all[249].as_str()), (250, "R-00001", "R-00250"));

    let mut by_page = Vec::new();
    for page in 1..=4 {
        by_page.extend(ids(&get(format!("/source/page?page={page}&size=100")).await.0["data"]));
    }
    let mut by_offset = Vec::new();
    for offset in [0, 90, 180, 270] {
        by_offset.extend(ids(&get(format!("/source/offset?offset={offset}&limit=90")).await.0));
    }
    let (mut by_cursor, mut path) = (Vec::new(), "/source/cursor".to_owned());
    loop {
        let (page, _) = get(path).await;
        by_cursor.extend(ids(&page["data"]));
        let Some(next) = page["meta"]["next"].as_str() else { break };
        path = format!("/source/cursor?after={next}");
    }
    let (mut by_link, mut path) = (Vec::new(), "/source/link".to_owned());
    loop {
        let (page, link) = get(path).await;
        by_link.extend(ids(&page));
        let Some(link) = link else { break };
        path = link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
    }
    assert_eq!([by_page, by_offset, by_cursor, by_link], [all.clone(), all.clone(), all.clone(), all]);
    let (since, _) = get("/source/page?since=2026-01-01T00:04:00Z&page=1&size=100".to_owned()).await;
    assert_eq!(ids(&since["data"])[0], "R-00241");
    assert_eq!(outside.source_options(Pagination::Link)["pagination"]["kind"], "link");
}

#[tokio::test]
async fn the_outside_destination_counts_effects_and_deliveries() {
    let outside = Outside::start();
    outside.require_bearer("secret");
    let put = async |token: &str, record: Value| {
        let request = http().post(format!("{}/records", outside.url())).bearer_auth(token);
        request.header("Idempotency-Key", "k").json(&record).send().await.unwrap().status().as_u16()
    };
    assert_eq!(put("wrong", json!({"id": 1})).await, 401);
    assert_eq!(put("secret", json!({"id": 1, "name": "a"})).await, 201);
    assert_eq!(put("secret", json!({"id": 1, "name": "a"})).await, 200);
    assert_eq!(outside.effects("1"), 1);
    assert_eq!(put("secret", json!({"id": 1, "name": "b"})).await, 200);
    assert_eq!((outside.effects("1"), outside.effects("2")), (2, 0));
    assert_eq!(outside.deliveries(), [("k".to_owned(), 3)].into());
    assert_eq!(outside.records()["1"], json!({"id": 1, "name": "b"}));
    assert_eq!(put("secret", json!({"name": "c"})).await, 422);
    assert_eq!((outside.requests().len(), outside.in_flight_max()), (5, 1));
    assert_eq!(outside.requests()[0].headers["authorization"], "Bearer wrong");
}

#[tokio::test]
async fn the_outside_system_misbehaves_as_told() {
    let mut outside = Outside::start();
    let url = format!("{}/records", outside.url());
    let put = async |id: &str| {
        let sent = http().post(&url).json(&json!({"id": id})).timeout(Duration::from_secs(5)).send().await;
        sent.map(|response| (response.status().as_u16(), response.headers().get("retry-after").cloned()))
    };
    outside.inject(Rule::new(Fault::rejected("no such customer")).on_key("bad"));
    assert_eq!(put("good").await.unwrap().0, 201);
    assert_eq!(put("bad").await.unwrap().0, 400);
    assert_eq!(put("bad").await.unwrap().0, 400);
    outside.heal_key("bad");
    assert_eq!(put("bad").await.unwrap().0, 201);

    outside.inject(Rule::new(Fault::RateLimited { retry_after_seconds: 3 }).times(1).after(1));
    assert_eq!(put("a").await.unwrap().0, 201);
    let (status, retry_after) = put("b").await.unwrap();
    assert_eq!((status, retry_after.unwrap().to_str().unwrap()), (429, "3"));
    assert_eq!(put("b").await.unwrap().0, 201);

    outside.inject(Rule::new(Fault::DropConnection).times(1));
    assert!(put("dropped").await.is_err());
    assert_eq!(outside.effects("dropped"), 0);
    outside.inject(Rule::new(Fault::LoseAnswer).times(1));
    assert!(put("lost").await.is_err());
    assert_eq!(outside.effects("lost"), 1, "stored, though the caller cannot know");
    outside.inject(Rule::new(Fault::Hang));
    let hanging =
        http().post(&url).json(&json!({"id": "hang"})).timeout(Duration::from_millis(200)).send().await;
    assert!(hanging.unwrap_err().is_timeout());
    outside.heal();
    outside.inject(Rule::new(Fault::Slow(Duration::from_millis(1))));
    assert_eq!(put("slow").await.unwrap().0, 201);

    outside.go_away();
    assert!(put("slow").await.unwrap_err().is_connect());
    outside.come_back();
    assert_eq!(put("slow").await.unwrap().0, 200, "what was stored is still there");
}

#[test]
fn tenant_files_round_trip() {
    let files = TenantFiles::of(&watchdog::directory("files"), "acme");
    files.write_csv("in/orders.csv", &["id", "note"], [vec!["1".to_owned(), "a, \"b\"\nc".to_owned()]]);
    assert_eq!(files.read("in/orders.csv"), "id,note\n1,\"a, \"\"b\"\"\nc\"\n");
    assert_eq!(files.read_csv("in/orders.csv"), [json!({"id": "1", "note": "a, \"b\"\nc"})]);
    files.write_jsonl("out.jsonl", [json!({"id": 1}), json!({"id": 2})]);
    assert_eq!(files.read_jsonl("out.jsonl"), [json!({"id": 1}), json!({"id": 2})]);
}
