//! A mapping tried on records before it is stored, and the records of a source to try it on.

use serde_json::{Value, json};

use crate::scene::{Scene, changed_stream, into_table, nodes, only};

const PREVIEWED: &str =
    "records { outcome record businessReference code summary detail fieldErrors { path rule message } }";

/// A file of orders that go into a table, which has rules.
async fn orders(scene: &Scene, lines: &[&str]) -> (String, String) {
    scene.files.write("orders.jsonl", lines.join("\n"));
    let (source, table) = (scene.file_system().await, scene.sqlite_system("orders.db").await);
    let rules = json!({"properties": {"amount": {"type": "number", "minimum": 1}}});
    let stream = changed_stream(
        json!({"path": "orders.jsonl"}),
        into_table("orders"),
        json!({"name": "orders", "keyFields": ["number"], "recordSchema": rules}),
    );
    let integration = scene.integration(&source, &table, stream).await;
    (integration, source)
}

#[tokio::test]
async fn a_mapping_is_tried_on_the_first_records_of_its_source_and_nothing_is_moved() {
    let scene = Scene::shared().await;
    let lines = [
        r#"{"number": "PO-1", "amount": "10"}"#,
        r#"{"number": "PO-2", "#,
        r#"{"number": "PO-3", "amount": "0.5"}"#,
        r#"{"number": "PO-4", "amount": "a lot"}"#,
        r#"{"number": "PO-5", "amount": "test"}"#,
        r#"{"number": "PO-6", "amount": "6"}"#,
    ];
    let (integration, _source) = orders(&scene, &lines).await;
    let owner = scene.person("TENANT_ADMIN").await;
    let asked = json!({"integrationId": integration, "stream": "orders", "first": 5});
    let sampled = owner.mutate("sampleRecords", asked, "records malformed").await;
    let records = sampled["records"].as_array().unwrap();
    let numbers: Vec<&Value> = records.iter().map(|record| &record["number"]).collect();
    assert_eq!(numbers, ["PO-1", "PO-3", "PO-4", "PO-5"]);
    assert!(sampled["malformed"][0].as_str().unwrap().starts_with("line 2: "), "{sampled}");

    let mapping = "if .amount == \"test\" { abort }\n.amount = to_float!(.amount)\n.currency = \"EUR\"";
    let tried =
        json!({"integrationId": integration, "stream": "orders", "mapping": mapping, "records": records});
    let previewed = owner.mutate("previewMapping", tried.clone(), PREVIEWED).await["records"].clone();
    let first = json!({
        "outcome": "READY", "record": {"number": "PO-1", "amount": 10.0, "currency": "EUR"},
        "businessReference": "PO-1", "code": null, "summary": null, "detail": null, "fieldErrors": [],
    });
    assert_eq!(previewed[0], first);
    assert_eq!(
        only(
            &[previewed[1].clone()],
            &["outcome", "record", "businessReference", "code", "summary", "detail"]
        ),
        json!([{
            "outcome": "REFUSED", "record": null, "businessReference": "PO-3", "code": "record.schema_violation",
            "summary": "Record PO-3 does not meet the rules for this data: amount must be at least 1.", "detail": null,
        }])
    );
    assert_eq!(previewed[1]["fieldErrors"][0]["path"], "/amount");
    assert_eq!(
        (&previewed[2]["outcome"], &previewed[2]["code"]),
        (&json!("REFUSED"), &json!("record.mapping_failed"))
    );
    let detail = previewed[2]["detail"].as_str().unwrap();
    assert!(
        detail.contains("to_float") && detail.contains("line 2") && !detail.contains("a lot"),
        "{detail}"
    );
    assert_eq!((&previewed[3]["outcome"], &previewed[3]["record"]), (&json!("LEFT_OUT"), &Value::Null));

    // As it stands in the source, the amount is text, which the rules do not let pass.
    let mut copied = tried;
    copied["mapping"] = json!("  ");
    let previewed = owner.mutate("previewMapping", copied, PREVIEWED).await["records"].clone();
    assert_eq!(previewed[0]["fieldErrors"][0]["rule"], "type");

    let query = "query($id: ID!) { integration(id: $id) { streams { mapping } runs(first: 1) { edges { node { id } } } } }";
    let stored = owner.query(query, json!({"id": integration})).await["integration"].clone();
    assert_eq!(stored, json!({"streams": [{"mapping": null}], "runs": {"edges": []}}));
    let entries = "query($id: ID!) { auditEntries(first: 10, filter: {objectId: $id}) { edges { node { operation outcome detail } } } }";
    let entries = nodes(&owner.query(entries, json!({"id": integration})).await["auditEntries"]);
    let unchanged = json!({"operation": "previewMapping", "outcome": "UNCHANGED", "detail": null});
    let sampled = json!({"operation": "sampleRecords", "outcome": "SUCCEEDED", "detail": "4 records of the stream orders"});
    assert_eq!(entries[..3], [unchanged.clone(), unchanged, sampled]);
}

#[tokio::test]
async fn what_can_not_be_tried_is_said_where_it_is() {
    let scene = Scene::shared().await;
    let (integration, _source) = orders(&scene, &[r#"{"number": "PO-1", "amount": 1}"#]).await;
    let owner = scene.person("TENANT_ADMIN").await;
    let preview = |changes: Value| {
        let mut input =
            json!({"integrationId": integration, "stream": "orders", "records": [{"number": "PO-1"}]});
        input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        input
    };
    for (changes, code, path) in [
        (json!({"mapping": ".a = \n.b = ("}), "INVALID", "mapping"),
        (json!({"mapping": "x".repeat(70_000)}), "TOO_LONG", "mapping"),
        (json!({"stream": "nothing"}), "NOT_FOUND", "stream"),
        (json!({"records": []}), "INVALID", "records"),
        (json!({"records": vec![json!({"number": "1"}); 21]}), "INVALID", "records"),
        (json!({"records": [{"number": "1"}, 7]}), "INVALID", "records.1"),
        (json!({"records": [{"number": "\0"}]}), "INVALID", "records.0.number"),
    ] {
        let refused = owner.refused("previewMapping", preview(changes.clone())).await;
        assert_eq!((refused[0].code.as_str(), refused[0].field.as_str()), (code, path), "{changes:.200}");
    }
    let compiled = owner.refused("previewMapping", preview(json!({"mapping": "\n.b = ("}))).await;
    assert!(compiled[0].message.starts_with("line 2, column "), "{}", compiled[0].message);

    // Sixteen characters become two million.
    let grows = ".n = \"0123456789abcdef\"\n".to_owned()
        + &".n = .n + .n\n".repeat(17).replace(".n + .n", "string!(.n) + string!(.n)");
    let grown = owner
        .mutate("previewMapping", preview(json!({"mapping": grows})), "records { outcome record detail }")
        .await;
    assert_eq!(
        (&grown["records"][0]["outcome"], &grown["records"][0]["record"]),
        (&json!("READY"), &Value::Null)
    );
    assert!(grown["records"][0]["detail"].as_str().unwrap().contains("too much to be shown"), "{grown}");

    for (first, stream, path) in [(0, "orders", "first"), (21, "orders", "first"), (1, "nothing", "stream")] {
        let input = json!({"integrationId": integration, "stream": stream, "first": first});
        let refused = owner.refused("sampleRecords", input).await;
        assert_eq!(refused[0].field, path);
    }
    let unknown =
        json!({"integrationId": "integration_00000000000000000000000000000000", "stream": "orders"});
    let refused = owner.refused("sampleRecords", unknown).await;
    assert_eq!((refused[0].code.as_str(), refused[0].field.as_str()), ("NOT_FOUND", "integrationId"));
    // What the source says, in words for who set it up.
    std::fs::remove_file(scene.files.path("orders.jsonl")).unwrap();
    let asked = json!({"integrationId": integration, "stream": "orders"});
    let refused = owner.refused("sampleRecords", asked.clone()).await;
    assert_eq!((refused[0].code.as_str(), refused[0].field.as_str()), ("INVALID", "integrationId"));
    assert!(refused[0].message.contains("not there"), "{}", refused[0].message);

    // Records of customers are not for staff, who may try a mapping on records of their own all the same.
    let engineer = scene.person("ENGINEER").await;
    let denied = engineer.try_mutate("sampleRecords", &asked, "records").await;
    assert_eq!(denied.codes(), ["FORBIDDEN"]);
    let tried = engineer.mutate("previewMapping", preview(json!({})), "records { outcome }").await;
    assert_eq!(tried["records"], json!([{"outcome": "READY"}]));
}
