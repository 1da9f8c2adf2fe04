//! A disk of the embedded database that is full, for real: a small file system, and a file that takes what is left of
//! it. Callers are told what to do, what was answered stays, reading goes on; and when there is space again, so does
//! all else.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::fixture::stream;
use crate::harness::outside::Outside;
use crate::harness::postgres::Database;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, impatient, into_table, outcome, postgres_rows, text};

const DISK_BYTES: u64 = 24 * 1024 * 1024;
/// SQLite has pages and a log to write to before it asks for more; no longer than this.
const MUTATIONS_MAX: usize = 20_000;
const RECORDS: usize = 2_000;

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let mut trestle = impatient().lease_seconds(2).disk_bytes(DISK_BYTES).embedded().await;
    let scene = Scene::of(&trestle).await;
    let outside = Outside::with_records(RECORDS);
    let (source, options) = scene.slow_source(&outside).await;
    let target = Database::create().await;
    let postgres = scene.postgres_system(&target).await;
    let moves = stream(options, into_table("records"));
    let integration = scene.integration(&source, &postgres, moves).await;
    let run = scene.fixture.start_run(&integration).await;
    let is_in_the_middle = |run: &Value| run["counts"]["read"].as_i64().is_some_and(|read| read > 0);
    scene.run_until("a page is done", &run, is_in_the_middle).await;

    let ballast = trestle.data_dir_inside().join("ballast");
    fill(&ballast);
    let mut made = Vec::new();
    let refused = loop {
        assert!(made.len() < MUTATIONS_MAX, "the disk never was full");
        let name = format!("System {}", made.len());
        let input = json!({"tenantId": scene.tenant.id, "name": name, "connector": "sandbox", "config": {}});
        let response = scene.admin().try_mutate("createSystem", &input, "system { id }").await;
        let id = response.body["data"]["createSystem"]["system"]["id"].clone();
        if id.is_null() {
            break response;
        }
        made.push(text(&id));
        // What is given back meanwhile is taken again.
        fill(&ballast);
    };
    assert_eq!(refused.codes(), ["UNAVAILABLE"], "{refused:#?}");
    let message = text(&refused.errors()[0]["message"]);
    assert!(message.contains("no space left") && message.contains("make room"), "{message}");
    // Reading goes on, and who signed in may go on reading.
    let stuck = scene.fixture.run(&run).await;
    assert_eq!(stuck["status"], "RUNNING", "it was over too early: {stuck:#}");

    std::fs::remove_file(&ballast).unwrap();
    let last = until("something can be made again", SOON, async || {
        let input =
            json!({"tenantId": scene.tenant.id, "name": "Last", "connector": "sandbox", "config": {}});
        let response = scene.admin().try_mutate("createSystem", &input, "system { id }").await;
        let id = text(&response.body["data"]["createSystem"]["system"]["id"]);
        if id.is_empty() { Err(response.codes()) } else { Ok(id) }
    })
    .await;
    made.push(last);
    let run = scene.fixture.finished_run(&run).await;
    let count = |name: &str| run["counts"][name].as_u64().unwrap();
    assert_eq!(run["status"], "SUCCEEDED", "{:#}", outcome(&run));
    let all = u64::try_from(RECORDS).unwrap();
    assert_eq!((count("read"), count("created") + count("unchanged")), (all, all), "{:#}", outcome(&run));
    let rows = postgres_rows(&target, "SELECT count(*)::text FROM records").await;
    assert_eq!(rows, [RECORDS.to_string()]);
    for system in made {
        let found =
            scene.admin().query("query($id: ID!) { system(id: $id) { id } }", json!({"id": system})).await;
        assert_eq!(found["system"]["id"], json!(system));
    }
    let statuses = trestle.terminate().await;
    assert!(statuses.iter().all(|status| status.code() == Some(0)), "{statuses:?}");
}

/// Takes all that is left of the disk.
fn fill(ballast: &Path) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(ballast).unwrap();
    for size in [1024 * 1024, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
