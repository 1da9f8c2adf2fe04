//! The schema is the contract: what is checked in is what the program serves, it has everything that was promised,
//! and everything in it is described. Deliberately absent: who may see what (`access`).

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::access::public_key;
use crate::harness::client::Client;
use crate::harness::fixture::Fixture;
use crate::harness::smtp::{Mode, Smtp};
use crate::harness::trestle::{Setup, Trestle, command};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, changed_stream, nodes, text};
use crate::sdl::{Field, Kind, Sdl, named};

/// What clients rely on: names, types, arguments, values. The schema adds to it and takes nothing away.
const CONTRACT: &str = include_str!("schema/contract.graphql");
/// Leaves that every server has.
const BUILT_IN: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];

fn printed() -> String {
    let output = command(&["schema"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn schema_graphql_is_what_the_program_serves() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema.graphql");
    let stored =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()));
    let printed = printed();
    assert_eq!(printed, printed_again(), "the same at each call");
    assert!(stored == printed, "schema.graphql is not what the code says: run `make schema`");
}

fn printed_again() -> String {
    printed()
}

#[tokio::test]
async fn introspection_tells_viewers_what_they_may_use_and_nobody_in_particular_everything() {
    let scene = Scene::shared().await;
    let sdl = Sdl::parse(&printed());
    let (support, member) = (scene.fixture.user("SUPPORT", None).await, scene.person("TENANT_VIEWER").await);
    let nobody = Client::anonymous(scene.admin().url());
    for viewer in [scene.admin(), &support, &member, &nobody] {
        let permissions = if viewer.token().is_some() {
            let data = viewer.query("{ viewer { permissions } }", Value::Null).await;
            Some(texts(data["viewer"]["permissions"].as_array().unwrap().iter()))
        } else {
            None
        };
        let visible = |field: &Field| match (&permissions, needed(field)) {
            (Some(permissions), Some(permission)) => permissions.contains(permission),
            _ => true,
        };
        let query = "{ __schema { types { name fields(includeDeprecated: true) { name args { name } }
            inputFields { name } enumValues(includeDeprecated: true) { name } } } }";
        let data = viewer.query(query, Value::Null).await;
        let names = |list: &Value| texts(list.as_array().into_iter().flatten().map(|item| &item["name"]));
        let mut types = BTreeSet::new();
        for found in data["__schema"]["types"].as_array().unwrap() {
            let name = text(&found["name"]);
            if name.starts_with("__") || BUILT_IN.contains(&name.as_str()) {
                continue;
            }
            let in_file = sdl.get(&name);
            let fields = in_file.fields.iter().filter(|(_, field)| visible(field));
            let fields: BTreeSet<String> = fields.map(|(name, _)| name.clone()).collect();
            let introspected =
                if in_file.kind == Kind::Input { &found["inputFields"] } else { &found["fields"] };
            assert_eq!(names(introspected), fields, "{name}");
            assert_eq!(names(&found["enumValues"]), in_file.values.keys().cloned().collect(), "{name}");
            for field in found["fields"].as_array().into_iter().flatten() {
                let in_file = &in_file.fields[field["name"].as_str().unwrap()];
                assert_eq!(
                    names(&field["args"]),
                    in_file.arguments.keys().cloned().collect(),
                    "{name}.{field}"
                );
            }
            types.insert(name);
        }
        assert_eq!(types, reachable(&sdl, visible));
    }
}

fn texts<'a>(values: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    values.map(text).collect()
}

/// The permission that its description names.
fn needed(field: &Field) -> Option<&str> {
    Some(field.description.split_once("Needs `")?.1.split_once('`')?.0)
}

/// The types that a viewer comes to from the roots by what they may use.
fn reachable(sdl: &Sdl, visible: impl Fn(&Field) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<String> = ["Query", "Mutation", "Subscription"].map(str::to_owned).into();
    while let Some(name) = waiting.pop() {
        if BUILT_IN.contains(&name.as_str()) || !found.insert(name.clone()) {
            continue;
        }
        for field in sdl.get(&name).fields.values().filter(|field| visible(field)) {
            waiting.push(named(&field.of).to_owned());
            waiting.extend(field.arguments.values().map(|argument| named(&argument.of).to_owned()));
        }
        let implementing = sdl.0.iter().filter(|(_, other)| other.implements.contains(&name));
        waiting.extend(implementing.map(|(name, _)| name.clone()));
    }
    found
}

#[test]
fn everything_that_was_promised_is_there() {
    let (contract, sdl) = (Sdl::parse(CONTRACT), Sdl::parse(&printed()));
    let mut missing = Vec::new();
    for (name, promised) in &contract.0 {
        let Some(found) = sdl.0.get(name) else {
            missing.push(format!("type {name}"));
            continue;
        };
        if found.kind != promised.kind {
            missing.push(format!("{name} is {:?}, not {:?}", found.kind, promised.kind));
        }
        let interfaces = promised.implements.iter().filter(|interface| !found.implements.contains(interface));
        missing.extend(interfaces.map(|interface| format!("{name} implements {interface}")));
        let values = promised.values.keys().filter(|value| !found.values.contains_key(*value));
        missing.extend(values.map(|value| format!("{name}.{value}")));
        for (field, promised_field) in &promised.fields {
            let path = format!("{name}.{field}");
            match found.fields.get(field) {
                None => missing.push(path),
                Some(found_field) => compare(&path, promised_field, found_field, &mut missing),
            }
        }
        // Callers that follow the contract leave out what it does not have.
        for (field, found_field) in &found.fields {
            let is_new = !promised.fields.contains_key(field);
            if found.kind == Kind::Input
                && is_new
                && found_field.of.ends_with('!')
                && !found_field.has_default
            {
                missing.push(format!("{name}.{field} is required, and was not promised"));
            }
        }
    }
    assert!(missing.is_empty(), "the schema breaks its contract:\n{}", missing.join("\n"));
}

fn compare(path: &str, promised: &Field, found: &Field, missing: &mut Vec<String>) {
    if promised.of != found.of {
        missing.push(format!("{path}: {}, not {}", found.of, promised.of));
    }
    for (name, argument) in &promised.arguments {
        match found.arguments.get(name) {
            Some(found) if found.of == argument.of => {}
            Some(found) => missing.push(format!("{path}({name}): {}, not {}", found.of, argument.of)),
            None => missing.push(format!("{path}({name})")),
        }
    }
    let new = found.arguments.iter().filter(|(name, _)| !promised.arguments.contains_key(*name));
    let required = new.filter(|(_, argument)| argument.of.ends_with('!') && !argument.has_default);
    missing.extend(required.map(|(name, _)| format!("{path}({name}) is required, and was not promised")));
}

#[test]
fn everything_is_described() {
    let sdl = Sdl::parse(&printed());
    let mut bare = Vec::new();
    let mut look = |path: String, description: &str| {
        if description.trim().is_empty() {
            bare.push(path);
        }
    };
    for (name, found) in sdl.0.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str())) {
        look(name.clone(), &found.description);
        found.values.iter().for_each(|(value, description)| look(format!("{name}.{value}"), description));
        for (field, of) in &found.fields {
            look(format!("{name}.{field}"), &of.description);
            let arguments = of.arguments.iter();
            arguments.for_each(|(argument, of)| look(format!("{name}.{field}({argument})"), &of.description));
        }
    }
    assert!(bare.is_empty(), "{} things have no description:\n{}", bare.len(), bare.join("\n"));
}

#[test]
fn every_operation_says_who_may_call_it() {
    let sdl = Sdl::parse(&printed());
    for root in ["Query", "Mutation", "Subscription"] {
        for (name, field) in &sdl.get(root).fields {
            let says = [
                "Needs `",
                "Needs no sign-in",
                "For everybody who is signed in",
                "For people who are signed in",
            ];
            assert!(
                says.iter().any(|words| field.description.contains(words)),
                "{root}.{name}: {}",
                field.description
            );
        }
    }
}

#[test]
fn names_and_shapes_are_the_same_everywhere() {
    let sdl = Sdl::parse(&printed());
    for (name, found) in &sdl.0 {
        for (field, of) in &found.fields {
            let path = format!("{name}.{field}");
            if named(&of.of).ends_with("Connection") {
                assert!(of.of.ends_with("Connection!"), "{path}: {}", of.of);
                for (argument, of_argument) in
                    [("first", "Int"), ("after", "String"), ("last", "Int"), ("before", "String")]
                {
                    let found = of.arguments.get(argument).map(|argument| argument.of.as_str());
                    assert_eq!(found, Some(of_argument), "{path}({argument})");
                }
                // Events, slices and log lines of a run and what a reconciliation found are in one order, the order in
                // which they happened, as are changes of targets, what was done with a group, and whom an incident hits
                // and what was done about it; a person's sessions are few.
                let is_plain = matches!(
                    (name.as_str(), field.as_str()),
                    ("Run", "events" | "logs" | "slices")
                        | ("Reconciliation", "differences")
                        | ("FailureGroup", "activity")
                        | ("Incident", "affected" | "timeline")
                        | ("Integration", "healthTargetChanges")
                        | ("Viewer", "sessions")
                );
                if !is_plain {
                    // An inbox is an order.
                    let is_ordered = path == "Query.inbox" || of.arguments.contains_key("orderBy");
                    assert!(is_ordered, "{path}(orderBy)");
                    assert!(of.arguments.contains_key("filter"), "{path}(filter)");
                }
            }
            let is_camel = field.chars().next().is_some_and(char::is_lowercase) && !field.contains('_');
            assert!(is_camel, "{path}");
        }
        if name.ends_with("Connection") {
            let edge = format!("{}Edge", name.trim_end_matches("Connection"));
            assert_eq!(found.fields["edges"].of, format!("[{edge}!]!"), "{name}");
            assert_eq!(found.fields["pageInfo"].of, "PageInfo!", "{name}");
            assert_eq!(sdl.get(&edge).fields["cursor"].of, "String!", "{edge}");
        }
        if name.ends_with("Payload") {
            assert_eq!(found.fields["userErrors"].of, "[UserError!]!", "{name}");
            let others = found.fields.iter().filter(|(field, _)| *field != "userErrors");
            others.for_each(|(field, of)| {
                assert!(!of.of.ends_with('!'), "{name}.{field} is null after an error")
            });
        }
        let is_shouting = |value: &String| {
            value.chars().all(|char| char.is_ascii_uppercase() || char == '_' || char.is_ascii_digit())
        };
        assert!(found.values.keys().all(is_shouting), "{name}: {:?}", found.values.keys());
    }
    for (name, mutation) in &sdl.get("Mutation").fields {
        let payload = named(&mutation.of);
        assert!(payload.ends_with("Payload") && mutation.of.ends_with('!'), "{name}: {}", mutation.of);
        let mut words = name.chars();
        let upper = words.next().map(|first| first.to_uppercase().chain(words).collect::<String>()).unwrap();
        let input = mutation.arguments.get("input").map(|input| input.of.clone());
        assert!(
            (name == "signOut" && mutation.arguments.is_empty()) || input == Some(format!("{upper}Input!")),
            "{name}: {input:?}"
        );
    }
}

#[tokio::test]
async fn node_finds_each_kind_of_object_by_its_id() {
    let smtp = Smtp::start(Mode::Plain).await;
    let trestle = smtp.setup(Setup::new()).embedded().await;
    let scene = Scene::of(&trestle).await;
    let system = scene.fixture.system(&scene.tenant, "sandbox", json!({}), Value::Null).await;
    let (source, destination) = (json!({"records": 5}), json!({"rejectEvery": 2}));
    let stream = crate::harness::fixture::stream(source, destination);
    let integration = scene.integration(&system, &system, stream).await;
    let run = scene.run(&integration).await;
    let failure = text(&scene.failures(&run).await[0]["id"]);
    let query = "query($id: ID!) { failure(id: $id) { group { id } } }";
    let group = scene.admin().query(query, json!({"id": failure})).await;
    let group = text(&group["failure"]["group"]["id"]);
    let pause = json!({"integrationId": integration});
    scene.admin().mutate("pauseIntegration", pause, "integration { id }").await;
    let retry = scene.admin().mutate("retryFailures", json!({"failureIds": [failure]}), "retry { id }").await;
    let moves = json!({"mode": "INCREMENTAL", "cursorField": "updatedAt"});
    scene.update_stream(&integration, changed_stream(json!({}), json!({}), moves)).await;
    let range = json!({"integrationId": integration, "stream": "records", "from": "2026-01-01T00:00:00Z"});
    let backfill = scene.admin().mutate("startBackfill", range, "backfill { id }").await;
    let gate = json!({"quality": {"maxFailedPercent": 0, "minRecords": 1}, "recordSchema": {"required": ["nothing"]}});
    let kept =
        scene.integration(&system, &system, changed_stream(json!({"records": 1}), json!({}), gate)).await;
    scene.fixture.start_run(&kept).await;
    let query = "query($id: ID!) { integration(id: $id) { quarantines { edges { node { id } } } } }";
    let quarantine = until("a page is in quarantine", SOON, async || {
        let now = scene.admin().query(query, json!({"id": kept})).await;
        nodes(&now["integration"]["quarantines"]).first().map(|one| text(&one["id"])).ok_or(now)
    })
    .await;
    let compared = json!({"integrationId": integration});
    let reconciliation =
        scene.admin().mutate("reconcileIntegration", compared, "reconciliation { id }").await;
    let member = scene.person("TENANT_ADMIN").await;
    let user = member.query("{ viewer { user { id } } }", Value::Null).await;
    let invitation = json!({"email": "mia@example.com", "name": "Mia", "role": "TENANT_VIEWER"});
    let invitation = member.mutate("inviteUser", invitation, "invitation { id }").await;
    let key = json!({"name": "key", "scopes": []});
    let key = member.mutate("createApiKey", key, "apiKey { id }").await;
    let portal_key = json!({"name": "key", "scopes": ["runs:read"], "publicKey": public_key()});
    let portal_key = member.mutate("createPortalKey", portal_key, "portalKey { id }").await;
    let session = json!({"tenantId": scene.tenant.id, "endUser": "Mia", "scopes": ["runs:read"]});
    let session = member.mutate("createPortalSession", session, "portalSession { id }").await;
    let export = json!({"query": "{ runs { edges { node { id } } } }", "tenantId": scene.tenant.id});
    let export = member.mutate("createExport", export, "export { id }").await;
    let incident = json!({"title": "It is down", "systemIds": [system]});
    let incident = scene.admin().mutate("createIncident", incident, "incident { id }").await;
    let query = "query($id: ID!) { run(id: $id) { events(first: 1) { edges { node { id } } } } }";
    let events = nodes(&scene.admin().query(query, json!({"id": run["id"]})).await["run"]["events"]);
    let sdl = Sdl::parse(&printed());
    let kinds: BTreeSet<String> = sdl
        .0
        .iter()
        .filter(|(_, found)| found.implements.iter().any(|interface| interface == "Node"))
        .map(|(name, _)| name.clone())
        .collect();
    let ids = [
        ("Tenant", scene.tenant.id.clone()),
        ("System", system),
        ("Integration", integration),
        ("Run", text(&run["id"])),
        ("RunEvent", text(&events[0]["id"])),
        ("Failure", failure),
        ("FailureGroup", group),
        ("Retry", text(&retry["retry"]["id"])),
        ("Backfill", text(&backfill["backfill"]["id"])),
        ("Quarantine", quarantine),
        ("Reconciliation", text(&reconciliation["reconciliation"]["id"])),
        ("Export", text(&export["export"]["id"])),
        ("User", text(&user["viewer"]["user"]["id"])),
        ("Invitation", text(&invitation["invitation"]["id"])),
        ("ApiKey", text(&key["apiKey"]["id"])),
        ("PortalKey", text(&portal_key["portalKey"]["id"])),
        ("PortalSession", text(&session["portalSession"]["id"])),
        ("Incident", text(&incident["incident"]["id"])),
    ];
    assert_eq!(ids.iter().map(|(kind, _)| (*kind).to_owned()).collect::<BTreeSet<_>>(), kinds);
    for (kind, id) in &ids {
        for viewer in [scene.admin(), &member] {
            let found = node(viewer, id).await;
            assert_eq!(found, json!({"__typename": kind, "id": id}));
        }
        // The id says what it is of, and only that.
        let other = format!("tenant_{}", id.split('_').nth(1).unwrap());
        if *kind != "Tenant" {
            assert_eq!(node(scene.admin(), &other).await, Value::Null, "{kind}");
        }
    }
    for id in ["", "run", "run_", "run_zz", "1", "run_00000000000000000000000000000000", "tenant_1 or 1=1"] {
        assert_eq!(node(scene.admin(), id).await, Value::Null, "{id}");
    }
}

async fn node(viewer: &Client, id: &str) -> Value {
    viewer.query("query($id: ID!) { node(id: $id) { __typename id } }", json!({"id": id})).await["node"]
        .clone()
}

#[tokio::test]
async fn a_field_that_fails_nulls_the_nearest_that_may_be_null_and_nothing_else() {
    let trestle = Trestle::embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let tenant = fixture.tenant("nulls").await;
    let integration = fixture.sandbox(&tenant, json!({}), json!({})).await;
    let key = json!({"name": "runs only", "scopes": ["runs:read"], "tenantIds": [tenant.id]});
    let key = fixture.admin().mutate("createApiKey", key, "secret").await;
    let partner = trestle.client().with_token(&text(&key["secret"]));
    // `source` is not null by its type, so its integration becomes null, which may be; what stands beside it stays.
    let query =
        "query($id: ID!) { one: integration(id: $id) { name source { id } } two: integration(id: $id) { id }
        three: integration(id: $id) { failures { edges { node { id } } } } }";
    let response = partner.try_query(query, json!({"id": integration})).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.body["data"], json!({"one": null, "two": {"id": integration}, "three": null}));
    let mut errors: Vec<(Value, String)> = response
        .errors()
        .iter()
        .map(|error| (error["path"].clone(), text(&error["extensions"]["code"])))
        .collect();
    errors.sort_by_key(|(path, _)| path.to_string());
    assert_eq!(
        errors,
        [
            (json!(["one", "source"]), "FORBIDDEN".to_owned()),
            (json!(["three", "failures"]), "FORBIDDEN".to_owned())
        ]
    );
    // A list that is not null, of objects that are not null, below a root that is not null: all of `data`.
    let query = "{ integrations { edges { node { source { id } } } } viewer { role } }";
    let response = partner.try_query(query, Value::Null).await;
    assert_eq!((response.status.as_u16(), &response.body["data"]), (200, &Value::Null));
    assert!(response.body.as_object().unwrap().contains_key("data"), "it was executed: {:#}", response.body);
    assert_eq!(response.errors()[0]["path"], json!(["integrations", "edges", 0, "node", "source"]));
    assert_eq!(response.codes(), ["FORBIDDEN"]);
}
