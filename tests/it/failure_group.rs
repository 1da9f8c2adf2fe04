//! Failures of one cause are one group: counted, decided about, handed over, merged, and over by themselves. Deliberately
//! absent: who may do it, which is `access`, and when hours pass, which is `domain/tests`.

use serde_json::{Value, json};

use crate::bad_input::places;
use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::outside::{Fault, Outside, Pagination, Rule};
use crate::harness::postgres::Database;
use crate::harness::trestle::Setup;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, ended, impatient, nodes, outcome, postgres_execute, text};

/// Everything of a group that any viewer may ask for.
const GROUP: &str = "id stream code category stage fieldPath rule summary suggestedAction reason status responsibleParty
    failureCount runCount firstSeenAt lastSeenAt snoozedUntil snoozedUntilCount snoozedUntilHourCount resolvedAt
    mergedInto { id } failuresByHour { failureCount } viewerCanDecide redactions { field }";
const ACTIVITY: &str =
    "activity { edges { node { kind audience actorName fromStatus toStatus fromParty toParty note } } }";

impl Scene {
    /// The groups of an integration, the one with the most failures first.
    async fn groups(&self, viewer: &Client, integration: &str) -> Vec<Value> {
        let query = format!(
            "query($id: ID!) {{ integration(id: $id) {{
                failureGroups(first: 20, orderBy: {{field: FAILURE_COUNT}}) {{ edges {{ node {{ {GROUP} }} }} }} }} }}"
        );
        nodes(&viewer.query(&query, json!({"id": integration})).await["integration"]["failureGroups"])
    }

    async fn group(&self, viewer: &Client, id: &Value) -> Value {
        let query = format!("query($id: ID!) {{ failureGroup(id: $id) {{ {GROUP} {ACTIVITY} }} }}");
        viewer.query(&query, json!({"id": id})).await["failureGroup"].clone()
    }

    /// An integration whose records need an amount and a zip code, and its file.
    async fn checked(&self, name: &str) -> String {
        let files = self.file_system().await;
        let mut orders = stream(json!({"path": name}), json!({"path": format!("{name}.out.jsonl")}));
        orders["name"] = json!("orders");
        orders["recordSchema"] = json!({
            "required": ["amount"],
            "properties": {"amount": {"type": "number"}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}},
        });
        self.fixture.integration(&self.tenant, &files, &files, vec![orders]).await
    }
}

fn brief(group: &Value) -> Value {
    json!([
        group["code"],
        group["fieldPath"],
        group["rule"],
        group["failureCount"],
        group["runCount"],
        group["status"]
    ])
}

#[tokio::test]
async fn a_thousand_records_that_fail_for_two_reasons_are_two_groups() {
    let scene = Scene::shared().await;
    let integration = scene.checked("orders.jsonl").await;
    let record = |number: u32| match number % 100 {
        7 => json!({"id": number.to_string(), "amount": format!("{number},50 EUR")}),
        8 | 9 => json!({"id": number.to_string(), "amount": 1, "zip": format!("D-{number}")}),
        _ => json!({"id": number.to_string(), "amount": number}),
    };
    scene.files.write_jsonl("orders.jsonl", (0..10_000).map(record));
    let run = scene.run(&integration).await;
    let counts = json!({"read": 10_000, "created": 9_700, "failed": 300});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");

    let member = scene.person("TENANT_MEMBER").await;
    let groups = scene.groups(&member, &integration).await;
    let briefs: Vec<Value> = groups.iter().map(brief).collect();
    assert_eq!(
        json!(briefs),
        json!([
            ["record.schema_violation", "/zip", "pattern", 200, 1, "NEW"],
            ["record.schema_violation", "/amount", "type", 100, 1, "NEW"],
        ])
    );
    let zip = &groups[0];
    assert_eq!(zip["summary"], "A record of orders does not meet the rules for this data (field zip).");
    assert_eq!(
        (&zip["stream"], &zip["stage"], &zip["responsibleParty"]),
        (&json!("orders"), &json!("VALIDATE"), &json!("CUSTOMER"))
    );
    assert_eq!(zip["failuresByHour"], json!([{"failureCount": 200}]));
    // Too few hours in one field are no fault of the other.
    let query =
        "query($id: ID!) { good: failureGroup(id: $id) { failuresByHour(hours: 2160) { failureCount } }
        bad: failureGroup(id: $id) { failuresByHour(hours: 0) { failureCount } } }";
    let response = member.try_query(query, json!({"id": zip["id"]})).await;
    assert_eq!(response.codes(), ["BAD_USER_INPUT"], "{:#}", response.body);
    let good = json!({"failuresByHour": zip["failuresByHour"]});
    assert_eq!(response.body["data"], json!({"good": good, "bad": null}));

    // Each failure names its group, and a group has its failures.
    let query = "query($id: ID!, $filter: FailureFilter) {
        failureGroup(id: $id) { failures(first: 3) { edges { node { group { id } fieldErrors { path } } } } }
        failures(filter: $filter, first: 1) { edges { node { group { id } } } } }";
    let found = member.query(query, json!({"id": zip["id"], "filter": {"groupId": zip["id"]}})).await;
    let of_group = nodes(&found["failureGroup"]["failures"]);
    assert_eq!(of_group.len(), 3, "{found:#}");
    for failure in of_group.iter().chain(&nodes(&found["failures"])) {
        assert_eq!(failure["group"]["id"], zip["id"], "{failure:#}");
    }

    // The whole group is skipped at once. The next run, with the same mistakes, counts on.
    let skip = json!({"filter": {"groupId": zip["id"]}, "reason": "test data"});
    assert_eq!(member.mutate("skipFailures", skip, "skipped").await["skipped"], 200);
    scene.files.write_jsonl("orders.jsonl", (0..1_000).map(record));
    let next = scene.run(&integration).await;
    assert_eq!(outcome(&next)["status"], "PARTIAL", "{next:#}");
    let groups = scene.groups(&member, &integration).await;
    let briefs: Vec<Value> = groups.iter().map(brief).collect();
    assert_eq!(
        json!(briefs),
        json!([
            ["record.schema_violation", "/zip", "pattern", 220, 2, "NEW"],
            ["record.schema_violation", "/amount", "type", 110, 2, "NEW"],
        ])
    );
}

#[tokio::test]
async fn what_an_outside_system_says_of_one_record_makes_no_group_of_its_own() {
    let scene = Scene::shared().await;
    let outside = Outside::with_records(0);
    let source = scene.file_system().await;
    let reason =
        json!({"error": "customer quillon@example.com is blocked since 2026-11-26T10:11:12Z, case 4711"});
    outside.inject(Rule::new(Fault::Status(422, reason)).on_writes());
    let destination = scene.http_system(&outside).await;
    let orders = stream(json!({"path": "orders.csv"}), outside.destination_options());
    let integration = scene.fixture.integration(&scene.tenant, &source, &destination, vec![orders]).await;
    scene.files.write_csv(
        "orders.csv",
        &["id", "email"],
        (0..20).map(|number| vec![format!("PO-{number}"), format!("quillon{number}@example.com")]),
    );
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run)["counts"]["failed"], 20, "{run:#}");
    let groups = scene.groups(scene.admin(), &integration).await;
    assert_eq!(groups.len(), 1, "{groups:#?}");
    let reason = text(&groups[0]["reason"]);
    assert!(
        reason.contains("is blocked since") && !reason.contains("quillon") && !reason.contains("4711"),
        "{reason}"
    );
    // The tenant does not read what the outside system says.
    let member = scene.person("TENANT_ADMIN").await;
    let seen = scene.group(&member, &groups[0]["id"]).await;
    assert_eq!((&seen["reason"], &seen["redactions"]), (&Value::Null, &json!([{"field": "reason"}])));
}

#[tokio::test]
async fn a_group_is_over_when_its_last_failure_is_and_back_when_one_comes() {
    let setup = impatient().setting("TRESTLE_GROUP_QUIET_SECONDS", "1");
    let trestle = setup.embedded().await;
    let scene = Scene::of(&trestle).await;
    let integration = scene.checked("orders.jsonl").await;
    scene.files.write_jsonl("orders.jsonl", [json!({"id": "1"}), json!({"id": "2", "amount": 5})]);
    scene.run(&integration).await;
    let group = scene.groups(scene.admin(), &integration).await.remove(0);
    assert_eq!(brief(&group), json!(["record.schema_violation", "/amount", "required", 1, 1, "NEW"]));

    let status = async |expected: &str| {
        until(expected, SOON, async || {
            let now = scene.group(scene.admin(), &group["id"]).await;
            if now["status"] == expected { Ok(now) } else { Err(now) }
        })
        .await
    };
    scene
        .files
        .write_jsonl("orders.jsonl", [json!({"id": "1", "amount": 1}), json!({"id": "2", "amount": 5})]);
    scene.run(&integration).await;
    let over = status("RESOLVED").await;
    assert!(!over["resolvedAt"].is_null(), "{over:#}");
    scene.files.write_jsonl("orders.jsonl", [json!({"id": "3"})]);
    scene.run(&integration).await;
    let back = status("REGRESSED").await;
    assert_eq!(
        (&back["failureCount"], &back["runCount"], &back["resolvedAt"]),
        (&json!(2), &json!(2), &Value::Null)
    );
    let told: Vec<Value> = nodes(&back["activity"])
        .iter()
        .map(|entry| json!([entry["kind"], entry["fromStatus"], entry["toStatus"], entry["actorName"]]))
        .collect();
    assert_eq!(
        json!(told),
        json!([
            ["STATUS", "RESOLVED", "REGRESSED", null],
            ["STATUS", "NEW", "RESOLVED", null],
            ["STATUS", null, "NEW", null],
        ])
    );
}

#[tokio::test]
async fn people_decide_about_a_group_and_hand_it_over_and_the_tenant_reads_no_names_of_staff() {
    let scene = Scene::shared().await;
    let integration = scene.checked("orders.jsonl").await;
    scene.files.write_jsonl("orders.jsonl", [json!({"id": "1"}), json!({"id": "2"})]);
    scene.run(&integration).await;
    let member = scene.person("TENANT_MEMBER").await;
    let (support, engineer) = (scene.person("SUPPORT").await, scene.person("ENGINEER").await);
    let group = scene.groups(&member, &integration).await.remove(0);
    let id = group["id"].clone();
    let state = "failureGroup { status responsibleParty suggestedAction snoozedUntilCount }";

    let acknowledged = member.mutate("acknowledgeFailureGroup", json!({"groupId": id}), state).await;
    assert_eq!(acknowledged["failureGroup"]["status"], "ACKNOWLEDGED");
    let again = member.refused("acknowledgeFailureGroup", json!({"groupId": id})).await;
    assert_eq!(places(&again), ["CONFLICT groupId"]);
    let snoozed = member.mutate("snoozeFailureGroup", json!({"groupId": id, "failures": 3}), state).await;
    assert_eq!(snoozed["failureGroup"]["snoozedUntilCount"], 5);
    let bad = member
        .refused("snoozeFailureGroup", json!({"groupId": id, "failures": 0, "until": "2020-01-01T00:00:00Z"}))
        .await;
    assert_eq!(places(&bad), ["INVALID until", "INVALID failures"]);

    // A tenant hands over what is with it, to the operator alone.
    let to = |party: &str| json!({"groupId": id, "to": party, "note": "we can't find the amount"});
    let elsewhere = member.refused("handOverFailureGroup", to("THIRD_PARTY")).await;
    assert_eq!(places(&elsewhere), ["FORBIDDEN to"]);
    assert_eq!(scene.group(&member, &id).await["viewerCanDecide"], true);
    // That it can wait was said by whom it was with.
    let handed = member.mutate("handOverFailureGroup", to("SUPPORT"), state).await;
    assert_eq!(handed["failureGroup"]["status"], "ONGOING");
    assert_eq!(handed["failureGroup"]["snoozedUntilCount"], Value::Null);
    assert_eq!(places(&member.refused("handOverFailureGroup", to("CUSTOMER")).await), ["FORBIDDEN to"]);
    // What the operator has a tenant neither takes up nor puts off.
    for (operation, input) in [
        ("acknowledgeFailureGroup", json!({"groupId": id})),
        ("snoozeFailureGroup", json!({"groupId": id, "failures": 3})),
    ] {
        assert_eq!(places(&member.refused(operation, input).await), ["FORBIDDEN groupId"], "{operation}");
    }
    let still = scene.group(&member, &id).await;
    assert_eq!((&still["status"], &still["viewerCanDecide"]), (&json!("ONGOING"), &json!(false)));
    let taken = support.mutate("acknowledgeFailureGroup", json!({"groupId": id}), state).await;
    assert_eq!(taken["failureGroup"]["status"], "ACKNOWLEDGED");
    assert_eq!(scene.group(&support, &id).await["viewerCanDecide"], true);
    let inside = json!({"groupId": id, "to": "ENGINEERING", "note": "the mapping drops it; Ada knows"});
    support.mutate("handOverFailureGroup", inside, state).await;
    support.mutate("commentFailureGroup", json!({"groupId": id, "text": "between us"}), state).await;
    let open = json!({"groupId": id, "text": "We are looking into it.", "audience": "CUSTOMER"});
    engineer.mutate("commentFailureGroup", open, state).await;

    let seen = scene.group(&member, &id).await;
    assert_eq!(seen["responsibleParty"], "SUPPORT");
    assert_eq!(seen["suggestedAction"], "Nothing is needed from you: it is with us.");
    let told: Vec<Value> = nodes(&seen["activity"])
        .iter()
        .map(|entry| json!([entry["kind"], entry["toStatus"], entry["toParty"], entry["note"]]))
        .collect();
    assert_eq!(
        json!(told),
        json!([
            ["COMMENT", null, null, "We are looking into it."],
            ["STATUS", "ACKNOWLEDGED", null, null],
            ["HAND_OVER", null, "SUPPORT", "we can't find the amount"],
            ["STATUS", "SNOOZED", null, null],
            ["STATUS", "ACKNOWLEDGED", null, null],
            ["STATUS", "NEW", null, null],
        ])
    );
    assert_eq!(nodes(&seen["activity"])[0]["actorName"], "the operator's support team", "{seen:#}");
    let all = scene.group(&support, &id).await;
    assert_eq!((all["responsibleParty"].clone(), nodes(&all["activity"]).len()), (json!("ENGINEERING"), 8));

    // Failures are with whom their group is with.
    let filter = |party: &str| json!({"filter": {"integrationId": integration, "responsibleParty": [party]}});
    let query =
        "query($filter: FailureFilter) { failures(filter: $filter) { edges { node { responsibleParty } } } }";
    let with = async |viewer: &Client, party: &str| {
        nodes(&viewer.query(query, filter(party)).await["failures"]).len()
    };
    assert_eq!(with(&support, "ENGINEERING").await, 2);
    assert_eq!((with(&support, "CUSTOMER").await, with(&support, "SUPPORT").await), (0, 0));
    assert_eq!((with(&member, "SUPPORT").await, with(&member, "CUSTOMER").await), (2, 0));

    // The third failure from then on ends a snooze.
    let snoozed = engineer.mutate("snoozeFailureGroup", json!({"groupId": id, "failures": 3}), state).await;
    assert_eq!(snoozed["failureGroup"]["snoozedUntilCount"], 5);
    scene.files.write_jsonl("orders.jsonl", (3..8).map(|number| json!({"id": number.to_string()})));
    scene.run(&integration).await;
    assert_eq!(scene.group(&support, &id).await["status"], "ONGOING");
    let ignored = support.mutate("ignoreFailureGroup", json!({"groupId": id, "note": "known"}), state).await;
    assert_eq!(ignored["failureGroup"]["status"], "IGNORED");
    let reopened = support.mutate("reopenFailureGroup", json!({"groupId": id}), state).await;
    assert_eq!(reopened["failureGroup"]["status"], "ONGOING");
}

#[tokio::test]
async fn merged_groups_count_and_list_as_one() {
    let scene = Scene::shared().await;
    let integration = scene.checked("orders.jsonl").await;
    let bad = |number: u32| match number % 2 {
        0 => json!({"id": number.to_string()}),
        _ => json!({"id": number.to_string(), "amount": 1, "zip": "x"}),
    };
    scene.files.write_jsonl("orders.jsonl", (0..6).map(bad));
    scene.run(&integration).await;
    let groups = scene.groups(scene.admin(), &integration).await;
    let [into, merged] = &groups[..] else { panic!("two groups: {groups:#?}") };
    let input = json!({"groupId": into["id"], "mergeIds": [merged["id"]], "note": "one form"});
    let joined = scene
        .admin()
        .mutate("mergeFailureGroups", input.clone(), &format!("failureGroup {{ {GROUP} }}"))
        .await;
    assert_eq!(joined["failureGroup"]["failureCount"], 6);
    let again = scene.admin().refused("mergeFailureGroups", input).await;
    assert_eq!(places(&again), ["CONFLICT mergeIds.0"]);

    scene.files.write_jsonl("orders.jsonl", (6..10).map(bad));
    scene.run(&integration).await;
    let groups = scene.groups(scene.admin(), &integration).await;
    assert_eq!(groups.len(), 1, "{groups:#?}");
    assert_eq!(
        (&groups[0]["failureCount"], &groups[0]["failuresByHour"]),
        (&json!(10), &json!([{"failureCount": 10}]))
    );
    let gone = scene.group(scene.admin(), &merged["id"]).await;
    assert_eq!(gone["mergedInto"]["id"], into["id"]);

    // Asked for at once, each has what is its own.
    let query = "query($into: ID!, $merged: ID!) {
        into: failureGroup(id: $into) { failures(first: 20) { edges { node { id } } } }
        merged: failureGroup(id: $merged) { failures(first: 20) { edges { node { id } } } } }";
    let both = scene.admin().query(query, json!({"into": into["id"], "merged": merged["id"]})).await;
    let (all, own) = (nodes(&both["into"]["failures"]), nodes(&both["merged"]["failures"]));
    assert_eq!((all.len(), own.len()), (10, 5), "{both:#}");
    assert!(own.iter().all(|failure| all.contains(failure)), "{both:#}");

    // Page by page, in both directions.
    let query = "query($id: ID!, $first: Int, $after: String, $last: Int) { failureGroup(id: $id) {
        failures(first: $first, after: $after, last: $last) {
            edges { node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }";
    let (mut ids, mut after) = (Vec::new(), Value::Null);
    for _ in 0..5 {
        let page = scene.admin().query(query, json!({"id": into["id"], "first": 3, "after": after})).await;
        let page = &page["failureGroup"]["failures"];
        ids.extend(nodes(page).iter().map(|failure| text(&failure["id"])));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    let mut newest_first = ids.clone();
    newest_first.sort_unstable_by(|a, b| b.cmp(a));
    newest_first.dedup();
    assert_eq!((ids.len(), &ids), (10, &newest_first));
    let last = scene.admin().query(query, json!({"id": into["id"], "last": 4})).await;
    let last = &last["failureGroup"]["failures"];
    let found: Vec<String> = nodes(last).iter().map(|failure| text(&failure["id"])).collect();
    assert_eq!((found.as_slice(), &last["pageInfo"]["hasPreviousPage"]), (&ids[6..], &json!(true)));

    // A retry of the whole takes both.
    let plan = "query($filter: FailureFilter!) { retryPlan(filter: $filter) { total } }";
    let plan = scene.admin().query(plan, json!({"filter": {"groupId": into["id"]}})).await;
    assert_eq!(plan["retryPlan"]["total"], 10);
}

#[tokio::test]
async fn a_tenant_hands_nothing_over_by_merging_and_staff_may() {
    let scene = Scene::shared().await;
    let integration = scene.checked("orders.jsonl").await;
    let bad = [json!({"id": "1"}), json!({"id": "2", "amount": 1, "zip": "x"})];
    scene.files.write_jsonl("orders.jsonl", bad);
    scene.run(&integration).await;
    let (member, support) = (scene.person("TENANT_MEMBER").await, scene.person("SUPPORT").await);
    let groups = scene.groups(&member, &integration).await;
    let [with_them, with_us] = &groups[..] else { panic!("two groups: {groups:#?}") };
    let to = json!({"groupId": with_us["id"], "to": "SUPPORT", "note": "we can't find it"});
    member.mutate("handOverFailureGroup", to, "failureGroup { id }").await;
    for (into, merged) in [(with_them, with_us), (with_us, with_them)] {
        let input = json!({"groupId": into["id"], "mergeIds": [merged["id"]]});
        assert_eq!(places(&member.refused("mergeFailureGroups", input).await), ["FORBIDDEN mergeIds.0"]);
    }
    for (group, party) in [(with_them, "CUSTOMER"), (with_us, "SUPPORT")] {
        let now = scene.group(&member, &group["id"]).await;
        assert_eq!((&now["responsibleParty"], &now["mergedInto"]), (&json!(party), &Value::Null), "{now:#}");
    }
    let input = json!({"groupId": with_us["id"], "mergeIds": [with_them["id"]]});
    let state = "failureGroup { failureCount responsibleParty }";
    let merged = support.mutate("mergeFailureGroups", input, state).await;
    assert_eq!(merged["failureGroup"], json!({"failureCount": 2, "responsibleParty": "SUPPORT"}));
    let query = "query($id: ID!) { failures(filter: {integrationId: $id, responsibleParty: [SUPPORT]}) {
        edges { node { id } } } }";
    assert_eq!(nodes(&member.query(query, json!({"id": integration})).await["failures"]).len(), 2);
}

#[tokio::test]
async fn a_system_that_is_connected_again_ends_the_groups_of_its_refusals() {
    let scene = Scene::shared().await;
    let outside = Outside::with_records(3);
    outside.require_bearer("right");
    let source = scene.http_system(&outside).await;
    let files = scene.file_system().await;
    let reads = stream(outside.source_options(Pagination::Page), json!({"path": "out.jsonl"}));
    let integration = scene.fixture.integration(&scene.tenant, &source, &files, vec![reads]).await;
    let run = scene.run(&integration).await;
    assert_eq!(run["status"], "FAILED", "{run:#}");
    let group = scene.groups(scene.admin(), &integration).await.remove(0);
    assert_eq!(brief(&group), json!(["source.unauthorized", null, null, 1, 1, "NEW"]));
    let mut with_bearer = outside.config();
    with_bearer["auth"] = json!("bearer");
    let right = json!({"systemId": source, "config": with_bearer, "credentials": {"token": "right"}});
    scene.admin().mutate("updateSystem", right, "system { status }").await;
    // Who may test it only learns how it is.
    let key = json!({"name": "tests", "scopes": ["systems:test"], "tenantIds": [scene.tenant.id]});
    let key = scene.admin().mutate("createApiKey", key, "secret").await;
    let tester = scene.admin().with_token(&text(&key["secret"]));
    let tested = tester.mutate("testSystem", json!({"systemId": source}), "system { status }").await;
    assert_eq!(tested["system"]["status"], "HEALTHY");
    assert_eq!(scene.group(scene.admin(), &group["id"]).await["status"], "NEW");
    assert_eq!(scene.runs_of(&integration).await.len(), 1);
    scene.admin().mutate("testSystem", json!({"systemId": source}), "system { status }").await;
    assert_eq!(scene.group(scene.admin(), &group["id"]).await["status"], "RESOLVED");
    until("the run is retried", SOON, async || {
        let now = scene.status(&text(&run["id"])).await;
        if now == "RECOVERED" { Ok(()) } else { Err(now) }
    })
    .await;
}

#[tokio::test]
async fn two_workers_count_every_failure_of_a_divided_run_once() {
    let trestle = Setup::new().setting("TRESTLE_WORKERS", 1).split(2).await;
    let scene = Scene::of(&trestle).await;
    let files = scene.file_system().await;
    let mut orders = stream(json!({"path": "in-*.jsonl", "slices": 4}), json!({"table": "orders"}));
    orders["recordSchema"] = json!({"properties": {"amount": {"type": "number"}}});
    orders["quality"] = json!({"maxFailedPercent": 100});
    let database = Database::create().await;
    postgres_execute(&database, "CREATE TABLE orders (id text PRIMARY KEY, amount numeric)").await;
    let destination = scene.postgres_system(&database).await;
    for file in 0..4_u32 {
        let records = (0..3_000_u32).map(|number| {
            let amount = if number % 3 == 0 { json!("x") } else { json!(1) };
            json!({"id": format!("{file}-{number}"), "amount": amount})
        });
        scene.files.write_jsonl(&format!("in-{file}.jsonl"), records);
    }
    let integration = scene.fixture.integration(&scene.tenant, &files, &destination, vec![orders]).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run)["counts"]["failed"], 4_000, "{run:#}");
    let groups = scene.groups(scene.admin(), &integration).await;
    assert_eq!(
        groups.iter().map(brief).collect::<Vec<_>>(),
        [json!(["record.schema_violation", "/amount", "type", 4_000, 1, "NEW"])]
    );
}
