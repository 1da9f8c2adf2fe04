//! Integrations that stop by themselves after failed runs in a row, and go on when a person lets them.

use serde_json::{Value, json};

use crate::scene::{Scene, into_table, only, outcome, text};

const INTEGRATION: &str =
    "query($id: ID!) { integration(id: $id) { status statusReason holdAfter failedRunCount schedule { nextRunAt }
    hold { reason since failure { code run { id } } } } }";

async fn integration(scene: &Scene, id: &str) -> Value {
    scene.admin().query(INTEGRATION, json!({"id": id})).await["integration"].clone()
}

#[tokio::test]
async fn after_failed_runs_in_a_row_it_is_held_for_the_last_failure_and_what_comes_then_is_kept() {
    let scene = Scene::shared().await;
    let integration_id = scene.file_to_sqlite("later.csv", json!({})).await;
    let input = json!({
        "integrationId": integration_id, "holdAfter": 3, "schedule": {"cron": "0 3 1 1 *", "timeZone": "Europe/Berlin"},
    });
    scene.admin().mutate("updateIntegration", input, "integration { id }").await;
    let mut last = Value::Null;
    for failed in 1..=3 {
        let before = integration(&scene, &integration_id).await;
        assert_eq!((&before["status"], &before["hold"]), (&json!("ACTIVE"), &Value::Null));
        last = scene.run(&integration_id).await;
        assert_eq!(last["status"], "FAILED");
        assert_eq!(integration(&scene, &integration_id).await["failedRunCount"], failed);
    }
    let held = integration(&scene, &integration_id).await;
    let reason = "3 runs in a row could not go on. Mend the cause, then resume it.";
    assert_eq!((&held["status"], &held["statusReason"]), (&json!("HELD"), &json!(reason)));
    assert_eq!(held["schedule"]["nextRunAt"], Value::Null);
    assert_eq!(held["hold"]["reason"], reason);
    assert_eq!(held["hold"]["failure"], json!({"code": "source.not_found", "run": {"id": last["id"]}}));
    let event = scene.event(&text(&last["id"]), "integration.held").await;
    assert_eq!(
        only(&[event], &["audience", "message", "attributes"]),
        json!([{
            "audience": "CUSTOMER", "message": format!("The integration is held. {reason}"),
            "attributes": {"failedRuns": 3},
        }])
    );

    let kept = scene.fixture.start_run(&integration_id).await;
    scene.files.write("later.csv", "id\na\nb\n");
    assert_eq!(scene.status(&kept).await, "QUEUED");
    let resume = json!({"integrationId": integration_id});
    scene.admin().mutate("resumeIntegration", resume, "integration { id }").await;
    let done = scene.fixture.finished_run(&kept).await;
    assert_eq!((&done["status"], &done["counts"]["created"]), (&json!("SUCCEEDED"), &json!(2)));
    let resumed = integration(&scene, &integration_id).await;
    assert_eq!((&resumed["status"], &resumed["hold"]), (&json!("ACTIVE"), &Value::Null));
    assert_eq!(resumed["failedRunCount"], 0);
    assert_ne!(resumed["schedule"]["nextRunAt"], Value::Null);
}

#[tokio::test]
async fn a_run_that_goes_through_begins_the_count_anew_and_0_holds_never() {
    let scene = Scene::shared().await;
    let files = scene.file_system().await;
    let sqlite = scene.sqlite_system("out.db").await;
    let stream = json!({
        "name": "records", "keyFields": ["id"], "source": {"path": "now.csv"}, "destination": into_table("records"),
    });
    let input = json!({
        "tenantId": scene.tenant.id, "name": "Patient", "sourceId": files, "destinationId": sqlite,
        "streams": [stream], "holdAfter": 2,
    });
    let made =
        scene.admin().mutate("createIntegration", input, "integration { id holdAfter }").await["integration"]
            .clone();
    assert_eq!(made["holdAfter"], 2);
    let id = text(&made["id"]);
    assert_eq!(scene.run(&id).await["status"], "FAILED");
    scene.files.write("now.csv", "id\na\n");
    assert_eq!(outcome(&scene.run(&id).await)["status"], "SUCCEEDED");
    assert_eq!(integration(&scene, &id).await["failedRunCount"], 0);
    std::fs::remove_file(scene.files.path("now.csv")).unwrap();
    assert_eq!(scene.run(&id).await["status"], "FAILED");
    assert_eq!(integration(&scene, &id).await["status"], "ACTIVE");

    let never = json!({"integrationId": id, "holdAfter": 0});
    scene.admin().mutate("updateIntegration", never, "integration { id }").await;
    for _ in 0..3 {
        assert_eq!(scene.run(&id).await["status"], "FAILED");
    }
    let now = integration(&scene, &id).await;
    assert_eq!((&now["status"], &now["failedRunCount"]), (&json!("ACTIVE"), &json!(4)));

    for wrong in [-1, 1_001] {
        let input = json!({"integrationId": id, "holdAfter": wrong});
        let refused = scene.admin().try_mutate("updateIntegration", &input, "integration { id }").await;
        let errors = &refused.body["data"]["updateIntegration"]["userErrors"];
        assert_eq!((&errors[0]["code"], &errors[0]["field"]), (&json!("INVALID"), &json!(["holdAfter"])));
    }
    assert_eq!(integration(&scene, &id).await["holdAfter"], 0);
}
