//! Of rows only the columns are read that a document asks for. A field says the same whatever else is asked for, in each
//! place where its object stands.

use std::collections::BTreeSet;

use domain::Role;
use serde_json::{Value, json};

use super::world::{Person, World, codes};

/// Where objects of a type stand, with `@` in place of what is selected of them: in a list, in a list under each row of
/// another, and by their ids.
const PLACES: &[(&str, &str)] = &[
    ("Run", "{ runs { edges { node { @ } } } }"),
    ("Run", "{ integrations { edges { node { runs { edges { node { @ } } } } } } }"),
    ("Run", "{ tenants { edges { node { runs { edges { node { @ } } } } } } }"),
    ("Run", "{ failures { edges { node { run { @ } } } } }"),
    ("Failure", "{ failures { edges { node { @ } } } }"),
    ("Failure", "{ failures(orderBy: { field: LAST_ATTEMPT_AT }) { edges { node { @ } } } }"),
    ("Failure", "{ runs { edges { node { failures { edges { node { @ } } } } } } }"),
    ("Failure", "{ runs { edges { node { failure { @ } } } } }"),
    ("Integration", "{ integrations { edges { node { @ } } } }"),
    ("Integration", "{ integrations(orderBy: { field: NAME }) { edges { node { @ } } } }"),
    ("Integration", "{ integrations(orderBy: { field: HEALTH }) { edges { node { @ } } } }"),
    ("Integration", "{ tenants { edges { node { integrations { edges { node { @ } } } } } } }"),
    ("Integration", "{ runs { edges { node { integration { @ } } } } }"),
];

/// Fields that are null of every row here.
const NULL: &[&str] = &[
    "Failure.exchange",
    "Failure.quarantine",
    "Failure.recordExpiresAt",
    "Integration.latestReconciliation",
    "Integration.syntheticCheck",
    "Run.backfill",
    "Run.nextAttemptAt",
    "Run.reconciliation",
];

/// Rows in which no column is as it would be if it had not been read.
const ROWS: &[&str] = &[
    "UPDATE run SET trace_id = '0123456789abcdef0123456789abcdef', read_count = 21, created_count = 1, updated_count = 2, \
     unchanged_count = 3, skipped_count = 5, failed_count = 4, deleted_count = 6, \
     retry_of_id = (SELECT id FROM run AS other WHERE other.id < run.id ORDER BY id LIMIT 1), \
     failure_id = (SELECT id FROM failure WHERE run_id = run.id ORDER BY id LIMIT 1)",
    "UPDATE integration SET description = 'What is sold', status_reason = 'The quality gate', status = 'HELD', \
     schedule_cron = '0 4 * * *', schedule_time_zone = 'Europe/Berlin', next_run_at = '2031-02-03 04:05:06 +00:00', \
     retry_attempts = 7, retry_wait_seconds = 11, retry_wait_seconds_max = 111, progress_timeout_seconds = 77, \
     hold_after = 9, reconcile = 'AFTER_RUN', failed_run_count = 3, held_at = '2026-02-03 04:05:06 +00:00', \
     hold_failure_id = (SELECT id FROM failure ORDER BY id LIMIT 1)",
    "UPDATE failure SET position = 'line 7', hint = 'the amount is a word', impact = 'HIGH', \
     impact_reason = 'Large orders', value_at_stake = 1234500, attempts = 3, retryable = 'YES', \
     next_attempt_at = '2031-02-03 04:05:06 +00:00', technical_detail = 'chain of causes'",
    // Of a whole run, and one that has ended.
    "UPDATE failure SET record = NULL, record_key = NULL, business_reference = NULL, position = NULL, field_errors = '[]', \
     code = 'platform.internal' WHERE id = (SELECT id FROM failure ORDER BY id LIMIT 1)",
    "UPDATE failure SET status = 'RESOLVED', resolved_at = '2026-02-03 04:05:06 +00:00', next_attempt_at = NULL, \
     record = NULL, record_removed_at = '2026-03-03 04:05:06 +00:00' \
     WHERE id = (SELECT id FROM failure ORDER BY id LIMIT 1 OFFSET 1)",
];

#[tokio::test]
async fn a_field_says_the_same_whatever_else_is_asked_for() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    world.failed_run(&customer, 3).await;
    world.failed_run(&customer, 2).await;
    // One that waits.
    domain::run::start(&world.operator, customer.integration_id, None).await.unwrap();
    for rows in ROWS {
        world.sql(rows).await;
    }
    let mut null: BTreeSet<String> = BTreeSet::new();
    let mut filled: BTreeSet<String> = BTreeSet::new();
    for role in [Role::Engineer, Role::TenantViewer] {
        let person = world.person(role, &customer.tenant).await;
        for (of, place) in PLACES {
            let mut alone = Vec::new();
            for (name, selection) in fields(&world, &person, of).await {
                let field = format!("the_{name}: {name} {selection}");
                let answer = world.execute(Some(&person), &place.replace('@', &field), json!({})).await;
                // Not everybody may ask for everything.
                if answer["errors"].is_null() {
                    alone.push((name, field, answer));
                } else {
                    assert_eq!(codes(&answer)[0], "FORBIDDEN", "{role:?}: {of}.{name} in {place}: {answer}");
                    assert_ne!(role, Role::Engineer, "{of}.{name}");
                }
            }
            // With all of them every column is read.
            let all = alone.iter().map(|(_, field, _)| field.as_str()).collect::<Vec<_>>().join(" ");
            let all = world.execute(Some(&person), &place.replace('@', &all), json!({})).await;
            for (name, _, answer) in &alone {
                let name = format!("the_{name}");
                let said = values(answer, &name);
                assert!(!said.is_empty(), "{role:?}: there is no {of} in {place}");
                assert_eq!(said, values(&all, &name), "{role:?}: {name} of {of} in {place}");
                let known = if said.iter().all(Value::is_null) { &mut null } else { &mut filled };
                known.insert(format!("{of}.{}", name.trim_start_matches("the_")));
            }
        }
    }
    let null: Vec<&str> = null.difference(&filled).map(String::as_str).collect();
    assert_eq!(null, NULL, "what is null of every row is not shown");
}

/// The fields of a type that can be asked for by themselves, with what is selected of each.
async fn fields(world: &World, person: &Person, of: &str) -> Vec<(String, String)> {
    let query = "query ($of: String!) { __type(name: $of) { fields { name type { ...T } } } }
        fragment T on __Type { kind name fields { name args { type { kind } } type { ...K } }
            ofType { kind name fields { name args { type { kind } } type { ...K } }
            ofType { kind name fields { name args { type { kind } } type { ...K } }
            ofType { kind name fields { name args { type { kind } } type { ...K } } } } } }
        fragment K on __Type { kind ofType { kind ofType { kind ofType { kind } } } }";
    let data = world.data(person, query, json!({ "of": of })).await;
    let fields = data["__type"]["fields"].as_array().unwrap();
    assert!(fields.len() > 10, "{of} has {} fields", fields.len());
    fields
        .iter()
        .map(|field| (field["name"].as_str().unwrap().to_owned(), selection(named(&field["type"]))))
        .collect()
}

/// What a list or a type that is not null is of.
fn named(mut of: &Value) -> &Value {
    while !of["ofType"].is_null() {
        of = &of["ofType"];
    }
    of
}

/// All that an object says in one word; nothing of what is no object.
fn selection(of: &Value) -> String {
    let Some(fields) = of["fields"].as_array() else { return String::new() };
    let words = fields.iter().filter(|field| {
        let is_word = ["SCALAR", "ENUM"].contains(&named(&field["type"])["kind"].as_str().unwrap());
        let is_free = field["args"].as_array().unwrap().iter().all(|arg| arg["type"]["kind"] != "NON_NULL");
        is_word && is_free
    });
    let words: Vec<&str> = words.map(|field| field["name"].as_str().unwrap()).collect();
    format!("{{ __typename {} }}", words.join(" "))
}

/// What stands under this name, wherever it does.
fn values(answer: &Value, name: &str) -> Vec<Value> {
    let mut found = Vec::new();
    collect(answer, name, &mut found);
    found
}

fn collect(answer: &Value, name: &str, found: &mut Vec<Value>) {
    match answer {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == name {
                    found.push(value.clone());
                } else {
                    collect(value, name, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, found)),
        _ => {}
    }
}
