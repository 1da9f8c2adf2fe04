//! Runs that start by themselves, and runs that wait: for a schedule, a paused integration, a suspended tenant.
//! Deliberately absent: cron's own rules, which are tested beside them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::harness::trestle::Trestle;
use crate::harness::wait::until;
use crate::scene::{Scene, ended, outcome, sqlite_execute, text};

const SCHEDULE: &str = "integration { id status statusReason schedule { cron timeZone nextRunAt } }";

async fn ready(scene: &Scene) -> String {
    scene.files.write("in.csv", "id\n1\n");
    scene.file_to_sqlite("in.csv", json!({})).await
}

fn next_run(payload: &Value) -> Option<DateTime<Utc>> {
    payload["integration"]["schedule"]["nextRunAt"].as_str().map(|at| at.parse().expect("an RFC 3339 time"))
}

#[tokio::test]
async fn a_schedule_starts_runs_and_rests_while_its_integration_is_paused() {
    let scene = Scene::shared().await;
    let integration = ready(&scene).await;
    let change = async |mutation: &str, schedule: Option<Value>| {
        let mut input = json!({"integrationId": integration});
        if let Some(schedule) = schedule {
            input["schedule"] = schedule;
        }
        scene.admin().mutate(mutation, input, SCHEDULE).await
    };
    let yearly = json!({"cron": "30 3 1 1 *", "timeZone": "Europe/Berlin"});
    let changed = change("updateIntegration", Some(yearly)).await;
    let next = next_run(&changed).unwrap().to_rfc3339();
    assert!(next.ends_with("-01-01T02:30:00+00:00"), "half past three in Berlin's winter: {next}");

    let every_minute = json!({"cron": "* * * * *", "timeZone": "UTC"});
    let changed = change("updateIntegration", Some(every_minute)).await;
    let next = next_run(&changed).unwrap();
    let ahead = next - Utc::now();
    assert!(ahead <= chrono::TimeDelta::seconds(60) && next.timestamp() % 60 == 0, "{changed:#}");

    let paused = change("pauseIntegration", None).await;
    assert_eq!((&paused["integration"]["status"], next_run(&paused)), (&json!("PAUSED"), None), "{paused:#}");
    let resumed = change("resumeIntegration", None).await;
    assert_eq!(resumed["integration"]["status"], "ACTIVE");
    let next = next_run(&resumed).unwrap();

    let run = until("the schedule starts a run", Duration::from_secs(75), async || {
        let runs = scene.runs_of(&integration).await;
        runs.first().cloned().ok_or_else(|| format!("no run; it was due at {next}"))
    })
    .await;
    assert_eq!(run["trigger"], "SCHEDULE");
    let run = scene.fixture.finished_run(&text(&run["id"])).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1, "created": 1})), "{run:#}");
    let queued_at: DateTime<Utc> = text(&run["queuedAt"]).parse().unwrap();
    assert!(queued_at >= next && queued_at - next < chrono::TimeDelta::seconds(10), "due at {next}: {run:#}");

    let stopped = change("updateIntegration", Some(Value::Null)).await;
    assert!(stopped["integration"]["schedule"].is_null(), "{stopped:#}");

    for (schedule, field) in [
        (json!({"cron": "61 * * * *", "timeZone": "UTC"}), "schedule.cron"),
        (json!({"cron": "* * * * *", "timeZone": "Europe/Atlantis"}), "schedule.timeZone"),
    ] {
        let input = json!({"integrationId": integration, "schedule": schedule});
        let errors = scene.admin().refused("updateIntegration", input).await;
        assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("INVALID", field), "{errors:?}");
    }
}

#[tokio::test]
async fn runs_of_a_paused_integration_wait_and_run_when_it_is_resumed() {
    let scene = Scene::shared().await;
    let (integration, other) = (ready(&scene).await, ready(&scene).await);
    let input = json!({"integrationId": integration, "reason": "stocktaking"});
    let paused = scene.admin().mutate("pauseIntegration", input, SCHEDULE).await;
    assert_eq!(paused["integration"]["statusReason"], "stocktaking");
    let waiting = [scene.fixture.start_run(&integration).await, scene.fixture.start_run(&integration).await];
    // Another integration of the same tenant goes on, and shows that the worker had its chance.
    assert_eq!(scene.run(&other).await["status"], "SUCCEEDED");
    for run in &waiting {
        assert_eq!(scene.status(run).await, "QUEUED");
    }
    let event = &scene.events(scene.admin(), &waiting[0]).await[0];
    assert!(text(&event["message"]).ends_with("It is kept until the integration is resumed."), "{event:#}");

    scene.admin().mutate("resumeIntegration", json!({"integrationId": integration}), SCHEDULE).await;
    let runs = [scene.fixture.finished_run(&waiting[0]).await, scene.fixture.finished_run(&waiting[1]).await];
    // The other integration wrote the record into the same table.
    for run in runs {
        assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 1, "unchanged": 1})), "{run:#}");
    }
}

#[tokio::test]
async fn runs_of_a_suspended_tenant_wait_and_run_when_it_is_resumed() {
    let scene = Scene::shared().await;
    let (integration, other) = (ready(&scene).await, ready(&scene).await);
    let member = scene.person("TENANT_MEMBER").await;
    let suspend = json!({"tenantId": scene.tenant.id, "reason": "unpaid"});
    let suspended = scene.admin().mutate("suspendTenant", suspend, "tenant { status }").await;
    assert_eq!(suspended["tenant"]["status"], "SUSPENDED");
    let waiting = [scene.fixture.start_run(&integration).await, scene.fixture.start_run(&other).await];
    // A run of another tenant shows that the worker had its chance.
    let elsewhere = Scene::shared().await;
    let active = ready(&elsewhere).await;
    assert_eq!(elsewhere.run(&active).await["status"], "SUCCEEDED");
    for run in &waiting {
        assert_eq!(scene.status(run).await, "QUEUED");
    }
    // Its people look and change nothing.
    let query = "query($id: ID!) { run(id: $id) { status } }";
    assert_eq!(member.query(query, json!({"id": waiting[0]})).await["run"]["status"], "QUEUED");
    let response = member.try_mutate("startRun", &json!({"integrationId": integration}), "run { id }").await;
    assert!(
        !response.codes().is_empty() || response.body["data"]["startRun"]["userErrors"] != json!([]),
        "{response:#?}"
    );
    assert_eq!(scene.runs_of(&integration).await.len(), 1);

    let resume = json!({"tenantId": scene.tenant.id});
    scene.admin().mutate("resumeTenant", resume, "tenant { status }").await;
    for run in &waiting {
        let run = scene.fixture.finished_run(run).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    }
}

#[tokio::test]
async fn the_backlog_of_one_tenant_delays_no_other() {
    let (busy, other) = (Scene::shared().await, Scene::shared().await);
    let quick = ready(&other).await;
    let slow = json!({"records": 100, "delayMs": 700});
    let mut integrations = Vec::new();
    for _ in 0..24 {
        integrations.push(busy.fixture.sandbox(&busy.tenant, slow.clone(), json!({})).await);
    }
    let mut backlog = Vec::new();
    for integration in &integrations {
        backlog.push(busy.fixture.start_run(integration).await);
    }
    let run = other.run(&quick).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let mut waiting = 0;
    for run in &backlog {
        waiting += usize::from(busy.status(run).await == "QUEUED");
    }
    assert!(waiting > 0, "the backlog was gone before the other tenant had its turn");
    for run in backlog {
        let run = busy.fixture.finished_run(&run).await;
        assert_eq!(
            (&run["status"], &run["counts"]["created"]),
            (&json!("SUCCEEDED"), &json!(100)),
            "{run:#}"
        );
    }
}

/// Runs that wait for one that is not there any more: a claim put them aside while that one ended.
async fn what_waits_for_nothing_is_let_go(scene: &Scene, execute: impl AsyncFnOnce(String)) {
    let integration = ready(scene).await;
    let input = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", input, "integration { id }").await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(scene.fixture.start_run(&integration).await);
    }
    // The later a run was asked for, the more it matters.
    execute(
        "UPDATE job SET status = 'WAITING', priority = (SELECT count(*) FROM job AS earlier WHERE earlier.id < job.id); \
         UPDATE integration SET status = 'ACTIVE'"
            .to_owned(),
    )
    .await;
    let mut started = Vec::new();
    for run in runs.iter().rev() {
        let run = scene.fixture.finished_run(run).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
        started.push(text(&run["startedAt"]).parse::<DateTime<Utc>>().expect("an RFC 3339 time"));
    }
    assert!(started.is_sorted(), "{started:?}");
}

#[tokio::test]
async fn what_waits_for_nothing_is_let_go_by_priority_when_all_is_in_one_process() {
    let trestle = Trestle::embedded().await;
    let scene = Scene::of(&trestle).await;
    let database = trestle.data_dir().join("trestle.db");
    what_waits_for_nothing_is_let_go(&scene, async |sql| sqlite_execute(&database, &sql).await).await;
}

#[tokio::test]
async fn what_waits_for_nothing_is_let_go_by_priority_of_two_workers() {
    let trestle = Trestle::split(2).await;
    let scene = Scene::of(&trestle).await;
    let mut database = trestle.stores().database.connect().await;
    let execute = async |sql| {
        database.execute(AssertSqlSafe::<String>(sql)).await.expect("a statement");
    };
    what_waits_for_nothing_is_let_go(&scene, execute).await;
}
