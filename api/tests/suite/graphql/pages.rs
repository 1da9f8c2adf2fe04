//! Keyset pages: each object exactly once in both directions, and what is asked wrongly is refused by name.

use domain::{Role, run};
use serde_json::{Value, json};

use super::world::{World, codes};

const RUNS: &str = "query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: RunOrder) {
    runs(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
        edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";
const RUNS_TOTAL: usize = 250;

fn ids(page: &Value) -> Vec<String> {
    let edges = page["edges"].as_array().unwrap();
    edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_run_comes_exactly_once_in_both_directions() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    let mut started = Vec::with_capacity(RUNS_TOTAL);
    for _ in 0..RUNS_TOTAL {
        let run = run::start(&admin.actor, customer.integration_id, None).await.unwrap();
        started.push(super::world::id(domain::id::Kind::Run, run.id));
    }
    let newest_first: Vec<String> = started.iter().rev().cloned().collect();

    let (mut seen, mut after, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let page = &world.data(&admin, RUNS, json!({ "first": 60, "after": after })).await["runs"];
        pages += 1;
        assert_eq!(page["pageInfo"]["hasPreviousPage"], pages > 1);
        seen.extend(ids(page));
        after = page["pageInfo"]["endCursor"].clone();
        assert_eq!(after, page["edges"].as_array().unwrap().last().unwrap()["cursor"]);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!((pages, &seen), (5, &newest_first));

    let (mut seen, mut before, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let page = &world.data(&admin, RUNS, json!({ "last": 60, "before": before })).await["runs"];
        pages += 1;
        assert_eq!(page["pageInfo"]["hasNextPage"], pages > 1);
        // A page backwards is in the list's order all the same.
        seen.splice(0..0, ids(page));
        before = page["pageInfo"]["startCursor"].clone();
        if page["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
    }
    assert_eq!((pages, &seen), (5, &newest_first));

    let oldest_first = json!({ "first": 3, "orderBy": { "direction": "ASC" } });
    let page = &world.data(&admin, RUNS, oldest_first).await["runs"];
    assert_eq!(ids(page), started[..3]);
    let page = &world.data(&admin, RUNS, json!({})).await["runs"];
    assert_eq!(ids(page), newest_first[..20]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_by_name() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    run::start(&admin.actor, customer.integration_id, None).await.unwrap();
    for (argument, variables) in [
        ("first", json!({ "first": 0 })),
        ("first", json!({ "first": -1 })),
        ("first", json!({ "first": 101 })),
        ("first", json!({ "first": 1_000_000 })),
        ("last", json!({ "last": 1_000_000 })),
        ("last", json!({ "first": 1, "last": 1 })),
        ("after", json!({ "after": "x" })),
        ("after", json!({ "after": "" })),
        ("after", json!({ "after": "ä".repeat(3_000) })),
        ("before", json!({ "before": "cnVuCjAwCg" })),
    ] {
        let answer = world.execute(Some(&admin), RUNS, variables.clone()).await;
        assert_eq!(codes(&answer), ["BAD_USER_INPUT"], "{variables}: {answer}");
        assert_eq!(answer["errors"][0]["extensions"]["argument"], argument, "{variables}");
        assert_eq!(answer["data"], Value::Null, "{variables}");
    }
    // The cursor of another list.
    let query = "{ tenants { pageInfo { endCursor } } }";
    let cursor = &world.data(&admin, query, json!({})).await["tenants"]["pageInfo"]["endCursor"];
    let answer = world.execute(Some(&admin), RUNS, json!({ "after": cursor })).await;
    assert_eq!(codes(&answer), ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn a_bad_cursor_of_one_nested_list_is_no_fault_of_the_others() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    let query = r#"{ tenants { edges { node {
        good: runs(first: 5) { edges { node { id } } }
        bad: runs(first: 5, after: "x") { edges { node { id } } }
    } } } }"#;
    let answer = world.execute(Some(&admin), query, json!({})).await;
    assert_eq!(codes(&answer), ["BAD_USER_INPUT"]);
    assert_eq!(answer["errors"][0]["path"], json!(["tenants", "edges", 0, "node", "bad"]));
}
