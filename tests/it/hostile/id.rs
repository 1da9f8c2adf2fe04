//! Ids that a caller has no business with, at every place where the schema takes an id: arguments of queries and
//! subscriptions, fields of inputs at any depth. The places are found in the schema, so a new one is tried by itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::access::world::{Target, World, difference};
use crate::harness::client::{Client, Response};
use crate::harness::subscription::{Incoming, Socket};
use crate::sdl::{Field, Kind, Sdl, named};

/// Inputs inside inputs that are looked into.
const DEPTH_MAX: usize = 4;
/// So many places there were when this was written; fewer would mean that they are not found any more.
const PLACES_MIN: usize = 50;

/// One place where an id goes.
struct Place {
    root: &'static str,
    operation: String,
    /// From the operation's arguments to the id.
    path: Vec<String>,
}

/// All places of the schema.
fn places(sdl: &Sdl) -> Vec<Place> {
    let mut places = Vec::new();
    for root in ["Query", "Mutation", "Subscription"] {
        for (operation, field) in &sdl.get(root).fields {
            for (name, argument) in &field.arguments {
                find(sdl, argument, &mut vec![name.clone()], &mut |path| {
                    places.push(Place { root, operation: operation.clone(), path: path.to_vec() });
                });
            }
        }
    }
    places
}

fn find(sdl: &Sdl, field: &Field, path: &mut Vec<String>, found: &mut impl FnMut(&[String])) {
    if named(&field.of) == "ID" {
        return found(path);
    }
    let Some(input) = sdl.0.get(named(&field.of)) else { return };
    if input.kind != Kind::Input || path.len() > DEPTH_MAX {
        return;
    }
    for (name, field) in &input.fields {
        path.push(name.clone());
        find(sdl, field, path, found);
        path.pop();
    }
}

/// A value for a type, with `id` where `path` leads; of everything else what must be there.
fn value(sdl: &Sdl, of: &str, path: &[String], id: &Value) -> Value {
    if of.starts_with('[') {
        return json!([value(sdl, named(of), path, id)]);
    }
    match named(of) {
        "ID" if path.is_empty() => id.clone(),
        // Another id that is needed too: none that anybody has.
        "ID" | "String" => json!("x"),
        "Int" => json!(1),
        "Boolean" => json!(true),
        "Float" => json!(1.5),
        "BigInt" => json!("1"),
        "DateTime" => json!("2026-01-01T00:00:00Z"),
        "JSON" => json!({}),
        name => {
            let found = sdl.get(name);
            if found.kind == Kind::Enum {
                return json!(found.values.keys().next());
            }
            let mut object = Map::new();
            for (field, definition) in &found.fields {
                let leads = path.first() == Some(field);
                if leads || (definition.of.ends_with('!') && !definition.has_default) {
                    let rest = if leads { &path[1..] } else { &["nowhere".to_owned()][..] };
                    object.insert(field.clone(), value(sdl, &definition.of, rest, id));
                }
            }
            Value::Object(object)
        }
    }
}

impl Place {
    /// The operation with `id` at this place, and its variables.
    fn call(&self, sdl: &Sdl, id: &Value) -> (String, Value) {
        let field = &sdl.get(self.root).fields[&self.operation];
        let mut variables = Map::new();
        let mut definitions = Vec::new();
        let mut arguments = Vec::new();
        for (name, argument) in &field.arguments {
            let leads = self.path[0] == *name;
            if leads || (argument.of.ends_with('!') && !argument.has_default) {
                let rest = if leads { &self.path[1..] } else { &["nowhere".to_owned()][..] };
                variables.insert(name.clone(), value(sdl, &argument.of, rest, id));
                definitions.push(format!("${name}: {}", argument.of));
                arguments.push(format!("{name}: ${name}"));
            }
        }
        let selection = if self.root == "Mutation" {
            let payload = sdl.get(named(&field.of));
            let fields = payload
                .fields
                .iter()
                .filter(|(name, _)| *name != "userErrors")
                .map(|(name, field)| format!("{name} {}", sdl.selection(&field.of)));
            format!("{{ userErrors {{ code field message }} {} }}", fields.collect::<Vec<_>>().join(" "))
        } else {
            sdl.selection(&field.of)
        };
        let kind = self.root.to_lowercase();
        let document = format!(
            "{kind}({}) {{ {}({}) {selection} }}",
            definitions.join(", "),
            self.operation,
            arguments.join(", ")
        );
        (document, Value::Object(variables))
    }

    fn label(&self, id: &str) -> String {
        let id: String = id.chars().take(60).collect();
        format!("{}.{}({}: {id:?})", self.root, self.operation, self.path.join("."))
    }

    /// What is wrong with an answer to an id that names nothing for the caller.
    fn judge(&self, response: &Response) -> Option<String> {
        let body = &response.body;
        let told = response.codes();
        if !response.status.is_success() || told.iter().any(|code| code == "INTERNAL" || code.is_empty()) {
            return Some(format!("{} {body}", response.status));
        }
        let answer = &body["data"][&self.operation];
        // A mutation says why, unless its filter matches nothing.
        let says_why = self.root != "Mutation"
            || self.path.iter().any(|name| name == "filter")
            || answer["userErrors"].as_array().is_some_and(|errors| !errors.is_empty());
        let is_refused = !told.is_empty() || (says_why && is_nothing(answer));
        (!is_refused).then(|| body.to_string())
    }
}

/// Null, no items, zero, and objects of these; what a mutation says about it aside.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields
            .iter()
            .all(|(name, value)| name == "userErrors" || name == "__typename" || is_nothing(value)),
        Value::Bool(_) | Value::String(_) => false,
    }
}

/// Ids of every kind of another tenant.
fn foreign(target: &Target) -> Vec<String> {
    [
        &target.tenant,
        &target.user,
        &target.staff_user,
        &target.api_key,
        &target.portal_session,
        &target.system,
        &target.integration,
        &target.run,
        &target.failed_run,
        &target.event,
        &target.failure,
        &target.retry,
        &target.backfill,
        &target.quarantine,
        &target.group,
        &target.other_group,
        &target.reconciliation,
        &target.kill_switch,
        &target.notice,
        &target.notice_delivery,
        &target.notice_channel,
        &target.notice_policy,
    ]
    .into_iter()
    .cloned()
    .collect()
}

/// What is no id at all.
fn garbage(target: &Target) -> Vec<String> {
    let (kind, rest) = target.integration.split_once('_').expect("an id says of what it is");
    let swapped = |kind: &str| format!("{kind}_{rest}");
    vec![
        String::new(),
        " ".to_owned(),
        "0".to_owned(),
        "-1".to_owned(),
        "null".to_owned(),
        "\0".to_owned(),
        "../../etc/passwd".to_owned(),
        "%00%2e%2e".to_owned(),
        "' OR '1'='1".to_owned(),
        "x'); DROP TABLE tenant; --".to_owned(),
        "{{7*7}}".to_owned(),
        "${jndi:ldap://127.0.0.1:1/a}".to_owned(),
        "\u{202e}\u{feff}ｉｎｔｅｇｒａｔｉｏｎ_１".to_owned(),
        "é".repeat(5_000),
        "9".repeat(50_000),
        swapped(&kind.to_uppercase()),
        swapped("tenant"),
        swapped("run"),
        swapped(""),
        target.integration.to_uppercase(),
        format!(" {}", target.integration),
        format!("{}\n", target.integration),
        format!("{}0", target.integration),
        target.integration[..target.integration.len() - 1].to_owned(),
        format!("{kind}_{}", "f".repeat(32)),
        format!("{kind}_{}", "0".repeat(32)),
    ]
}

async fn try_subscription(client: &Client, document: &str, variables: &Value) -> Option<String> {
    let mut socket = Socket::connect(client.url()).await;
    let authorization = client.token().map(|token| format!("Bearer {token}"));
    socket.send(json!({"type": "connection_init", "payload": {"Authorization": authorization}})).await;
    socket.receive().await;
    socket
        .send(json!({"id": "1", "type": "subscribe", "payload": {"query": document, "variables": variables}}))
        .await;
    match socket.receive().await {
        Incoming::Message(message) => {
            let refused = message["type"] == "error" || !message["payload"]["errors"].is_null();
            let leaks = message["payload"]["data"]
                .as_object()
                .is_some_and(|data| data.values().any(|it| !it.is_null()));
            (!refused || leaks || message.to_string().contains("INTERNAL")).then(|| message.to_string())
        }
        other => Some(format!("{other:?}")),
    }
}

#[tokio::test]
async fn no_id_opens_what_is_another_tenants_wherever_it_is_put() {
    let mut world = World::build().await;
    let sdl = Sdl::parse(&String::from_utf8(world.trestle.run_once(&["schema"]).stdout).unwrap());
    let places = places(&sdl);
    assert!(places.len() >= PLACES_MIN, "only {} places are found", places.len());
    let foreign = foreign(&world.target);
    let garbage = garbage(&world.target);
    let attackers: Vec<Client> = ["x-admin", "x-partner"]
        .iter()
        .map(|label| {
            let caller = world.callers.iter().find(|caller| caller.kind.label == *label);
            caller.expect("a kind of caller").client.clone()
        })
        .collect();
    let before = world.stored().await;
    let mut wrong = BTreeSet::new();
    let mut tried = 0_usize;
    for place in &places {
        for client in &attackers {
            for id in foreign.iter().chain(&garbage) {
                let (document, variables) = place.call(&sdl, &json!(id));
                tried += 1;
                let problem = if place.root == "Subscription" {
                    try_subscription(client, &document, &variables).await
                } else {
                    let response = client.try_query(&document, variables.clone()).await;
                    let leak = foreign
                        .iter()
                        .find(|other| *other != id && response.body.to_string().contains(*other));
                    leak.map(|leak| format!("tells of {leak}")).or_else(|| place.judge(&response))
                };
                if let Some(problem) = problem {
                    let problem: String = problem.chars().take(400).collect();
                    wrong.insert(format!("{}: {problem}", place.label(id)));
                }
            }
        }
    }
    let after = world.stored().await;
    let changes = difference(&before, &after);
    assert!(
        wrong.is_empty(),
        "{} of {tried}:\n{}",
        wrong.len(),
        wrong.into_iter().collect::<Vec<_>>().join("\n")
    );
    assert!(changes.is_empty(), "refused, and changed all the same:\n{}", changes.join("\n"));
    let log = world.trestle.log();
    let bad: Vec<_> =
        log.lines().filter(|line| line.contains("panicked") || line.contains(" ERROR ")).collect();
    assert!(bad.is_empty(), "the program complains:\n{}", bad.join("\n"));
}
