//! The access matrix: every operation and every field of the schema, called as every kind of caller on the things of
//! one tenant. What must come of it is derived from tables written by hand (`rules`), and `matrix.txt` shows it all.
//! An operation or a field that is not in the tables fails the test.

mod objects;
pub mod operations;
pub mod rules;
pub mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use self::objects::{Field, OBJECTS, Object, PAYLOADS, fields_by_shape};
use self::operations::{Call, Operation, operations};
use self::rules::{Home, Outcome, Rule};
pub use self::world::public_key;
use self::world::{Caller, Target, World, difference};
use crate::harness::client::{Client, Response};
use crate::harness::subscription::{Incoming, Socket};
use crate::sdl::{Kind, Sdl, named};

/// Longer than an answer to a subscription takes.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Longer than an event takes that is told at all.
const EVENT_LIMIT: Duration = Duration::from_secs(10);
/// How often something is made to happen, should the first time have been before the listener was there.
const TOUCHES_MAX: usize = 3;
/// Width of the first column of the matrix.
const LABEL_WIDTH: usize = 46;
/// Writes `matrix.txt` anew in place of comparing it.
const UPDATE: &str = "TEST_UPDATE";

/// Rows of the matrix by label: one outcome a caller.
type Matrix = Vec<(String, Vec<Outcome>)>;

#[tokio::test]
async fn every_operation_and_every_field_answers_each_caller_as_the_tables_say() {
    let mut world = World::build().await;
    let sdl = Sdl::parse(&String::from_utf8(world.trestle.run_once(&["schema"]).stdout).unwrap());
    let operations = operations();
    nothing_is_forgotten(&sdl, &operations);

    let mut wrong = Vec::new();
    permissions_are_those_of_the_table(&world, &mut wrong).await;
    let fields = all_fields(&world, &sdl, &mut wrong).await;
    failures_say_what_they_hide(&world, &mut wrong).await;
    let refused = all_refused(&mut world, &sdl, &operations, &mut wrong).await;
    let allowed = all_allowed(&mut world, &sdl, &operations, &mut wrong).await;

    who_is_suspended_only_reads(&mut world, &sdl, &operations, &mut wrong).await;

    let rows = operations.iter().map(|operation| {
        let outcomes = world.callers.iter().map(|caller| {
            let key = (operation.label(), caller.kind.label);
            *refused.get(&key).or_else(|| allowed.get(&key)).expect("called in one of the two")
        });
        (operation.label(), outcomes.collect())
    });
    let matrix: Matrix = rows.chain(fields).collect();
    assert!(wrong.is_empty(), "{} answers are not as the tables say:\n{}", wrong.len(), wrong.join("\n"));
    let log = world.trestle.log();
    assert!(!log.contains("panicked"), "{log}");
    compare(&render(&world, &matrix));
}

/// The tables and the schema name the same operations and fields.
fn nothing_is_forgotten(sdl: &Sdl, operations: &[Operation]) {
    let listed: BTreeSet<String> = operations
        .iter()
        .map(|operation| operation.label().split(' ').next().unwrap_or_default().to_owned())
        .collect();
    let there: BTreeSet<String> = ["Query", "Mutation", "Subscription"]
        .iter()
        .flat_map(|root| sdl.get(root).fields.keys().map(move |field| format!("{root}.{field}")))
        .collect();
    assert_eq!(listed, there, "access/operations.rs must list each operation of the schema");

    for (name, found) in sdl.0.iter().filter(|(_, found)| found.kind == Kind::Object) {
        let there: BTreeSet<&str> = found.fields.keys().map(String::as_str).collect();
        let payload = PAYLOADS.iter().find(|(payload, _)| payload == name).map(|(_, fields)| *fields);
        let listed: BTreeSet<&str> = if let Some(fields) = payload {
            fields.iter().copied().chain(["userErrors"]).collect()
        } else if let Some(fields) = fields_by_shape(name) {
            if fields.is_empty() {
                continue;
            }
            fields.iter().copied().collect()
        } else {
            let ways = OBJECTS.iter().filter(|object| object.of == name);
            ways.flat_map(|object| object.fields.iter().map(|(field, _)| *field)).collect()
        };
        assert_eq!(listed, there, "access/objects.rs must list each field of {name}");
    }
}

async fn permissions_are_those_of_the_table(world: &World, wrong: &mut Vec<String>) {
    for caller in world.callers.iter().filter(|caller| !caller.kind.role.is_empty()) {
        let viewer =
            caller.client.query("{ viewer { role audience permissions tenant { id } } }", Value::Null).await;
        let viewer = &viewer["viewer"];
        let expected = json!({
            "role": caller.kind.role, "audience": caller.kind.audience(), "permissions": caller.kind.permissions(),
        });
        let found = json!({"role": viewer["role"], "audience": viewer["audience"], "permissions": viewer["permissions"]});
        if found != expected {
            wrong.push(format!("viewer of {}: {found}, not {expected}", caller.kind.label));
        }
        let is_own = viewer["tenant"]["id"] == *world.target.tenant;
        if is_own != (caller.kind.home == Home::Same) {
            wrong.push(format!("viewer.tenant of {}: {}", caller.kind.label, viewer["tenant"]));
        }
    }
}

/// Reads every field, each alone, as every caller.
async fn all_fields(world: &World, sdl: &Sdl, wrong: &mut Vec<String>) -> Matrix {
    let mut matrix: Matrix = Vec::new();
    for object in OBJECTS {
        let mut seen: BTreeMap<&str, (&str, Value)> = BTreeMap::new();
        let mut rows: Vec<Vec<Outcome>> = vec![Vec::new(); object.fields.len()];
        let document = fields_document(sdl, object, &world.target);
        let answers =
            join_all(world.callers.iter().map(|caller| caller.client.try_query(&document, Value::Null)))
                .await;
        for (caller, response) in world.callers.iter().zip(answers) {
            assert!(response.status.is_success(), "{document}: {} {:#}", response.status, response.body);
            let of_object = caller.kind.expected(object.rule);
            for (index, (name, field)) in object.fields.iter().enumerate() {
                let label = format!("{}.{name}", object.of);
                let value = &response.body["data"][format!("f{index}")];
                let found = field_outcome(&response, index, value, name, *field);
                let expected = match field {
                    _ if of_object != Outcome::Allowed => of_object,
                    Field::Needs(permission) if !caller.kind.may(permission) => Outcome::Forbidden,
                    // Whether there is anything to hide is seen by those who may see it; see below.
                    Field::Redacted(permission) | Field::RedactedOwn(permission)
                        if !caller.kind.may(permission) =>
                    {
                        Outcome::Redacted
                    }
                    Field::Closed => Outcome::Redacted,
                    _ => Outcome::Allowed,
                };
                rows[index].push(found);
                if found != expected {
                    wrong.push(format!("{label} as {}: {found}, not {expected}: {value}", caller.kind.label));
                }
                if found == Outcome::Allowed && !matches!(field, Field::Own | Field::RedactedOwn(_)) {
                    let (first, same) = seen.entry(name).or_insert((caller.kind.label, value.clone()));
                    if same != value {
                        let label = format!("{label} differs between {first} and {}", caller.kind.label);
                        wrong.push(format!("{label}: {same} and {value}"));
                    }
                }
            }
        }
        let labels = object.fields.iter().map(|(name, _)| format!("{}.{name}", object.of));
        matrix.extend(labels.zip(rows));
    }
    matrix
}

fn fields_document(sdl: &Sdl, object: &Object, target: &Target) -> String {
    let at = (object.at)(target);
    let mut document = String::from("{");
    for (index, (name, _)) in object.fields.iter().enumerate() {
        let selection = sdl.selection(&sdl.get(object.of).fields[*name].of);
        write!(document, " f{index}: {}", at.replace('@', &format!("{name} {selection}"))).unwrap();
    }
    document.push('}');
    document
}

fn field_outcome(response: &Response, index: usize, value: &Value, name: &str, field: Field) -> Outcome {
    let alias = format!("f{index}");
    let own = response.errors().iter().find(|error| error["path"][0] == *alias);
    // Where the root must not be null, the first error ends it all.
    let any = response.errors().first().filter(|_| response.body["data"].is_null());
    if let Some(error) = own.or(any) {
        return error_outcome(error);
    }
    if value.is_null() || value["edges"] == json!([]) {
        return Outcome::NotFound;
    }
    match field {
        Field::Redacted(_) | Field::RedactedOwn(_) | Field::Closed if is_null(value, name) => {
            Outcome::Redacted
        }
        _ => Outcome::Allowed,
    }
}

/// Whether a field is null in the first object that has it, however deep that is.
fn is_null(value: &Value, name: &str) -> bool {
    fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
        match value {
            Value::Object(fields) => {
                fields.get(name).or_else(|| fields.values().find_map(|field| find(field, name)))
            }
            Value::Array(items) => items.iter().find_map(|item| find(item, name)),
            _ => None,
        }
    }
    find(value, name).is_none_or(Value::is_null)
}

fn error_outcome(error: &Value) -> Outcome {
    match error["extensions"]["code"].as_str() {
        Some("FORBIDDEN") => Outcome::Forbidden,
        Some("UNAUTHENTICATED") => Outcome::SignIn,
        Some("NOT_FOUND") => Outcome::NotFound,
        _ => panic!("an unexpected error: {error:#}"),
    }
}

/// A failure names what it hides from a viewer, and nothing else, and offers what the viewer may do.
async fn failures_say_what_they_hide(world: &World, wrong: &mut Vec<String>) {
    let query =
        "query($id: ID!) { failure(id: $id) { httpStatus technicalDetail record exchange { url } redactions { field reason }
        viewerCanRetry viewerCanSkip viewerCanEdit } }";
    for caller in
        world.callers.iter().filter(|caller| !matches!(caller.kind.home, Home::Other | Home::Nowhere))
    {
        if !caller.kind.may("failures:read") {
            continue;
        }
        let data = caller.client.query(query, json!({"id": world.target.failure})).await;
        let failure = &data["failure"];
        let hidden: BTreeMap<&str, &str> = failure["redactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|redaction| (redaction["field"].as_str().unwrap(), redaction["reason"].as_str().unwrap()))
            .collect();
        let may = |permission: &str| caller.kind.may(permission);
        for (field, permission) in [
            ("httpStatus", "diagnostics:read"),
            ("technicalDetail", "internals:read"),
            ("exchange", "internals:read"),
            ("record", "records:read"),
        ] {
            let is_hidden = hidden.get(field).is_some_and(|reason| !reason.is_empty());
            if is_hidden == may(permission) || failure[field].is_null() == may(permission) {
                wrong.push(format!("{field} as {}: {failure}", caller.kind.label));
            }
        }
        let each = ["diagnostics:read", "internals:read", "internals:read", "records:read"];
        if hidden.len() != each.iter().filter(|permission| !may(permission)).count() {
            wrong.push(format!("redactions as {}: {hidden:?}", caller.kind.label));
        }
        for (field, permission) in [
            ("viewerCanRetry", "failures:retry"),
            ("viewerCanSkip", "failures:skip"),
            ("viewerCanEdit", "failures:edit"),
        ] {
            if failure[field] != may(permission) {
                wrong.push(format!("{field} as {}: {}", caller.kind.label, failure[field]));
            }
        }
    }
}

/// Calls everything as those who are refused, on the things that are there: nothing may change.
async fn all_refused(
    world: &mut World,
    sdl: &Sdl,
    operations: &[Operation],
    wrong: &mut Vec<String>,
) -> BTreeMap<(String, &'static str), Outcome> {
    let mut outcomes = BTreeMap::new();
    let unknown = world.target.unknown();
    let mut before = world.stored().await;
    for operation in operations {
        world.audited().await;
        let mut entries = Vec::new();
        let refused: Vec<&Caller> = world
            .callers
            .iter()
            .filter(|caller| caller.kind.expected(operation.rule) != Outcome::Allowed)
            .collect();
        let calls = refused.iter().map(|caller| call(sdl, operation, caller, &caller.client, &world.target));
        let answers = join_all(calls).await;
        let strangers = refused.iter().map(async |caller| {
            let is_hidden =
                caller.kind.expected(operation.rule) == Outcome::NotFound && caller.kind.home == Home::Other;
            if is_hidden {
                Some(call(sdl, operation, caller, &caller.client, &unknown).await.1)
            } else {
                None
            }
        });
        let others = join_all(strangers).await;
        for ((caller, (found, answer)), other) in refused.iter().zip(answers).zip(others) {
            let expected = caller.kind.expected(operation.rule);
            let label = format!("{} as {}", operation.label(), caller.kind.label);
            let entry = entry_of(operation, expected);
            entries.extend(entry.clone());
            entries.extend(entry.filter(|_| other.is_some()));
            if found != expected {
                wrong.push(format!("{label}: {found}, not {expected}: {answer}"));
            }
            if answer.contains("quillon") {
                wrong.push(format!("{label}: the answer tells of the tenant: {answer}"));
            }
            if let Some(other) = other.filter(|other| *other != answer) {
                wrong.push(format!("{label}: {answer}, but {other} for an id that is nobody's"));
            }
            outcomes.insert((operation.label(), caller.kind.label), found);
        }
        entries.sort();
        let mut audited: Vec<(String, String)> =
            world.audited().await.into_iter().map(|entry| (entry.operation, entry.outcome)).collect();
        audited.sort();
        if audited != entries {
            wrong.push(format!("{}: the audit log has {audited:?}, not {entries:?}", operation.label()));
        }
        let after = world.stored().await;
        let changed = difference(&before, &after);
        if !changed.is_empty() {
            wrong.push(format!("{} was refused, but changed:\n{}", operation.label(), changed.join("\n")));
            before = after;
        }
    }
    outcomes
}

/// What the audit log has of a call that is refused: its operation and outcome.
fn entry_of(operation: &Operation, refused: Outcome) -> Option<(String, String)> {
    let name = match operation.call {
        Call::Mutation(..) => operation.name,
        // Who may not look is entered; who looks for what is not there, or has not signed in, is not.
        Call::Query(..) if refused == Outcome::Forbidden => "query",
        Call::Subscription(..) if refused == Outcome::Forbidden => "subscription",
        Call::Query(..) | Call::Subscription(..) => return None,
    };
    let outcome = match refused {
        Outcome::Forbidden | Outcome::SignIn => "DENIED",
        _ => "REJECTED",
    };
    Some((name.to_owned(), outcome.to_owned()))
}

/// Calls everything as those who may: it is done.
async fn all_allowed(
    world: &mut World,
    sdl: &Sdl,
    operations: &[Operation],
    wrong: &mut Vec<String>,
) -> BTreeMap<(String, &'static str), Outcome> {
    let mut outcomes = BTreeMap::new();
    for operation in operations {
        for index in 0..world.callers.len() {
            if world.callers[index].kind.expected(operation.rule) != Outcome::Allowed {
                continue;
            }
            let fresh = match operation.call {
                Call::Mutation(fresh, _) => Some(fresh),
                Call::Query(..) | Call::Subscription(..) => None,
            };
            let mut target = match fresh {
                Some(fresh) => world.fresh(fresh).await,
                None => world.target.clone(),
            };
            let client = match fresh {
                Some(operations::Fresh::Session) => world.second_session(&world.callers[index]).await,
                Some(fresh @ (operations::Fresh::Enrolling | operations::Fresh::Enrolled)) => {
                    let (client, code) = world.newcomer(&world.callers[index], fresh).await;
                    target.code = code;
                    client
                }
                _ => world.callers[index].client.clone(),
            };
            if let Rule::Person = operation.rule {
                target.session = world::own_session(&client).await;
            }
            let before = if fresh.is_some() { world.stored().await } else { BTreeMap::new() };
            world.audited().await;
            let label = world.callers[index].kind.label;
            let found = if let Call::Subscription(field, false) = operation.call {
                listen(world, &client, &field(&target)).await
            } else {
                let (found, answer) = call(sdl, operation, &world.callers[index], &client, &target).await;
                if found != Outcome::Allowed {
                    wrong.push(format!("{} as {label}: {found}, not yes: {answer}", operation.label()));
                }
                found
            };
            let audited = world.audited().await;
            let is_entered = match (&operation.call, &audited[..]) {
                (Call::Mutation(..), [entry]) => {
                    let outcome = if operation.name == "previewMapping" { "UNCHANGED" } else { "SUCCEEDED" };
                    let done =
                        (entry.operation.as_str(), entry.outcome.as_str()) == (operation.name, outcome);
                    // Whose password it would be is looked up later, if there is anybody.
                    let of_nobody = matches!(operation.name, "requestPasswordReset" | "startSingleSignOn");
                    done && (of_nobody || !entry.object.is_empty() && entry.principal != "anonymous")
                }
                (Call::Mutation(..), _) => false,
                (Call::Query(..), entries) => entries.is_empty(),
                (Call::Subscription(..), _) => true,
            };
            if !is_entered {
                wrong.push(format!("{} as {label}: the audit log has {audited:?}", operation.label()));
            }
            // Enabling somebody who is enabled, and so on, would prove nothing.
            let only_looks = matches!(operation.name, "viewAs" | "sampleRecords" | "previewMapping");
            if fresh.is_some() && !only_looks && difference(&before, &world.stored().await).is_empty() {
                wrong.push(format!("{} as {label} changed nothing", operation.label()));
            }
            outcomes.insert((operation.label(), label), found);
        }
    }
    outcomes
}

/// The people, keys and sessions of a suspended tenant see everything as before, and change nothing.
async fn who_is_suspended_only_reads(
    world: &mut World,
    sdl: &Sdl,
    operations: &[Operation],
    wrong: &mut Vec<String>,
) {
    let suspend = json!({"tenantId": world.target.tenant, "reason": "the invoice is open"});
    world.fixture.admin().mutate("suspendTenant", suspend, "tenant { id }").await;
    world.alerts_are_closed().await;
    let before = world.stored().await;
    for caller in world.callers.iter().filter(|caller| caller.kind.home == Home::Same) {
        let viewer = caller.client.query("{ viewer { permissions } }", Value::Null).await;
        let reads: Vec<&str> = caller
            .kind
            .permissions()
            .into_iter()
            .filter(|permission| permission.ends_with(":read"))
            .collect();
        if viewer["viewer"]["permissions"] != json!(reads) {
            wrong.push(format!("permissions of {}, suspended: {viewer}", caller.kind.label));
        }
        for operation in operations {
            let expected = match (operation.call, operation.rule) {
                (Call::Mutation(..), Rule::Anyone | Rule::Session | Rule::Person)
                | (Call::Subscription(..), _) => continue,
                (Call::Mutation(..), _) => Outcome::Forbidden,
                (Call::Query(..), _) if operation.name == "retryPlan" => continue,
                // Not a right to look, but one to make and to end what is looked at.
                (Call::Query(..), Rule::Needs(permission) | Rule::Everywhere(permission))
                    if !permission.ends_with(":read") =>
                {
                    Outcome::Forbidden
                }
                (Call::Query(..), rule) => caller.kind.expected(rule),
            };
            let (found, answer) = call(sdl, operation, caller, &caller.client, &world.target).await;
            if found != expected {
                let label = format!("{} as {}, suspended", operation.label(), caller.kind.label);
                wrong.push(format!("{label}: {found}, not {expected}: {answer}"));
            }
        }
    }
    let changed = difference(&before, &world.stored().await);
    if !changed.is_empty() {
        wrong.push(format!("who is suspended changed:\n{}", changed.join("\n")));
    }
}

/// One call, what it comes to, and the answer as text.
async fn call(
    sdl: &Sdl,
    operation: &Operation,
    caller: &Caller,
    client: &Client,
    target: &Target,
) -> (Outcome, String) {
    match operation.call {
        Call::Query(fields, sought) => {
            let response = client.try_query(&format!("{{ {} }}", fields(target)), Value::Null).await;
            let answer = response.text();
            if let Some(error) = response.errors().first() {
                return (error_outcome(error), answer);
            }
            let is_there = response.body["data"].to_string().contains(&sought(target));
            (if is_there { Outcome::Allowed } else { Outcome::NotFound }, answer)
        }
        Call::Mutation(_, input) => {
            let input = input(target, &caller.kind);
            let payload = sdl.get(named(&sdl.get("Mutation").fields[operation.name].of));
            let selections =
                payload.fields.iter().map(|(name, field)| format!("{name} {}", sdl.selection(&field.of)));
            let selection: String = selections.collect::<Vec<_>>().join(" ");
            let response = if input.is_null() {
                client
                    .try_query(&format!("mutation {{ {} {{ {selection} }} }}", operation.name), Value::Null)
                    .await
            } else {
                client.try_mutate(operation.name, &input, &selection).await
            };
            (mutation_outcome(&response, operation.name), response.text())
        }
        Call::Subscription(field, _) => {
            let mut socket = subscribe(client, &field(target)).await;
            let message = first_message(&mut socket).await;
            let errors =
                if message["type"] == "error" { &message["payload"] } else { &message["payload"]["errors"] };
            let outcome = errors.get(0).map_or(Outcome::Allowed, error_outcome);
            (outcome, message.to_string())
        }
    }
}

fn mutation_outcome(response: &Response, name: &str) -> Outcome {
    if let Some(error) = response.errors().first() {
        return error_outcome(error);
    }
    let payload = &response.body["data"][name];
    let errors =
        payload["userErrors"].as_array().unwrap_or_else(|| panic!("no payload: {:#}", response.body));
    let Some(error) = errors.first() else {
        let things = payload.as_object().unwrap().iter().filter(|(name, _)| *name != "userErrors");
        let missing: Vec<_> = things.filter(|(_, value)| value.is_null()).map(|(name, _)| name).collect();
        assert!(missing.is_empty(), "{name} was done, but has no {missing:?}: {payload:#}");
        return Outcome::Allowed;
    };
    match error["code"].as_str() {
        Some("NOT_FOUND") => Outcome::NotFound,
        Some("FORBIDDEN") => Outcome::Forbidden,
        // Only a key asks to sign out without a session.
        Some("INVALID") if name == "signOut" => Outcome::Pointless,
        _ => panic!("{name} was refused for another reason: {payload:#}"),
    }
}

async fn subscribe(client: &Client, field: &str) -> Socket {
    let mut socket = Socket::connect(client.url()).await;
    let payload =
        client.token().map_or_else(|| json!({}), |token| json!({"Authorization": format!("Bearer {token}")}));
    socket.send(json!({"type": "connection_init", "payload": payload})).await;
    assert_eq!(socket.receive().await, Incoming::Message(json!({"type": "connection_ack"})));
    let payload = json!({"query": format!("subscription {{ {field} }}")});
    socket.send(json!({"id": "1", "type": "subscribe", "payload": payload})).await;
    socket
}

async fn first_message(socket: &mut Socket) -> Value {
    match socket.receive_within(ANSWER_LIMIT).await {
        Some(Incoming::Message(mut message)) => {
            // What is left of the budget differs between answers that are the same.
            if let Some(payload) = message["payload"].as_object_mut() {
                payload.remove("extensions");
            }
            message
        }
        other => panic!("expected an event or an error, got {other:?}"),
    }
}

/// Subscribes, makes something happen, and waits for its event. The answer to a
/// second subscription shows that it listens by then.
async fn listen(world: &mut World, client: &Client, field: &str) -> Outcome {
    let mut socket = subscribe(client, field).await;
    // The subscription starts in a task of its own; a second one, which answers at once, was asked for later.
    let run = format!("subscription {{ runChanged(runId: \"{}\") {{ id }} }}", world.target.run);
    socket.send(json!({"id": "2", "type": "subscribe", "payload": {"query": run}})).await;
    let message = first_message(&mut socket).await;
    assert!(message["payload"]["errors"].is_null(), "{message:#}");
    if message["id"] == "1" {
        // Something that was made to happen before is still under way.
        return Outcome::Allowed;
    }
    for _ in 0..TOUCHES_MAX {
        world.touch().await;
        while let Some(incoming) = socket.receive_within(EVENT_LIMIT).await {
            let Incoming::Message(message) = incoming else { panic!("{field} ended: {incoming:?}") };
            if message["id"] == "1" {
                assert!(message["payload"]["errors"].is_null(), "{message:#}");
                return Outcome::Allowed;
            }
        }
    }
    panic!("{field} tells nothing");
}

fn render(world: &World, matrix: &Matrix) -> String {
    let mut text = String::from(
        "Who may do and read what. Made by the test `access`, which compares it; TEST_UPDATE=1 writes it anew.\n\
         \n\
         The callers: staff (admin is PLATFORM_ADMIN); the people of a tenant (t-); PARTNER keys with all scopes\n\
         (partner), with runs:read (p-some) and without any (p-none); a PORTAL session with all its scopes; the same\n\
         of another tenant (x-); nobody who signed in. All ask for the things of the first tenant.\n\
         \n\
         yes: done or shown. no: FORBIDDEN. 404: as if it were not there. 401: UNAUTHENTICATED. null: the object is\n\
         shown without it. n/a: a key has no session.\n\n",
    );
    let mut line = |label: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!(" {cell:<9}")).collect();
        text.push_str(format!("{label:<LABEL_WIDTH$}{cells}").trim_end());
        text.push('\n');
    };
    line("", world.callers.iter().map(|caller| caller.kind.label.to_owned()).collect());
    for (label, outcomes) in matrix {
        line(label, outcomes.iter().map(ToString::to_string).collect());
    }
    text
}

fn compare(found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it/access/matrix.txt");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, found).unwrap();
        return;
    }
    let expected =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()));
    let changed: Vec<String> = found
        .lines()
        .filter(|line| !expected.lines().any(|other| other == *line))
        .map(|line| format!("+ {line}"))
        .chain(
            expected
                .lines()
                .filter(|line| !found.lines().any(|other| other == *line))
                .map(|line| format!("- {line}")),
        )
        .collect();
    assert!(
        found == expected,
        "it/access/matrix.txt has changed; {UPDATE}=1 writes it anew:\n{}",
        changed.join("\n")
    );
}
