//! Incidents end to end: an outside system that goes down for several tenants is one incident, found by itself, of which each
//! tenant reads its own part; when it is back what waited goes on, what it ended is retried, and the incident is over.
//! Deliberately absent: who may do it, which is `access`.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};

use crate::bad_input::places;
use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, ended, impatient, into_table, nodes, outcome, text};

const RECORDS: usize = 20;
/// Longer than an outage that is over takes to be seen to be.
const OVER: Duration = Duration::from_secs(120);
const INCIDENT: &str =
    "id title publicMessage status startedAt detectedAt resolvedAt host fault severity tenantCount
    systemCount createdBy postmortem { body causes followUps { text owner isDone } writtenBy }
    affected(first: 10) { edges { node {
        tenant { id } system { id } integrations { id } firstSeenAt lastFailedAt recoveredAt } } }
    timeline(first: 50) { edges { node { kind status text actorName isPublic } } }";

/// A program for which an outage is soon over.
pub fn setup() -> Setup {
    impatient().setting("TRESTLE_INCIDENT_QUIET_SECONDS", 3)
}

/// An outside system does not answer.
pub fn down() -> Rule {
    Rule::new(Fault::Status(503, json!({"error": "down"})))
}

/// A tenant with an integration that reads an outside system.
struct Customer {
    scene: Scene,
    viewer: Client,
    system: String,
    integration: String,
}

impl Customer {
    /// Whose runs are tried so often.
    async fn of(trestle: &Trestle, outside: &Outside, attempts: u32) -> Self {
        let scene = Scene::of(trestle).await;
        let viewer = scene.person("TENANT_VIEWER").await;
        let system = scene.http_system(outside).await;
        let sqlite = scene.sqlite_system("out.db").await;
        let moves = stream(outside.source_options(Pagination::Page), into_table("records"));
        let integration = scene.integration(&system, &sqlite, moves).await;
        let policy = json!({"attempts": attempts, "firstWaitSeconds": 1, "longestWaitSeconds": 2});
        let input = json!({"integrationId": integration, "retryPolicy": policy});
        scene.admin().mutate("updateIntegration", input, "integration { id }").await;
        Self { scene, viewer, system, integration }
    }

    async fn start(&self) -> String {
        self.scene.fixture.start_run(&self.integration).await
    }
}

/// Incidents as somebody sees them, the newest first.
pub async fn incidents(client: &Client, filter: Value) -> Vec<Value> {
    let query = format!(
        "query($filter: IncidentFilter) {{ incidents(filter: $filter, first: 10) {{ edges {{ node {{ {INCIDENT} }} }} }} }}"
    );
    nodes(&client.query(&query, json!({"filter": filter})).await["incidents"])
}

async fn incident(client: &Client, id: &Value) -> Value {
    let query = format!("query($id: ID!) {{ incident(id: $id) {{ {INCIDENT} }} }}");
    client.query(&query, json!({"id": id})).await["incident"].clone()
}

/// Waits until an incident has a status, and gives it.
pub async fn status_is(client: &Client, id: &Value, status: &str) -> Value {
    until(&format!("the incident is {status}"), OVER, async || {
        let now = incident(client, id).await;
        if now["status"] == status { Ok(now) } else { Err(now) }
    })
    .await
}

/// Kind and status of each public entry, oldest first.
fn story(incident: &Value) -> Value {
    let mut entries = nodes(&incident["timeline"]);
    entries.reverse();
    entries
        .iter()
        .filter(|entry| entry["isPublic"] == true)
        .map(|entry| match &entry["status"] {
            Value::Null => entry["kind"].clone(),
            status => json!(format!("{} {}", text(&entry["kind"]), text(status))),
        })
        .collect()
}

/// How many notices of a kind a tenant got, or everybody together.
async fn notices(client: &Client, tenant: Option<&str>, kind: &str) -> usize {
    let query =
        "query($filter: NoticeFilter) { notices(first: 100, filter: $filter) { edges { node { id } } } }";
    let mut filter = json!({"occasionKinds": [kind]});
    if let Some(tenant) = tenant {
        filter["tenantId"] = json!(tenant);
    }
    nodes(&client.query(query, json!({"filter": filter})).await["notices"]).len()
}

async fn notices_until(client: &Client, tenant: Option<&str>, kind: &str, count: usize) {
    until(&format!("{count} notices of {kind}"), SOON, async || {
        let now = notices(client, tenant, kind).await;
        if now >= count { Ok(()) } else { Err(now) }
    })
    .await;
    assert_eq!(notices(client, tenant, kind).await, count, "{kind} is told once");
}

/// What the program's own database says.
async fn number(trestle: &Trestle, sql: &str) -> i64 {
    let sql = AssertSqlSafe(sql.to_owned());
    if trestle.is_split() {
        return trestle.stores().database.connect().await.fetch_one(sql).await.unwrap().get(0);
    }
    let options = SqliteConnectOptions::new().filename(trestle.data_dir().join("trestle.db"));
    options.connect().await.unwrap().fetch_one(sql).await.unwrap().get(0)
}

/// From one time of the API to another.
pub fn seconds_between(earlier: &Value, later: &Value) -> f64 {
    let time = |value: &Value| DateTime::parse_from_rfc3339(&text(value)).expect("a time");
    (time(later) - time(earlier)).as_seconds_f64()
}

async fn an_outage_is_one_incident_and_drains(trestle: &Trestle) {
    let outside = Outside::with_records(RECORDS);
    let elsewhere = Outside::with_records(RECORDS);
    let customers = [
        Customer::of(trestle, &outside, 100).await,
        Customer::of(trestle, &outside, 100).await,
        // One that gives up at once: its run fails, and is retried when the system is back.
        Customer::of(trestle, &outside, 1).await,
    ];
    let unhurt = Customer::of(trestle, &elsewhere, 1).await;
    let staff = customers[0].scene.admin().clone();
    outside.inject(down());

    let mut runs = vec![customers[0].start().await, customers[1].start().await];
    for (customer, run) in customers.iter().zip(&runs) {
        customer.scene.event(run, "retry.scheduled").await;
    }
    let two = "SELECT count(*) FROM system_fault";
    until("two systems are known to be in trouble", SOON, async || match number(trestle, two).await {
        2 => Ok(()),
        other => Err(other),
    })
    .await;
    runs.push(customers[2].start().await);
    let found = until("there is an incident", SOON, async || {
        let now = incidents(&staff, json!({"open": true})).await;
        if now.iter().any(|incident| incident["tenantCount"] == 3) { Ok(now) } else { Err(now) }
    })
    .await;
    assert_eq!(found.len(), 1, "{found:#?}");
    let found = &found[0];
    let id = found["id"].clone();
    let host = outside.url().trim_start_matches("http://").to_owned();
    assert_eq!(
        json!([found["host"], found["fault"], found["severity"], found["status"], found["systemCount"]]),
        json!([host, "UNAVAILABLE", "MAJOR", "INVESTIGATING", 3]),
        "{found:#}"
    );
    assert_eq!(found["title"], format!("{host} does not answer"));
    assert_eq!(found["createdBy"], Value::Null);
    let affected = nodes(&found["affected"]);
    let third = affected.iter().find(|hit| hit["tenant"]["id"] == *customers[2].scene.tenant.id);
    let took = seconds_between(&third.expect("it is hit")["firstSeenAt"], &found["detectedAt"]);
    assert!((0.0..5.0).contains(&took), "found {took} s after the third tenant was hit");

    // Each tenant reads its own part, in neutral words.
    for customer in &customers {
        let seen = incidents(&customer.viewer, json!({})).await;
        assert_eq!(seen.len(), 1, "{seen:#?}");
        let seen = &seen[0];
        assert_eq!(seen["id"], id);
        assert_eq!(seen["title"], "A service that your integrations use does not answer");
        let hit = nodes(&seen["affected"]);
        assert_eq!(
            json!(
                hit.iter().map(|hit| json!([hit["system"]["id"], hit["integrations"]])).collect::<Vec<_>>()
            ),
            json!([[customer.system, [{"id": customer.integration}]]])
        );
        assert_eq!(seen["startedAt"], hit[0]["firstSeenAt"], "for others it may have begun before");
        for hidden in ["host", "fault", "severity", "tenantCount", "systemCount", "createdBy", "postmortem"] {
            assert_eq!(seen[hidden], Value::Null, "{hidden}");
        }
        let said = seen.to_string();
        assert!(!said.contains(&host), "{said}");
        for other in customers.iter().filter(|other| other.system != customer.system) {
            for theirs in
                [&other.scene.tenant.id, &other.system, &other.integration, &other.scene.tenant.slug]
            {
                assert!(!said.contains(theirs.as_str()), "{theirs}: {said}");
            }
        }
        assert_eq!(story(seen), json!(["DETECTED"]));
        assert_eq!(incidents(&customer.viewer, json!({"host": host})).await, Vec::<Value>::new());
        let tenant = customer.scene.tenant.id.as_str();
        notices_until(&staff, Some(tenant), "INCIDENT_OPENED", 1).await;
    }
    assert_eq!(incidents(&unhurt.viewer, json!({})).await, Vec::<Value>::new());
    assert_eq!(incident(&unhurt.viewer, &id).await, Value::Null);
    // And the operator once, however many it hits.
    notices_until(&staff, None, "INCIDENT_OPENED", 4).await;

    // The failures of the one that gave up belong to it.
    let failed = customers[2].scene.fixture.finished_run(&runs[2]).await;
    assert_eq!(failed["failure"]["code"], "source.unavailable", "{failed:#}");
    let groups = "query($id: ID!) { integration(id: $id) {
        failureGroups(first: 5) { edges { node { suggestedAction incident { id } } } } } }";
    let groups =
        customers[2].viewer.query(groups, json!({"id": customers[2].integration})).await["integration"]
            .clone();
    assert_eq!(
        json!(nodes(&groups["failureGroups"])),
        json!([{
            "suggestedAction": "Nothing is needed from you: wait until the other service is back. We are on it, \
                and what waits goes on by itself.",
            "incident": {"id": id},
        }])
    );

    let one = "query($id: ID!) { run(id: $id) { failure { suggestedAction } } }";
    let one = customers[2].viewer.query(one, json!({"id": runs[2]})).await;
    assert_eq!(
        one["run"]["failure"]["suggestedAction"],
        nodes(&groups["failureGroups"])[0]["suggestedAction"],
        "of one failure it is said as well"
    );

    // What staff say reaches whom it is meant for.
    let message = "We are talking to the vendor.";
    let input =
        json!({"incidentId": id, "status": "IDENTIFIED", "publicMessage": message, "commander": "Ada"});
    staff.mutate("updateIncident", input, "incident { status }").await;
    let inside = json!({"incidentId": id, "text": "case 4711 with the vendor"});
    staff.mutate("addIncidentNote", inside, "incident { id }").await;
    let seen = incident(&customers[0].viewer, &id).await;
    assert_eq!(json!([seen["publicMessage"], seen["status"]]), json!([message, "IDENTIFIED"]));
    assert!(!seen.to_string().contains("4711"), "{seen:#}");
    let said = nodes(&seen["timeline"]);
    assert!(
        said.iter()
            .all(|entry| entry["actorName"].is_null() || entry["actorName"] == "the operator's support team"),
        "{said:#?}"
    );
    assert!(incident(&staff, &id).await.to_string().contains("4711"));

    // The system is back: what waited goes on, what it ended is retried, and all records are there.
    outside.heal();
    for (customer, run) in customers[..2].iter().zip(&runs) {
        let done = customer.scene.fixture.finished_run(run).await;
        assert_eq!(outcome(&done), ended("SUCCEEDED", json!({"read": RECORDS, "created": RECORDS})));
    }
    let over = status_is(&staff, &id, "RESOLVED").await;
    assert_ne!(over["resolvedAt"], Value::Null);
    until("the run that failed has recovered", SOON, async || {
        let now = customers[2].scene.status(&runs[2]).await;
        if now == "RECOVERED" { Ok(()) } else { Err(now) }
    })
    .await;
    let retried = customers[2].scene.runs_of(&customers[2].integration).await;
    assert_eq!(json!([retried[0]["trigger"], retried[0]["status"]]), json!(["RETRY", "SUCCEEDED"]));
    for customer in &customers {
        let count = customer.scene.sqlite_rows("out.db", "SELECT CAST(count(*) AS text) FROM records").await;
        assert_eq!(count, [RECORDS.to_string()]);
        let tenant = customer.scene.tenant.id.as_str();
        notices_until(&staff, Some(tenant), "INCIDENT_RESOLVED", 1).await;
    }
    notices_until(&staff, None, "INCIDENT_RESOLVED", 4).await;
    assert_eq!(number(trestle, "SELECT count(*) FROM job WHERE status <> 'DONE'").await, 0);
    let seen = incident(&customers[1].viewer, &id).await;
    let told = story(&seen);
    let told = told.as_array().expect("a list");
    assert_eq!(told[..3], [json!("DETECTED"), json!("PUBLIC_MESSAGE"), json!("STATUS IDENTIFIED")]);
    assert_eq!(told[told.len() - 2..], [json!("STATUS MONITORING"), json!("STATUS RESOLVED")]);
    until("nothing waits for it", SOON, async || {
        let left = number(trestle, "SELECT count(*) FROM incident WHERE over_at IS NULL").await;
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
    assert_eq!(incidents(&staff, json!({})).await.len(), 1, "it makes no other one");
    for kind in ["INCIDENT_OPENED", "INCIDENT_RESOLVED"] {
        assert_eq!(notices(&staff, None, kind).await, 4, "{kind} was told nobody twice");
    }

    let looked_back = json!({
        "incidentId": id, "body": "# What happened\n\nA certificate ended.", "causes": ["Nobody watched it."],
        "followUps": [{"text": "Watch certificates.", "owner": "Grace", "isDone": true}],
    });
    let written = staff.mutate("writePostmortem", looked_back, &format!("incident {{ {INCIDENT} }}")).await;
    let postmortem = &written["incident"]["postmortem"];
    assert_eq!(postmortem["causes"], json!(["Nobody watched it."]));
    assert_eq!(
        postmortem["followUps"],
        json!([{"text": "Watch certificates.", "owner": "Grace", "isDone": true}])
    );
    assert_eq!(incident(&customers[0].viewer, &id).await["postmortem"], Value::Null);
}

#[tokio::test]
async fn an_outage_of_three_tenants_is_one_incident_and_drains_with_two_workers() {
    an_outage_is_one_incident_and_drains(&setup().split(2).await).await;
}

#[tokio::test]
async fn an_outage_of_three_tenants_is_one_incident_and_drains_when_all_is_in_one_process() {
    an_outage_is_one_incident_and_drains(&setup().embedded().await).await;
}

/// Nobody waits who would try the system, and no schedule starts anything.
#[tokio::test]
async fn what_an_outage_has_ended_is_tried_now_and_then_and_retried_when_it_is_over() {
    let trestle = setup().embedded().await;
    let outside = Outside::with_records(RECORDS);
    let mut customers = Vec::new();
    for _ in 0..3 {
        customers.push(Customer::of(&trestle, &outside, 1).await);
    }
    let staff = customers[0].scene.admin().clone();
    outside.inject(down());
    let mut runs = Vec::new();
    for customer in &customers {
        runs.push(customer.start().await);
    }
    for (customer, run) in customers.iter().zip(&runs) {
        assert_eq!(customer.scene.fixture.finished_run(run).await["status"], "FAILED");
    }
    let found = until("there is an incident", SOON, async || {
        let now = incidents(&staff, json!({"status": ["INVESTIGATING"]})).await;
        if now.len() == 1 { Ok(now) } else { Err(now) }
    })
    .await;
    let id = found[0]["id"].clone();
    until("a run has tried the system", SOON, async || {
        let now = incident(&staff, &id).await;
        let tried = nodes(&now["timeline"]).iter().any(|entry| entry["kind"] == "PROBE");
        if tried { Ok(()) } else { Err(now) }
    })
    .await;
    assert_eq!(incident(&staff, &id).await["status"], "INVESTIGATING", "it is still down");
    outside.heal();
    status_is(&staff, &id, "RESOLVED").await;
    for (customer, run) in customers.iter().zip(&runs) {
        until("the run has recovered", SOON, async || {
            let now = customer.scene.status(run).await;
            if now == "RECOVERED" { Ok(()) } else { Err(now) }
        })
        .await;
        let count = customer.scene.sqlite_rows("out.db", "SELECT CAST(count(*) AS text) FROM records").await;
        assert_eq!(count, [RECORDS.to_string()]);
    }
}

#[tokio::test]
async fn staff_make_an_incident_by_hand_and_say_that_it_is_over() {
    let trestle = setup().embedded().await;
    let outside = Outside::with_records(RECORDS);
    let (one, other) = (Customer::of(&trestle, &outside, 1).await, Customer::of(&trestle, &outside, 1).await);
    let staff = one.scene.admin().clone();
    let host = outside.url().trim_start_matches("http://").to_owned();

    let refused = async |input: Value| places(&staff.refused("createIncident", input).await);
    assert_eq!(refused(json!({"title": " "})).await, ["REQUIRED title", "REQUIRED host"]);
    assert_eq!(refused(json!({"title": "x", "host": "a b"})).await, ["INVALID host"]);
    let unknown = json!({"title": "x", "systemIds": [one.system, "system_x"]});
    assert_eq!(refused(unknown).await, ["NOT_FOUND systemIds.1"]);
    assert_eq!(incidents(&staff, json!({})).await, Vec::<Value>::new());

    // At a host: the systems there are hit, whoever has them.
    let input = json!({"title": "The vendor told us", "host": host.to_uppercase(), "severity": "CRITICAL"});
    let made = staff.mutate("createIncident", input.clone(), &format!("incident {{ {INCIDENT} }}")).await;
    let made = &made["incident"];
    assert_eq!(json!([made["host"], made["tenantCount"], made["systemCount"]]), json!([host, 2, 2]));
    assert_eq!(refused(input).await, ["CONFLICT host"]);
    let id = made["id"].clone();
    for customer in [&one, &other] {
        assert_eq!(incidents(&customer.viewer, json!({})).await.len(), 1);
        notices_until(&staff, Some(&customer.scene.tenant.id), "INCIDENT_OPENED", 1).await;
    }
    // With a system of the one: nothing for the other.
    let input = json!({"title": "One alone", "systemIds": [one.system]});
    let alone = staff.mutate("createIncident", input, "incident { id }").await["incident"]["id"].clone();
    assert_eq!(incidents(&one.viewer, json!({})).await.len(), 2);
    assert_eq!(incidents(&other.viewer, json!({})).await.len(), 1);
    assert_eq!(incident(&other.viewer, &alone).await, Value::Null);
    let of_other = json!({"tenantId": other.scene.tenant.id});
    assert_eq!(incidents(&staff, of_other.clone()).await.len(), 1);
    assert_eq!(incidents(&one.viewer, of_other).await, Vec::<Value>::new());

    let note = json!({"incidentId": id, "text": "Back by noon.", "isPublic": true});
    staff.mutate("addIncidentNote", note, "incident { id }").await;
    let long = json!({"incidentId": id, "text": "x".repeat(4_001)});
    assert_eq!(places(&staff.refused("addIncidentNote", long).await), ["TOO_LONG text"]);
    staff.mutate("resolveIncident", json!({"incidentId": id}), "incident { status }").await;
    let twice = staff.mutate("resolveIncident", json!({"incidentId": id}), "incident { status }").await;
    assert_eq!(twice["incident"]["status"], "RESOLVED");
    let back = json!({"incidentId": id, "status": "MONITORING"});
    assert_eq!(places(&staff.refused("updateIncident", back).await), ["CONFLICT status"]);
    let seen = incident(&other.viewer, &id).await;
    assert_eq!(story(&seen), json!(["DETECTED", "NOTE", "STATUS RESOLVED"]));
    assert_eq!(
        seen["publicMessage"],
        "The service answers again. What waited for it goes on by itself, step by step."
    );
    notices_until(&staff, Some(&other.scene.tenant.id), "INCIDENT_RESOLVED", 1).await;
    assert_eq!(incidents(&staff, json!({"open": true})).await.len(), 1);

    let bad = json!({
        "incidentId": id, "body": "", "causes": [""], "followUps": [{"text": "a\nb", "owner": "x".repeat(201)}],
    });
    assert_eq!(
        places(&staff.refused("writePostmortem", bad).await),
        ["REQUIRED body", "REQUIRED causes.0", "INVALID followUps.0.text", "TOO_LONG followUps.0.owner"]
    );
}
