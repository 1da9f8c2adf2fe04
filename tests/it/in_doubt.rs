//! A write of which nobody knows whether it arrived, and a source that goes back to what it had before: what is at the
//! destination in the end is what is at the source, whatever the last receipt says. Deliberately absent: destinations
//! that compare with what is there, which cannot be misled.

use std::time::Duration;

use serde_json::json;

use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, ended, impatient, outcome, text};

/// Several pages.
const RECORDS: usize = 300;
/// How long a slow write takes, so that a page of them can be interrupted.
const WRITE_DELAY: Duration = Duration::from_millis(100);

/// Two APIs, and an integration from one to the other.
struct Mirror {
    source: Outside,
    destination: Outside,
    integration: String,
}

impl Mirror {
    /// With what was there first at both ends.
    async fn in_step(scene: &Scene, records: usize) -> Self {
        let (source, destination) = (Outside::start(), Outside::start());
        let (reads, writes) = (scene.http_system(&source).await, scene.http_system(&destination).await);
        let moves = stream(source.source_options(Pagination::Page), destination.destination_options());
        let integration = scene.integration(&reads, &writes, moves).await;
        let mirror = Self { source, destination, integration };
        mirror.serve(records, "first");
        let run = scene.run(&mirror.integration).await;
        assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": records, "created": records})));
        mirror
    }

    fn serve(&self, records: usize, content: &str) {
        let record = |number| json!({"id": format!("R-{number:05}"), "content": content});
        self.source.serve_records((1..=records).map(record).collect());
    }

    /// How many records are at the destination with this content.
    fn arrived(&self, content: &str) -> usize {
        self.destination.records().values().filter(|record| record["content"] == content).count()
    }

    async fn some_arrive(&self, content: &str) {
        until("some are written, and not all", SOON, async || {
            let arrived = self.arrived(content);
            if arrived > 0 { Ok(arrived) } else { Err(arrived) }
        })
        .await;
    }
}

#[tokio::test]
async fn a_record_whose_answer_was_lost_is_written_again_when_it_goes_back() {
    let scene = Scene::shared().await;
    let mirror = Mirror::in_step(&scene, 3).await;
    mirror.serve(3, "second");
    mirror.destination.inject(Rule::new(Fault::LoseAnswer).on_key("R-00002"));
    let run = scene.run(&mirror.integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 3, "updated": 2, "failed": 1})));
    assert_eq!(mirror.arrived("second"), 3, "the answer was lost, not the record");

    mirror.destination.heal();
    mirror.serve(3, "first");
    let run = scene.run(&mirror.integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 3, "updated": 3})));
    assert_eq!(mirror.arrived("first"), 3);
    // And now it is known.
    let run = scene.run(&mirror.integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 3, "unchanged": 3})));
    assert_eq!(mirror.destination.doubled(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_that_was_being_written_when_a_run_was_canceled_is_written_again_when_it_goes_back() {
    let scene = Scene::shared().await;
    let mirror = Mirror::in_step(&scene, RECORDS).await;
    mirror.serve(RECORDS, "second");
    mirror.destination.inject(Rule::new(Fault::Slow(WRITE_DELAY)));
    let run = scene.fixture.start_run(&mirror.integration).await;
    mirror.some_arrive("second").await;
    scene.admin().mutate("cancelRun", json!({"runId": run}), "run { id }").await;
    assert_eq!(scene.fixture.finished_run(&run).await["status"], "CANCELED");
    let arrived = mirror.arrived("second");
    assert!(arrived < RECORDS, "it was over too early");

    mirror.destination.heal();
    mirror.serve(RECORDS, "first");
    let run = scene.run(&mirror.integration).await;
    assert_eq!((&run["status"], &run["counts"]["read"]), (&json!("SUCCEEDED"), &json!(RECORDS)));
    assert_eq!(mirror.arrived("first"), RECORDS, "{arrived} were there as they had been in between: {run:#}");
    assert_eq!(mirror.destination.doubled(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_that_was_being_written_when_its_worker_died_is_written_again_when_it_goes_back() {
    let mut trestle = impatient().lease_seconds(2).split(1).await;
    let scene = Scene::of(&trestle).await;
    let mirror = Mirror::in_step(&scene, RECORDS).await;
    mirror.serve(RECORDS, "second");
    mirror.destination.inject(Rule::new(Fault::Slow(WRITE_DELAY)));
    let run = scene.fixture.start_run(&mirror.integration).await;
    mirror.some_arrive("second").await;
    trestle.worker(0).kill9();
    let arrived = mirror.arrived("second");
    assert!(arrived < RECORDS, "it was over too early");

    mirror.destination.heal();
    mirror.serve(RECORDS, "first");
    trestle.add_worker();
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!((&run["status"], &run["counts"]["read"]), (&json!("SUCCEEDED"), &json!(RECORDS)));
    assert!(scene.event_types(&text(&run["id"])).await.contains(&"run.taken_over".to_owned()));
    // What was accounted before the crash is as it was in between, and the next run brings it.
    let next = scene.run(&mirror.integration).await;
    assert_eq!((&next["status"], &next["counts"]["failed"]), (&json!("SUCCEEDED"), &json!(0)));
    assert_eq!(mirror.arrived("first"), RECORDS, "{arrived} were there as they had been in between: {run:#}");
    assert_eq!(mirror.destination.doubled(), Vec::<String>::new());
}
