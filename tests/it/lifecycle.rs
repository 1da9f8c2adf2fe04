//! Integrations and systems come to an end, and runs are canceled: what is done stays, what waits does not start.
//! Deliberately absent: pausing, which is in `schedule`.

use serde_json::json;

use crate::harness::fixture::stream;
use crate::harness::outside::Outside;
use crate::scene::{Scene, ended, into_table, nodes, outcome, text};

/// An integration that takes half a minute.
async fn slow(scene: &Scene, outside: &Outside) -> String {
    let (source, options) = scene.slow_source(outside).await;
    let sqlite = scene.sqlite_system("out.db").await;
    scene.integration(&source, &sqlite, stream(options, into_table("records"))).await
}

#[tokio::test]
async fn a_queued_run_is_canceled_at_once_and_never_starts() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id\n1\n");
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    scene
        .admin()
        .mutate("pauseIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    let run = scene.fixture.start_run(&integration).await;
    let canceled =
        scene.admin().mutate("cancelRun", json!({"runId": run}), "run { status finishedAt }").await;
    assert_eq!(canceled["run"]["status"], "CANCELED", "{canceled:#}");
    assert!(canceled["run"]["finishedAt"].is_string());
    scene
        .admin()
        .mutate("resumeIntegration", json!({"integrationId": integration}), "integration { id }")
        .await;
    let next = scene.run(&integration).await;
    assert_eq!(outcome(&next), ended("SUCCEEDED", json!({"read": 1, "created": 1})), "{next:#}");
    assert_eq!(scene.event_types(&run).await, ["run.queued", "run.cancel_requested", "run.finished"]);
    let errors = scene.admin().refused("cancelRun", json!({"runId": run})).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("CONFLICT", "runId"), "{errors:?}");
}

#[tokio::test]
async fn a_running_run_is_canceled_within_seconds_and_keeps_what_it_did() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(10_000));
    let integration = slow(&scene, &outside).await;
    let run = scene.fixture.start_run(&integration).await;
    // The next one of the same integration waits for it.
    let next = scene.fixture.start_run(&integration).await;
    scene
        .run_until("a page is done", &run, |run| run["counts"]["read"].as_i64().unwrap_or_default() > 0)
        .await;
    assert_eq!(scene.status(&next).await, "QUEUED");
    scene.admin().mutate("cancelRun", json!({"runId": run}), "run { status }").await;
    let ended_run = scene.fixture.finished_run(&run).await;
    let counts = &ended_run["counts"];
    assert_eq!(
        (&ended_run["status"], &counts["unaccounted"]),
        (&json!("CANCELED"), &json!(0)),
        "{ended_run:#}"
    );
    assert!(counts["read"].as_i64().unwrap() < 10_000, "{ended_run:#}");
    let rows = scene.sqlite_rows("out.db", "SELECT count(*) || '' FROM records").await;
    assert!(rows[0].parse::<i64>().unwrap() >= counts["created"].as_i64().unwrap(), "{rows:?} {ended_run:#}");
    assert_eq!(scene.event_types(&run).await.last().unwrap(), "run.finished");

    scene.run_until("the next run starts", &next, |run| run["status"] == "RUNNING").await;
    scene.admin().mutate("cancelRun", json!({"runId": next}), "run { status }").await;
    assert_eq!(scene.fixture.finished_run(&next).await["status"], "CANCELED");
}

#[tokio::test]
async fn an_archived_integration_leaves_the_lists_and_starts_nothing() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(10_000));
    let integration = slow(&scene, &outside).await;
    let running = scene.fixture.start_run(&integration).await;
    let waiting = scene.fixture.start_run(&integration).await;
    scene.run_until("it runs", &running, |run| run["status"] == "RUNNING").await;
    let input = json!({"integrationId": integration});
    for _ in 0..2 {
        let archived =
            scene.admin().mutate("archiveIntegration", input.clone(), "integration { status }").await;
        assert_eq!(archived["integration"]["status"], "ARCHIVED", "twice is once");
    }
    for run in [&running, &waiting] {
        assert_eq!(scene.fixture.finished_run(run).await["status"], "CANCELED");
    }
    let errors = scene.admin().refused("startRun", input.clone()).await;
    assert_eq!(
        (errors[0].code.as_str(), errors[0].field.as_str()),
        ("CONFLICT", "integrationId"),
        "{errors:?}"
    );
    for mutation in ["pauseIntegration", "resumeIntegration"] {
        let errors = scene.admin().refused(mutation, input.clone()).await;
        assert_eq!(errors[0].code, "CONFLICT", "{mutation}: {errors:?}");
    }
    let query = "query($tenant: ID!) { integrations(filter: {tenantId: $tenant}) { edges { node { id } } }
        archived: integrations(filter: {tenantId: $tenant, status: [ARCHIVED]}) { edges { node { id } } } }";
    let lists = scene.admin().query(query, json!({"tenant": scene.tenant.id})).await;
    assert!(nodes(&lists["integrations"]).is_empty(), "{lists:#}");
    assert_eq!(nodes(&lists["archived"]), [json!({"id": integration})]);
    assert_eq!(scene.runs_of(&integration).await.len(), 2, "its runs can still be read");
}

#[tokio::test]
async fn a_system_in_use_is_not_deleted_and_a_free_one_is() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id\n1\n");
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let integration =
        scene.integration(&files, &sqlite, stream(json!({"path": "in.csv"}), into_table("records"))).await;
    for system in [&files, &sqlite] {
        let errors = scene.admin().refused("deleteSystem", json!({"systemId": system})).await;
        assert_eq!(
            (errors[0].code.as_str(), errors[0].field.as_str()),
            ("CONFLICT", "systemId"),
            "{errors:?}"
        );
    }
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED", "nothing was taken away");

    let free = scene.file_system().await;
    scene.admin().mutate("deleteSystem", json!({"systemId": free}), "").await;
    let found = scene.admin().query("query($id: ID!) { node(id: $id) { id } }", json!({"id": free})).await;
    assert!(found["node"].is_null(), "{found:#}");
    let errors = scene.admin().refused("deleteSystem", json!({"systemId": free})).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("NOT_FOUND", "systemId"), "{errors:?}");
}

#[tokio::test]
async fn a_system_is_tested_for_real() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id\n1\n");
    let selection = "system { status statusMessage lastTestedAt }";
    let files = scene.file_system().await;
    let tested = scene.admin().mutate("testSystem", json!({"systemId": files}), selection).await;
    assert_eq!(
        (&tested["system"]["status"], &tested["system"]["statusMessage"]),
        (&json!("HEALTHY"), &json!("Your directory is there, with 1 file.")),
        "{tested:#}"
    );
    let sqlite = scene.sqlite_system("nowhere.db").await;
    let tested = scene.admin().mutate("testSystem", json!({"systemId": sqlite}), selection).await;
    assert_eq!(tested["system"]["status"], "FAILING", "{tested:#}");
    assert!(text(&tested["system"]["statusMessage"]).contains("nowhere.db"), "{tested:#}");
}

#[tokio::test]
async fn a_system_that_refused_its_sign_in_is_healthy_again_after_it_was_renewed() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(5));
    outside.require_bearer("new");
    let mut config = outside.config();
    config["auth"] = json!("bearer");
    let http = scene.fixture.system(&scene.tenant, "http", config, json!({"token": "old"})).await;
    let sqlite = scene.sqlite_system("out.db").await;
    let moves = stream(json!({"path": "/source/all"}), into_table("records"));
    let integration = scene.integration(&http, &sqlite, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("FAILED"), &json!("source.unauthorized")));
    let status = async || {
        let query = "query($id: ID!) { node(id: $id) { ... on System { status } } }";
        text(&scene.admin().query(query, json!({"id": http})).await["node"]["status"])
    };
    assert_eq!(status().await, "REAUTH_REQUIRED");
    let renewed = json!({"systemId": http, "credentials": {"token": "new"}});
    scene.admin().mutate("updateSystem", renewed, "system { id }").await;
    let again = json!({"runId": run["id"], "scope": "FAILED_RECORDS"});
    let started = scene.admin().mutate("retryRun", again, "run { id }").await;
    let retried = scene.fixture.finished_run(&text(&started["run"]["id"])).await;
    assert_eq!(outcome(&retried), ended("SUCCEEDED", json!({"read": 5, "created": 5})), "{retried:#}");
    assert_eq!(
        (status().await, scene.status(&text(&run["id"])).await),
        ("HEALTHY".to_owned(), "RECOVERED".to_owned())
    );
}

#[tokio::test]
async fn a_run_between_two_attempts_can_be_paused_resumed_and_canceled() {
    let (scene, mut outside) = (Scene::shared().await, Outside::with_records(5));
    outside.go_away();
    let (http, sqlite) = (scene.http_system(&outside).await, scene.sqlite_system("out.db").await);
    let moves = stream(json!({"path": "/source/all"}), into_table("records"));
    let integration = scene.integration(&http, &sqlite, moves).await;
    let input = json!({"integrationId": integration});
    let run = scene.fixture.start_run(&integration).await;
    scene.event(&run, "retry.scheduled").await;
    scene.admin().mutate("pauseIntegration", input.clone(), "integration { status }").await;
    outside.come_back();
    scene.admin().mutate("resumeIntegration", input.clone(), "integration { status }").await;
    let run = scene.fixture.finished_run(&run).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 5, "created": 5})), "{run:#}");

    outside.go_away();
    let run = scene.fixture.start_run(&integration).await;
    scene.event(&run, "retry.scheduled").await;
    scene.admin().mutate("cancelRun", json!({"runId": run}), "run { status }").await;
    assert_eq!(scene.fixture.finished_run(&run).await["status"], "CANCELED");
}

#[tokio::test]
async fn stored_credentials_are_not_sent_to_another_place() {
    let (scene, outside) = (Scene::shared().await, Outside::with_records(1));
    let elsewhere = Outside::with_records(1);
    let config = |outside: &Outside| {
        let mut config = outside.config();
        config["auth"] = json!("bearer");
        config
    };
    let http = scene.fixture.system(&scene.tenant, "http", config(&outside), json!({"token": "ours"})).await;
    let moved = json!({"systemId": http, "config": config(&elsewhere)});
    let errors = scene.admin().refused("updateSystem", moved.clone()).await;
    assert_eq!(
        (errors[0].code.as_str(), errors[0].field.as_str()),
        ("REQUIRED", "credentials"),
        "{errors:?}"
    );
    assert!(errors[0].message.contains("baseUrl"), "{errors:?}");

    let mut patient = config(&outside);
    patient["timeoutMs"] = json!(5_000);
    let patient = json!({"systemId": http, "config": patient});
    let kept = scene.admin().mutate("updateSystem", patient, "system { hasCredentials }").await;
    assert_eq!(kept["system"]["hasCredentials"], true, "what moves nothing keeps them");
    for credentials in [json!({"token": "theirs"}), json!(null)] {
        let mut given = moved.clone();
        given["credentials"] = credentials;
        scene.admin().mutate("updateSystem", given, "system { id }").await;
    }
}
