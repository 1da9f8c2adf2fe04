//! Words in the reader's language, and in the operator's own: what is asked for by `Accept-Language` is what is read, over
//! HTTP and WebSocket; what the operator says in place of what is shipped is said at once.

use serde_json::{Value, json};

use crate::harness::client::{Client, http};
use crate::harness::subscription::{Incoming, Socket};
use crate::scene::{Scene, text};

/// Asks as somebody who reads these languages.
async fn query_in(client: &Client, languages: &str, query: &str, variables: Value) -> Value {
    let response = http()
        .post(format!("{}/graphql", client.url()))
        .bearer_auth(client.token().unwrap())
        .header("accept-language", languages)
        .json(&json!({"query": query, "variables": variables}))
        .send()
        .await
        .unwrap();
    let body: Value = response.json().await.unwrap();
    assert!(body["errors"].is_null(), "{body:#}");
    body["data"].clone()
}

/// A failure of a record that broke four rules.
async fn failing(scene: &Scene) -> Value {
    scene.files.write("in.csv", "id,email,amount,country,note\nPO-1,x,-5,XX,much too long\n");
    let rules = json!({
        "mapping": ".amount = to_int!(.amount)",
        "recordSchema": {
            "properties": {
                "email": {"type": "string", "minLength": 3},
                "amount": {"type": "integer", "minimum": 0},
                "country": {"enum": ["DE", "AT"]},
                "note": {"type": "string", "maxLength": 3},
            },
            "required": ["name"],
        },
    });
    let integration = scene.file_to_sqlite("in.csv", rules).await;
    let run = scene.run(&integration).await;
    let failures = scene.failures(&run).await;
    assert_eq!(failures.len(), 1, "{failures:#?}");
    failures[0].clone()
}

const FAILURE: &str = "query($id: ID!) { viewer { locale } failure(id: $id) {
    summary suggestedAction fieldErrors { path rule message } redactions { field reason }
    actions { kind label unavailableReason } } }";

#[tokio::test]
async fn a_failure_is_told_in_the_language_that_is_asked_for() {
    let scene = Scene::shared().await;
    let failure = failing(&scene).await;
    let viewer = scene.person("TENANT_VIEWER").await;
    let id = json!({"id": failure["id"]});
    let english = viewer.query(FAILURE, id.clone()).await;
    assert_eq!(english["viewer"]["locale"], "en");
    assert_eq!(query_in(&viewer, "fr, en;q=0.5, de;q=0.1", FAILURE, id.clone()).await, english);

    let german = query_in(&viewer, "fr-FR, de-AT;q=0.9, en;q=0.5", FAILURE, id.clone()).await;
    assert_eq!(german["viewer"]["locale"], "de");
    let seen = &german["failure"];
    assert!(
        text(&seen["summary"]).starts_with("Datensatz PO-1 erfüllt die Regeln für diese Daten nicht: "),
        "{seen:#}"
    );
    assert!(text(&seen["summary"]).ends_with("; und 2 weitere."), "{seen:#}");
    assert_eq!(
        seen["suggestedAction"],
        "Bitten Sie einen Administrator oder ein Mitglied Ihres Teams darum: Bearbeiten Sie den Datensatz hier und versuchen \
         Sie es erneut, oder berichtigen Sie ihn an der Quelle; der nächste Lauf übernimmt ihn von dort."
    );
    let mut messages: Vec<String> = seen["fieldErrors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| format!("{} {}", text(&error["path"]), text(&error["message"])))
        .collect();
    messages.sort();
    assert_eq!(
        messages,
        [
            "/amount muss mindestens 0 sein",
            r#"/country muss einer dieser Werte sein: "DE", "AT""#,
            "/email muss mindestens 3 Zeichen lang sein",
            "/name ist erforderlich",
            "/note darf höchstens 3 Zeichen lang sein",
        ]
    );
    let record =
        seen["redactions"].as_array().unwrap().iter().find(|redaction| redaction["field"] == "record");
    assert!(text(&record.unwrap()["reason"]).starts_with("Datensätze sehen Administratoren"));
    assert_eq!(seen["actions"][0]["label"], "Datensatz bearbeiten und erneut versuchen");
    assert_eq!(
        seen["actions"][0]["unavailableReason"],
        "Ein Administrator oder Mitglied Ihres Teams kann das tun."
    );
}

#[tokio::test]
async fn a_websocket_says_its_language_when_it_begins() {
    let scene = Scene::shared().await;
    let viewer = scene.person("TENANT_VIEWER").await;
    for (languages, locale) in [(json!("de-CH"), "de"), (json!("nl"), "en"), (json!(7), "en")] {
        let mut socket = Socket::connect(viewer.url()).await;
        let token = format!("Bearer {}", viewer.token().unwrap());
        let payload = json!({"Authorization": token, "Accept-Language": languages});
        socket.send(json!({"type": "connection_init", "payload": payload})).await;
        let Incoming::Message(message) = socket.receive().await else { panic!("it was closed") };
        assert_eq!(message["type"], "connection_ack");
        let query = json!({"query": "{ viewer { locale } }"});
        socket.send(json!({"id": "1", "type": "subscribe", "payload": query})).await;
        let Incoming::Message(message) = socket.receive().await else { panic!("it was closed") };
        assert_eq!(message["payload"]["data"]["viewer"]["locale"], locale, "{message:#}");
    }
}

#[tokio::test]
async fn the_operator_says_it_otherwise_and_as_it_was_again() {
    let scene = Scene::shared().await;
    scene.files.write("in.csv", "id,note\n,x\n");
    let integration = scene.file_to_sqlite("in.csv", json!({})).await;
    let run = scene.run(&integration).await;
    let failures = scene.failures(&run).await;
    assert_eq!(failures[0]["code"], "record.missing_key", "{failures:#?}");
    let id = json!({"id": failures[0]["id"]});
    let member = scene.person("TENANT_MEMBER").await;
    let query = "query($id: ID!) { failure(id: $id) { summary suggestedAction } }";
    let shipped = query_in(&member, "de", query, id.clone()).await;
    let english = member.query(query, id.clone()).await;

    let action =
        json!({"code": "record.missing_key", "part": "ACTION", "audience": "CUSTOMER", "locale": "de"});
    let summary = json!({"code": "record.missing_key", "part": "SUMMARY", "locale": "de"});
    let with = |key: &Value, words: &str| {
        let mut input = key.clone();
        input["text"] = json!(words);
        input
    };
    let word = "word { code part audience locale text shipped isOverridden setBy }";
    let set =
        scene.admin().mutate("setWordOverride", with(&action, "Rufen Sie uns an: 0800 4711."), word).await;
    assert_eq!(set["word"]["text"], "Rufen Sie uns an: 0800 4711.");
    assert_eq!(set["word"]["isOverridden"], true);
    assert!(text(&set["word"]["shipped"]).starts_with("Füllen Sie das Schlüsselfeld aus"));
    scene.admin().mutate("setWordOverride", with(&summary, "Ohne Schlüssel: { $subject }."), word).await;
    let now = query_in(&member, "de", query, id.clone()).await;
    assert_eq!(now["failure"]["suggestedAction"], "Rufen Sie uns an: 0800 4711.");
    assert!(text(&now["failure"]["summary"]).starts_with("Ohne Schlüssel: Ein Datensatz: "), "{now:#}");
    assert_eq!(member.query(query, id.clone()).await, english, "only in German");
    // What staff do is not what customers do.
    let engineer = query_in(scene.admin(), "de", query, id.clone()).await;
    assert!(text(&engineer["failure"]["suggestedAction"]).starts_with("Wenn das Feld leer sein darf"));

    let words = "query($locale: String!) { words(locale: $locale, code: \"record.missing_key\") { part audience isOverridden } }";
    let list = scene.admin().query(words, json!({"locale": "de"})).await;
    assert_eq!(
        list["words"],
        json!([
            {"part": "SUMMARY", "audience": null, "isOverridden": true},
            {"part": "ACTION", "audience": "CUSTOMER", "isOverridden": true},
            {"part": "ACTION", "audience": "SUPPORT", "isOverridden": false},
            {"part": "ACTION", "audience": "ENGINEER", "isOverridden": false},
        ])
    );
    assert_eq!(scene.admin().try_query(words, json!({"locale": "xx"})).await.codes(), ["BAD_USER_INPUT"]);
    for key in [&action, &summary, &summary] {
        let removed = scene.admin().mutate("removeWordOverride", key.clone(), word).await;
        assert_eq!(removed["word"]["isOverridden"], false);
    }
    assert_eq!(query_in(&member, "de", query, id).await, shipped);

    for (key, words, expected) in [
        (summary.clone(), "Ohne Platzhalter.", vec!["INVALID text"]),
        (summary.clone(), "{ $subject } { $reference }", vec!["INVALID text"]),
        (action.clone(), "{ $subject }", vec!["INVALID text"]),
        (action.clone(), "{ platform-internal }", vec!["INVALID text"]),
        (action.clone(), "zwei\nZeilen", vec!["INVALID text"]),
        (action.clone(), " ", vec!["REQUIRED text"]),
        (
            json!({"code": "x", "part": "ACTION", "locale": "xx"}),
            "x",
            vec!["NOT_FOUND code", "REQUIRED audience", "INVALID locale"],
        ),
        (
            json!({"code": "record.missing_key", "part": "SUMMARY", "audience": "SUPPORT", "locale": "de"}),
            "{ $subject }",
            vec!["INVALID audience"],
        ),
    ] {
        let errors = scene.admin().refused("setWordOverride", with(&key, words)).await;
        let found: Vec<_> = errors.iter().map(|error| format!("{} {}", error.code, error.field)).collect();
        assert_eq!(found, expected, "{key} {words}");
    }
    let engineer = scene.person("ENGINEER").await;
    let tried = engineer.try_mutate("setWordOverride", &with(&action, "x"), "").await;
    assert_eq!(tried.codes(), ["FORBIDDEN"]);
}
