//! What nobody takes up goes up, step by step and told once, whoever of the workers sees it and whichever of them dies; what the
//! operator has promised is measured while it waits for the operator. Deliberately absent: who may do it, which is `access`,
//! and the arithmetic of clocks, which is beside them.

use serde_json::{Value, json};

use crate::bad_input::places;
use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::trestle::Setup;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, nodes, only, postgres_execute, postgres_rows, text};

const GROUP: &str = "id status responsibleParty
    escalation { policyName step nextAt nextParty acknowledgedAt stoppedAt }
    sla { kind dueAt pausedBecause spentSeconds targetSeconds warnedAt outcome endedAt endedBy }
    activity(first: 50) { edges { node { kind audience actorName fromParty toParty note } } }";

/// A program in which no group is over by itself while a test looks at it.
fn setup() -> Setup {
    Setup::new().setting("TRESTLE_GROUP_QUIET_SECONDS", "604800")
}

impl Scene {
    /// A policy for this tenant alone.
    async fn policy(&self, mut input: Value) -> Value {
        input["name"] = json!("Fast");
        input["selectors"] = json!({"tenantIds": [self.tenant.id]});
        let made =
            self.admin().mutate("createEscalationPolicy", input, "escalationPolicy { id version }").await;
        made["escalationPolicy"].clone()
    }

    /// An integration whose records need an amount and a zip code, and groups of what lacks them: of amounts, of zip codes.
    async fn failing(&self) -> (String, Value, Value) {
        let files = self.file_system().await;
        let mut orders = stream(json!({"path": "orders.jsonl"}), json!({"path": "out.jsonl"}));
        orders["name"] = json!("orders");
        orders["recordSchema"] = json!({
            "required": ["amount"],
            "properties": {"zip": {"type": "string", "pattern": "^[0-9]{5}$"}},
        });
        let integration = self.fixture.integration(&self.tenant, &files, &files, vec![orders]).await;
        self.fail(&integration).await;
        let query = "query($id: ID!) { integration(id: $id) { failureGroups(first: 10) { edges { node {
            id fieldPath } } } } }";
        let found = self.admin().query(query, json!({"id": integration})).await;
        let groups = nodes(&found["integration"]["failureGroups"]);
        let of = |path: &str| {
            let group = groups.iter().find(|group| group["fieldPath"] == path);
            group.unwrap_or_else(|| panic!("no group of {path}: {found:#}"))["id"].clone()
        };
        (integration, of("/amount"), of("/zip"))
    }

    async fn fail(&self, integration: &str) {
        let bad = [json!({"id": "1"}), json!({"id": "2", "amount": 1, "zip": "x"})];
        self.files.write_jsonl("orders.jsonl", bad);
        self.run(integration).await;
    }

    async fn escalated(&self, viewer: &Client, group: &Value) -> Value {
        let query = format!("query($id: ID!) {{ failureGroup(id: $id) {{ {GROUP} }} }}");
        viewer.query(&query, json!({"id": group})).await["failureGroup"].clone()
    }

    async fn escalated_until(&self, group: &Value, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, SOON, async || {
            let now = self.escalated(self.admin(), group).await;
            if wanted(&now) { Ok(now) } else { Err(now) }
        })
        .await
    }

    async fn report(&self) -> Value {
        let query = "query($id: ID) { slaReport(tenantId: $id) { kind met breached open } }";
        self.admin().query(query, json!({"id": self.tenant.id})).await["slaReport"].clone()
    }
}

/// Its history, the oldest first, without what differs from run to run.
fn history(group: &Value) -> Value {
    let mut entries = nodes(&group["activity"]);
    entries.reverse();
    only(&entries, &["kind", "audience", "actorName", "fromParty", "toParty"])
}

fn entry(kind: &str, audience: &str, parties: [Option<&str>; 2]) -> Value {
    json!({
        "kind": kind, "audience": audience, "actorName": null, "fromParty": parties[0], "toParty": parties[1],
    })
}

const TOLD: &str = "SELECT kind || ' ' || count(*) FROM occasion
    WHERE kind IN ('ESCALATED', 'SLA_WARNING', 'SLA_BREACHED') GROUP BY kind ORDER BY kind";

#[tokio::test]
async fn what_nobody_takes_up_goes_up_step_by_step_and_is_told_once_by_two_workers() {
    let trestle = setup().split(2).await;
    let scene = Scene::of(&trestle).await;
    let steps = json!([
        {"afterSeconds": 1, "party": "SUPPORT"},
        {"afterSeconds": 1, "party": "ENGINEERING", "repeatCount": 1},
    ]);
    scene.policy(json!({"steps": steps})).await;
    let (_, amounts, zips) = scene.failing().await;
    for group in [&amounts, &zips] {
        let is_over = |now: &Value| now["escalation"]["step"] == 3 && now["escalation"]["nextAt"].is_null();
        let now = scene.escalated_until(group, "all steps were taken", is_over).await;
        assert_eq!((&now["responsibleParty"], &now["status"]), (&json!("ENGINEERING"), &json!("NEW")));
        assert_eq!((&now["escalation"]["policyName"], &now["sla"]), (&json!("Fast"), &json!([])));
        assert_eq!(
            history(&now),
            json!([
                entry("STATUS", "CUSTOMER", [None, None]),
                entry("HAND_OVER", "CUSTOMER", [Some("CUSTOMER"), Some("SUPPORT")]),
                entry("HAND_OVER", "SUPPORT", [Some("SUPPORT"), Some("ENGINEERING")]),
                entry("COMMENT", "SUPPORT", [None, None]),
            ])
        );
    }
    assert_eq!(postgres_rows(&trestle.stores().database, TOLD).await, ["ESCALATED 6"]);

    // The tenant reads that it is with the operator, and nothing of how the operator is organised.
    let member = scene.person("TENANT_MEMBER").await;
    let seen = scene.escalated(&member, &amounts).await;
    assert_eq!((&seen["responsibleParty"], &seen["escalation"]), (&json!("SUPPORT"), &Value::Null));
    assert_eq!(
        history(&seen),
        json!([
            entry("STATUS", "CUSTOMER", [None, None]),
            entry("HAND_OVER", "CUSTOMER", [Some("CUSTOMER"), Some("SUPPORT")]),
        ])
    );
    // Whose people are told of the step that concerns them, and not of those within the operator.
    let told = "SELECT coalesce(t.slug, 'operator') || ' ' || count(*) FROM notice AS n
        LEFT JOIN tenant AS t ON t.id = n.tenant_id WHERE n.occasion_kind = 'ESCALATED' GROUP BY t.slug ORDER BY 1";
    let expected = ["operator 6".to_owned(), format!("{} 2", scene.tenant.slug)];
    until("both owners are told", SOON, async || {
        let now = postgres_rows(&trestle.stores().database, told).await;
        if now == expected { Ok(()) } else { Err(now) }
    })
    .await;
}

#[tokio::test]
async fn what_was_due_while_no_worker_ran_is_caught_up_one_step_at_a_time() {
    let mut trestle = setup().split(1).await;
    let scene = Scene::of(&trestle).await;
    let steps = json!([
        {"afterSeconds": 600, "party": "SUPPORT"},
        {"afterSeconds": 600, "party": "ENGINEERING"},
    ]);
    scene.policy(json!({"steps": steps})).await;
    let (_, amounts, zips) = scene.failing().await;
    let has_policy = |now: &Value| !now["escalation"]["nextAt"].is_null();
    for group in [&amounts, &zips] {
        let waiting = scene.escalated_until(group, "its policy is chosen", has_policy).await;
        assert_eq!(waiting["escalation"]["nextParty"], "SUPPORT");
    }
    trestle.worker(0).kill9();
    // Two hours go by, in which both steps would have been due.
    let later = "UPDATE escalation
        SET step_at = step_at - interval '2 hours', next_at = next_at - interval '2 hours'";
    postgres_execute(&trestle.stores().database, later).await;
    trestle.add_worker();
    let is_up = |now: &Value| now["responsibleParty"] == "SUPPORT";
    let now = scene.escalated_until(&amounts, "the step was taken", is_up).await;
    assert_eq!(
        (&now["escalation"]["step"], &now["escalation"]["nextParty"]),
        (&json!(1), &json!("ENGINEERING"))
    );
    // The next step has its whole time from this one.
    let has_its_time =
        "SELECT count(*)::text FROM occasion AS o JOIN escalation AS e ON e.group_id = o.group_id
        WHERE o.kind = 'ESCALATED' AND e.step_index = 1 AND e.step_at >= o.at + interval '9 minutes'";
    until("both groups went up, once", SOON, async || {
        let database = &trestle.stores().database;
        let told = (postgres_rows(database, TOLD).await, postgres_rows(database, has_its_time).await);
        if told == (vec!["ESCALATED 2".to_owned()], vec!["2".to_owned()]) { Ok(()) } else { Err(told) }
    })
    .await;
}

#[tokio::test]
async fn who_acknowledges_stops_it_and_what_comes_back_is_promised_anew() {
    let trestle = setup().embedded().await;
    let scene = Scene::of(&trestle).await;
    let steps = json!([{"afterSeconds": 10, "party": "SUPPORT"}]);
    scene.policy(json!({"steps": steps, "respondWithinSeconds": 600, "resolveWithinSeconds": 900})).await;
    let (integration, amounts, zips) = scene.failing().await;
    let is_promised = |now: &Value| now["sla"].as_array().is_some_and(|clocks| clocks.len() == 2);
    scene.escalated_until(&amounts, "its policy is chosen", is_promised).await;
    let taken = json!({"groupId": amounts});
    scene.admin().mutate("acknowledgeFailureGroup", taken.clone(), "failureGroup { id }").await;
    // The other one, which began at the same time, tells when it would have been its turn.
    let is_up = |now: &Value| now["responsibleParty"] == "SUPPORT";
    scene.escalated_until(&zips, "the other goes up", is_up).await;
    let now = scene.escalated(scene.admin(), &amounts).await;
    assert_eq!((&now["responsibleParty"], &now["status"]), (&json!("CUSTOMER"), &json!("ACKNOWLEDGED")));
    let escalation = &now["escalation"];
    assert_eq!((&escalation["step"], &escalation["nextAt"]), (&json!(0), &Value::Null));
    assert!(!escalation["acknowledgedAt"].is_null(), "{now:#}");
    let brief = |now: &Value| {
        let clocks = now["sla"].as_array().expect("a list").clone();
        only(&clocks, &["kind", "outcome", "pausedBecause", "endedBy", "targetSeconds", "spentSeconds"])
    };
    let clock = |kind: &str,
                 target: i64,
                 outcome: Option<&str>,
                 paused: Option<&str>,
                 ended: Option<&str>| {
        json!({
            "kind": kind, "outcome": outcome, "pausedBecause": paused, "endedBy": ended, "targetSeconds": target,
            "spentSeconds": 0,
        })
    };
    assert_eq!(
        brief(&now),
        json!([
            clock("RESPONSE", 600, Some("MET"), None, Some("ACKNOWLEDGED")),
            clock("RESOLUTION", 900, None, Some("WAITING_ON_CUSTOMER"), None),
        ])
    );

    scene.admin().mutate("resolveFailureGroup", taken, "failureGroup { id }").await;
    let over = scene.escalated(scene.admin(), &amounts).await;
    assert_eq!(
        brief(&over),
        json!([
            clock("RESPONSE", 600, Some("MET"), None, Some("ACKNOWLEDGED")),
            clock("RESOLUTION", 900, Some("MET"), None, Some("RESOLVED")),
        ])
    );
    assert!(!over["escalation"]["stoppedAt"].is_null(), "{over:#}");
    scene.fail(&integration).await;
    let is_back = |now: &Value| now["status"] == "REGRESSED" && is_promised(now);
    let back = scene.escalated_until(&amounts, "it is back, and promised anew", is_back).await;
    assert_eq!(
        brief(&back),
        json!([
            clock("RESPONSE", 600, None, Some("WAITING_ON_CUSTOMER"), None),
            clock("RESOLUTION", 900, None, Some("WAITING_ON_CUSTOMER"), None),
        ])
    );
    assert_eq!(
        scene.report().await,
        json!([
            {"kind": "RESOLUTION", "met": 1, "breached": 0, "open": 2},
            {"kind": "RESPONSE", "met": 1, "breached": 0, "open": 2},
        ])
    );
}

#[tokio::test]
async fn what_a_tenant_took_up_or_put_off_is_ours_to_take_up_once_it_is_handed_over() {
    let trestle = setup().embedded().await;
    let scene = Scene::of(&trestle).await;
    let steps = json!([{"afterSeconds": 600, "party": "ENGINEERING"}]);
    scene.policy(json!({"steps": steps, "respondWithinSeconds": 600})).await;
    let (_, amounts, zips) = scene.failing().await;
    let (member, support) = (scene.person("TENANT_MEMBER").await, scene.person("SUPPORT").await);
    for (group, operation, more) in [
        (&amounts, "acknowledgeFailureGroup", json!({})),
        (&zips, "snoozeFailureGroup", json!({"failures": 5})),
    ] {
        let has_policy = |now: &Value| !now["escalation"]["nextAt"].is_null();
        scene.escalated_until(group, "its policy is chosen", has_policy).await;
        let mut input = more;
        input["groupId"] = group.clone();
        member.mutate(operation, input, "failureGroup { id }").await;
        let quiet = scene.escalated(&support, group).await;
        assert_eq!(quiet["escalation"]["nextAt"], Value::Null, "{operation}: {quiet:#}");

        let asks = json!({"groupId": group, "to": "SUPPORT", "note": "we can't find it"});
        member.mutate("handOverFailureGroup", asks, "failureGroup { id }").await;
        let said = json!({"groupId": group, "text": "between us"});
        support.mutate("commentFailureGroup", said, "failureGroup { id }").await;
        let waits = scene.escalated(&support, group).await;
        let escalation = &waits["escalation"];
        assert_eq!(
            (&waits["status"], &escalation["nextParty"], &escalation["acknowledgedAt"]),
            (&json!("ONGOING"), &json!("ENGINEERING"), &Value::Null),
            "{operation}: {waits:#}"
        );
        assert!(!escalation["nextAt"].is_null(), "{operation}: {waits:#}");
        let clock = &waits["sla"][0];
        assert!(!clock["dueAt"].is_null() && clock["endedAt"].is_null(), "{operation}: {waits:#}");

        let taken = json!({"groupId": group});
        support.mutate("acknowledgeFailureGroup", taken, "failureGroup { id }").await;
        let answered = scene.escalated(&support, group).await;
        let clock = &answered["sla"][0];
        assert_eq!((&clock["outcome"], &clock["endedBy"]), (&json!("MET"), &json!("ACKNOWLEDGED")));
        assert_eq!(answered["escalation"]["nextAt"], Value::Null, "{operation}: {answered:#}");
    }
}

#[tokio::test]
async fn a_promise_is_paused_with_the_customer_and_broken_once_with_us() {
    let trestle = setup().embedded().await;
    let scene = Scene::of(&trestle).await;
    scene.policy(json!({"respondWithinSeconds": 6, "warnPercent": 50})).await;
    let (_, amounts, _) = scene.failing().await;
    let is_promised = |now: &Value| now["sla"] != json!([]);
    let paused = scene.escalated_until(&amounts, "something is promised", is_promised).await;
    let clock = &paused["sla"][0];
    assert_eq!((&clock["pausedBecause"], &clock["dueAt"]), (&json!("WAITING_ON_CUSTOMER"), &Value::Null));

    // That the customer asks for help is no answer to it.
    let (member, support) = (scene.person("TENANT_MEMBER").await, scene.person("SUPPORT").await);
    let asks = json!({"groupId": amounts, "to": "SUPPORT", "note": "we can't find the amount"});
    member.mutate("handOverFailureGroup", asks, "failureGroup { id }").await;
    let running = scene.escalated(&member, &amounts).await;
    let clock = &running["sla"][0];
    assert_eq!((&clock["pausedBecause"], &clock["outcome"]), (&Value::Null, &Value::Null), "{running:#}");
    assert!(!clock["dueAt"].is_null(), "{running:#}");
    for hidden in ["spentSeconds", "targetSeconds", "warnedAt", "endedBy"] {
        assert_eq!(clock[hidden], Value::Null, "{hidden}");
    }

    let is_broken = |now: &Value| now["sla"][0]["outcome"] == "BREACHED";
    let broken = scene.escalated_until(&amounts, "the time is up", is_broken).await;
    assert!(!broken["sla"][0]["warnedAt"].is_null(), "{broken:#}");
    let said = json!({"groupId": amounts, "text": "We are looking into it.", "audience": "CUSTOMER"});
    support.mutate("commentFailureGroup", said, "failureGroup { id }").await;
    let answered = scene.escalated(&support, &amounts).await;
    let clock = &answered["sla"][0];
    assert_eq!((&clock["outcome"], &clock["endedBy"]), (&json!("BREACHED"), &json!("COMMENTED")));
    let notes = |group: &Value| -> Vec<String> {
        nodes(&group["activity"])
            .iter()
            .map(|entry| text(&entry["note"]))
            .filter(|note| !note.is_empty())
            .collect()
    };
    assert_eq!(
        notes(&answered),
        [
            "We are looking into it.",
            "The time for an answer is over: 6 seconds were promised.",
            "Most of the time for an answer is used up: 6 seconds are promised.",
            "we can't find the amount",
        ]
    );
    let seen = scene.escalated(&member, &amounts).await;
    assert_eq!(notes(&seen), ["We are looking into it.", "we can't find the amount"]);
    assert_eq!(seen["sla"][0]["outcome"], "BREACHED");
    assert_eq!(scene.report().await, json!([{"kind": "RESPONSE", "met": 0, "breached": 1, "open": 1}]));
    let query = "query($id: ID) { slaReport(tenantId: $id) { medianSeconds } }";
    let found = scene.admin().query(query, json!({"id": scene.tenant.id})).await;
    let median = found["slaReport"][0]["medianSeconds"].as_i64().expect("one has ended");
    assert!((6..60).contains(&median), "{median}");
    let never = json!({"from": "2026-01-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"});
    let query = "query($from: DateTime, $to: DateTime) { slaReport(from: $from, to: $to) { met } }";
    let refused = scene.admin().try_query(query, never).await;
    assert_eq!(refused.codes(), ["BAD_USER_INPUT"], "{:#}", refused.body);

    // The operator is told, the tenant is not.
    let query =
        "query($filter: NoticeFilter) { notices(filter: $filter) { edges { node { items { title } } } } }";
    let told =
        async |filter: Value| nodes(&scene.admin().query(query, json!({"filter": filter})).await["notices"]);
    let kinds = json!(["SLA_WARNING", "SLA_BREACHED"]);
    let notices = until("the operator is told", SOON, async || {
        let now = told(json!({"isOperators": true, "occasionKinds": kinds})).await;
        if now.len() == 2 { Ok(now) } else { Err(now) }
    })
    .await;
    let titles: Vec<String> = notices.iter().map(|notice| text(&notice["items"][0]["title"])).collect();
    assert!(titles[0].ends_with(": an answer is overdue"), "{titles:?}");
    assert!(titles[1].ends_with(": an answer is due soon"), "{titles:?}");
    assert_eq!(told(json!({"tenantId": scene.tenant.id, "occasionKinds": kinds})).await, Vec::<Value>::new());
}

#[tokio::test]
async fn policies_are_checked_and_the_standard_one_is_there_by_itself() {
    let trestle = setup().embedded().await;
    let scene = Scene::of(&trestle).await;
    let query = "{ escalationPolicies(first: 10) { edges { node {
        id name isDefault position version respondWithinSeconds
        steps { afterSeconds party repeatCount } } } } }";
    let policies = async || nodes(&scene.admin().query(query, json!({})).await["escalationPolicies"]);
    let standard = until("the standard policy is there", SOON, async || {
        let now = policies().await;
        if now.len() == 1 { Ok(now[0].clone()) } else { Err(now) }
    })
    .await;
    assert_eq!((&standard["name"], &standard["isDefault"]), (&json!("Standard"), &json!(true)));
    assert_eq!(standard["respondWithinSeconds"], Value::Null, "nobody has promised anything");
    let steps = json!([
        {"afterSeconds": 14_400, "party": "SUPPORT", "repeatCount": 1},
        {"afterSeconds": 14_400, "party": "ENGINEERING", "repeatCount": 1},
    ]);
    assert_eq!(standard["steps"], steps);
    let kept = scene.admin().refused("deleteEscalationPolicy", json!({"policyId": standard["id"]})).await;
    assert_eq!(places(&kept), ["CONFLICT policyId"]);

    let bad = json!({
        "name": " ", "position": -1, "warnPercent": 101, "respondWithinSeconds": 0,
        "steps": [{"afterSeconds": 0, "party": "SUPPORT", "repeatCount": 11}],
        "selectors": {"codes": ["destination.*", "nothing.*"], "tenantIds": ["tenant_x"]},
    });
    assert_eq!(
        places(&scene.admin().refused("createEscalationPolicy", bad).await),
        [
            "REQUIRED name",
            "INVALID position",
            "INVALID warnPercent",
            "INVALID respondWithinSeconds",
            "INVALID steps.0.afterSeconds",
            "INVALID steps.0.repeatCount",
            "NOT_FOUND selectors.codes.1",
            "NOT_FOUND selectors.tenantIds.0",
        ]
    );
    // Behind the standard one, which is for every group, none is chosen.
    let last = json!({"name": "Last", "position": 1_000_000, "respondWithinSeconds": 60});
    let behind = scene.admin().refused("createEscalationPolicy", last).await;
    assert_eq!(places(&behind), ["INVALID position"]);
    let empty = scene.admin().refused("createEscalationPolicy", json!({"name": "Nothing"})).await;
    assert_eq!(places(&empty), ["REQUIRED steps"]);
    assert_eq!(policies().await, std::slice::from_ref(&standard), "nothing was made");
    for (is_enabled, count) in [(true, 1), (false, 0)] {
        let query = "query($filter: EscalationPolicyFilter) {
            escalationPolicies(filter: $filter) { edges { node { id } } } }";
        let found = scene.admin().query(query, json!({"filter": {"isEnabled": is_enabled}})).await;
        assert_eq!(nodes(&found["escalationPolicies"]).len(), count, "isEnabled: {is_enabled}");
    }

    let made = scene.policy(json!({"steps": [{"afterSeconds": 60, "party": "SUPPORT"}]})).await;
    let order: Vec<Value> = policies().await.iter().map(|policy| policy["name"].clone()).collect();
    assert_eq!(order, ["Fast", "Standard"]);
    let rename = json!({"policyId": made["id"], "version": 1, "name": "Faster"});
    let renamed =
        scene.admin().mutate("updateEscalationPolicy", rename.clone(), "escalationPolicy { name version }");
    assert_eq!(renamed.await["escalationPolicy"], json!({"name": "Faster", "version": 2}));
    let late = scene.admin().refused("updateEscalationPolicy", rename).await;
    assert_eq!(places(&late), ["CONFLICT version"]);
    let behind = json!({"policyId": made["id"], "version": 2, "position": 1_000_000});
    let behind = scene.admin().refused("updateEscalationPolicy", behind).await;
    assert_eq!(places(&behind), ["INVALID position"]);
    let stays = json!({"policyId": standard["id"], "version": 1, "position": 1_000_000});
    let stays = scene.admin().mutate("updateEscalationPolicy", stays, "escalationPolicy { position }").await;
    assert_eq!(stays["escalationPolicy"]["position"], 1_000_000);
    let hollow = json!({"policyId": made["id"], "version": 2, "steps": []});
    assert_eq!(places(&scene.admin().refused("updateEscalationPolicy", hollow).await), ["REQUIRED steps"]);
    scene.admin().mutate("deleteEscalationPolicy", json!({"policyId": made["id"]}), "deletedPolicyId").await;
    let left: Vec<Value> = policies().await.iter().map(|policy| policy["id"].clone()).collect();
    assert_eq!(left, [standard["id"].clone()], "the standard one is left");
}
