//! What is asked and done along the story, each as whoever may. Deliberately absent: what must hold, which the story says.

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::postgres::Database;
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::incident::seconds_between;
use crate::scene::{Scene, nodes, only, outcome, postgres_rows, text};

/// How soon everybody knows after something failed, on a machine that does nothing else; `TEST_KNOWN_SECONDS=5` holds to it.
const KNOWN: &str = "TEST_KNOWN_SECONDS";

const INBOX: &str = "{ inbox(first: 20) { edges { node { fieldPath } } } }";
const NOTICES: &str = "query($filter: NoticeFilter) { notices(first: 100, filter: $filter) { edges { node {
    deliveries { status finishedAt attempts { outcome } } } } } }";
const AUDIT: &str =
    "query($filter: AuditEntryFilter) { auditEntries(first: 100, filter: $filter) { edges { node {
    actorName role operation objectId outcome detail } } } }";

/// That all this came soon after something failed for the first time: how soon is judged where it is asked for, for other
/// tests run beside this one.
pub fn assert_soon(failed: &Value, came: &[Value]) {
    let known = std::env::var(KNOWN).map_or(SOON.as_secs_f64(), |value| value.parse().expect("seconds"));
    for at in came {
        let took = seconds_between(failed, at);
        // A group is made right before the transaction that stores its first failures.
        assert!((-1.0..known).contains(&took), "{took} s from {failed} to {at}");
    }
}

/// When these notices had arrived, once there are so many: each at the first attempt.
pub async fn arrived(reader: &Client, filter: Value, count: usize) -> Vec<Value> {
    let what = format!("{count} notices of {filter} have arrived");
    let found = until(&what, SOON, async || {
        let now = nodes(&reader.query(NOTICES, json!({"filter": filter})).await["notices"]);
        let is_there = |notice: &Value| notice["deliveries"][0]["status"] == "DELIVERED";
        if now.len() >= count && now.iter().all(is_there) { Ok(now) } else { Err(now) }
    })
    .await;
    assert_eq!(found.len(), count, "{found:#?}");
    let when = |notice: &Value| {
        let at = notice["deliveries"][0]["finishedAt"].clone();
        let once = json!([{"status": "DELIVERED", "finishedAt": at, "attempts": [{"outcome": "DELIVERED"}]}]);
        assert_eq!(notice["deliveries"], once);
        at
    };
    found.iter().map(when).collect()
}

/// The reasons that are in somebody's inbox, by their fields.
pub async fn inbox(viewer: &Client) -> String {
    let groups = nodes(&viewer.query(INBOX, Value::Null).await["inbox"]);
    groups.iter().map(|group| text(&group["fieldPath"])).collect::<Vec<_>>().join(" ")
}

/// Gives a group to another party.
pub async fn hand_over(by: &Client, group: &Value, to: &str, note: &str) {
    let input = json!({"groupId": group, "to": to, "note": note});
    by.mutate("handOverFailureGroup", input, "failureGroup { id }").await;
}

/// A group as somebody sees it: with whom it is, and its history.
pub async fn standing(viewer: &Client, group: &Value) -> Value {
    let query = "query($id: ID!) { failureGroup(id: $id) { responsibleParty suggestedAction assignee { name }
        activity { edges { node { kind actorName toParty note } } } } }";
    let found = viewer.query(query, json!({"id": group})).await["failureGroup"].clone();
    json!([found["responsibleParty"], found["suggestedAction"], found["assignee"], nodes(&found["activity"])])
}

/// Waits until a group is resolved.
pub async fn is_over(viewer: &Client, group: &Value) {
    let query = "query($id: ID!) { failureGroup(id: $id) { status } }";
    until("the group is over", SOON, async || {
        let now = viewer.query(query, json!({"id": group})).await["failureGroup"]["status"].clone();
        if now == "RESOLVED" { Ok(()) } else { Err(now) }
    })
    .await;
}

/// Retries all of a group that is open.
pub async fn retry(by: &Client, group: &Value) -> Value {
    let input = json!({"filter": {"groupId": group}});
    by.mutate("retryFailures", input, "retry { id }").await["retry"].clone()
}

/// Waits for the end of a retry that brings so many home.
pub async fn brought_home(scene: &Scene, retry: &Value, count: usize) {
    let done = scene.finished_retry(retry).await;
    assert_eq!(
        only(std::slice::from_ref(&done), &["status", "total", "resolved", "failed", "remaining"]),
        json!([{"status": "COMPLETED", "total": count, "resolved": count, "failed": 0, "remaining": 0}]),
        "{done:#}"
    );
}

/// How many failures of a filter are open.
pub async fn open(viewer: &Client, filter: Value) -> Value {
    let query = "query($filter: FailureFilter!) { retryPlan(filter: $filter) { total } }";
    viewer.query(query, json!({"filter": filter})).await["retryPlan"]["total"].clone()
}

/// How many orders arrived, and how many of those that break a rule.
pub async fn stored(database: &Database) -> String {
    let sql = "SELECT count(*) || ' ' || count(*) FILTER (WHERE id LIKE '%07') FROM orders";
    postgres_rows(database, sql).await.join(" ")
}

/// How the runs of an integration ended, the newest first.
pub async fn ends(scene: &Scene, integration: &str) -> Vec<Value> {
    let mut ends = Vec::new();
    for run in scene.runs_of(integration).await {
        ends.push(outcome(&scene.fixture.run(&text(&run["id"])).await));
    }
    ends
}

/// Who decided what, the first one first: name and role, operation, object, detail.
pub async fn story(reader: &Client, tenant: &str) -> Value {
    let operations = json!(["handOverFailureGroup", "editAndRetryFailure", "retryFailures"]);
    let filter = json!({"tenantId": tenant, "operation": operations, "outcome": ["SUCCEEDED"]});
    let entries = nodes(&reader.query(AUDIT, json!({"filter": filter})).await["auditEntries"]);
    let brief = |entry: &Value| {
        let who = json!([entry["actorName"], entry["role"]]);
        json!([who, entry["operation"], entry["objectId"], entry["detail"]])
    };
    entries.iter().rev().map(brief).collect()
}

/// Waits until every job is done.
pub async fn nothing_is_left_to_do(trestle: &Trestle) {
    let left = "SELECT kind || ' ' || status FROM job WHERE status <> 'DONE'";
    until("all jobs are done", SOON, async || {
        let now = postgres_rows(&trestle.stores().database, left).await;
        if now.is_empty() { Ok(()) } else { Err(now) }
    })
    .await;
}
