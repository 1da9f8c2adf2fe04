//! What a destination takes when a check was set, and what it takes when the record is sent.

use serde_json::json;

use super::{run_now, set, with_results};
use crate::harness::outside::{Outside, Pagination};
use crate::scene::{Scene, changed_stream};

#[tokio::test]
async fn a_destination_that_can_delete_no_more_is_sent_nothing() {
    let (scene, outside) = (Scene::shared().await, Outside::start());
    let system = scene.http_system(&outside).await;
    let reads = outside.source_options(Pagination::Page);
    let mut options = outside.destination_options();
    options["keyInPath"] = json!(true);
    options["method"] = json!("PUT");
    let integration =
        scene.integration(&system, &system, changed_stream(reads.clone(), options, json!({}))).await;
    set(&scene, &integration, json!({})).await;
    scene.update_stream(&integration, changed_stream(reads, outside.destination_options(), json!({}))).await;
    run_now(&scene, &integration).await;
    let failed = with_results(&scene, &integration, 1).await;
    let result = &failed["lastResult"];
    assert_eq!(
        (&result["status"], &result["stage"], &result["code"], &result["isRemoved"]),
        (&json!("FAILED"), &json!("MAP"), &json!("destination.misconfigured"), &json!(true)),
        "{failed:#}"
    );
    let methods: Vec<String> = outside.requests().into_iter().map(|request| request.method).collect();
    assert!(!methods.iter().any(|method| method == "DELETE" || method == "POST"), "{methods:?}");
    assert_eq!(outside.records().len(), 0);
}

#[tokio::test]
async fn a_record_that_stays_is_verified_only_where_something_was_written() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id\na\n");
    for (record, again) in
        [(json!({"id": "{synthetic}"}), false), (json!({"id": "{synthetic}", "at": "{now}"}), true)]
    {
        let integration = scene.file_to_sqlite("in.csv", json!({})).await;
        set(&scene, &integration, json!({"remove": false, "record": record})).await;
        for (count, is_verified) in [(1, true), (2, again)] {
            run_now(&scene, &integration).await;
            let passed = with_results(&scene, &integration, count).await;
            let result = &passed["lastResult"];
            assert_eq!(
                (&result["status"], &result["isVerified"], &result["isRemoved"]),
                (&json!("PASSED"), &json!(is_verified), &json!(false)),
                "{passed:#}"
            );
        }
    }
}
