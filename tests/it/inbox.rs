//! The inbox: what the rules of a stream say of failed records, and who reads what first by that. Deliberately absent: how
//! urgency is reckoned, which is beside it in `domain`, and what people decide about groups (`failure_group`).

use serde_json::{Value, json};

use crate::bad_input::places;
use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::scene::{Scene, ended, nodes, outcome, text};

const INBOX: &str = "query($filter: InboxFilter, $first: Int, $after: String, $last: Int, $before: String) {
    inboxCounts(filter: $filter) { critical high medium low }
    inbox(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
        edges { node { id stream fieldPath impact valueAtStake failureCount status } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
const STATE: &str = "failureGroup { status responsibleParty }";

impl Scene {
    /// An integration of one stream from a file, whose records need a customer; `impact` says how much depends on them.
    async fn with_impact(&self, name: &str, impact: Value) -> String {
        let files = self.file_system().await;
        let path = format!("{name}.jsonl");
        let mut moves = stream(json!({"path": path}), json!({"path": format!("{name}.out.jsonl")}));
        moves["name"] = json!(name);
        moves["recordSchema"] = json!({"required": ["customer"]});
        // All of them may fail.
        moves["quality"] = json!({"maxFailedPercent": null});
        moves["impact"] = impact;
        self.fixture.integration(&self.tenant, &files, &files, vec![moves]).await
    }

    /// What a viewer's inbox has of the tenant: streams in their order.
    async fn inbox(&self, viewer: &Client) -> Vec<String> {
        let found = inbox(viewer, json!({"filter": {"tenantId": self.tenant.id}})).await;
        found.iter().map(|group| text(&group["stream"])).collect()
    }
}

async fn inbox(viewer: &Client, variables: Value) -> Vec<Value> {
    nodes(&viewer.query(INBOX, variables).await["inbox"])
}

/// Orders of a million matter most, those of tests least.
fn of_orders() -> Value {
    let large = json!({
        "properties": {"total": {"type": "number", "minimum": 1_000_000}}, "required": ["total"],
    });
    let test = json!({"properties": {"channel": {"const": "test"}}, "required": ["channel"]});
    json!({"valueField": "/total", "rules": [
        {"when": test, "impact": "LOW"},
        {"when": large, "impact": "CRITICAL", "label": "order over 1 M"},
    ]})
}

#[tokio::test]
async fn one_order_of_a_million_stands_above_five_hundred_sign_ups_and_each_role_has_its_own() {
    let (scene, other) = (Scene::shared().await, Scene::shared().await);
    let orders = scene.with_impact("orders", of_orders()).await;
    let sign_ups = scene.with_impact("signups", json!({"base": "LOW"})).await;
    scene.files.write_jsonl("orders.jsonl", [json!({"id": "PO-1", "total": 1_000_000.5})]);
    scene.files.write_jsonl("signups.jsonl", (0..500).map(|number| json!({"id": number.to_string()})));
    let run = scene.run(&orders).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 1, "failed": 1})), "{run:#}");
    let last = scene.run(&sign_ups).await;
    assert_eq!(outcome(&last), ended("PARTIAL", json!({"read": 500, "failed": 500})), "{last:#}");
    let theirs = other.with_impact("theirs", json!({"base": "HIGH"})).await;
    other.files.write_jsonl("theirs.jsonl", [json!({"id": "1"})]);
    other.run(&theirs).await;

    let member = scene.person("TENANT_MEMBER").await;
    let (support, engineer) = (scene.person("SUPPORT").await, scene.person("ENGINEER").await);
    let found = member.query(INBOX, Value::Null).await;
    let groups = nodes(&found["inbox"]);
    let brief: Vec<Value> = groups
        .iter()
        .map(|group| json!([group["stream"], group["impact"], group["valueAtStake"], group["failureCount"]]))
        .collect();
    assert_eq!(json!(brief), json!([["orders", "CRITICAL", "1000000.5", 1], ["signups", "LOW", null, 500]]));
    assert_eq!(found["inboxCounts"], json!({"critical": 1, "high": 0, "medium": 0, "low": 1}));
    let at_least = |impact: &str| json!({"filter": {"minImpact": impact}});
    let harmful = member.query(INBOX, at_least("HIGH")).await;
    assert_eq!(nodes(&harmful["inbox"]), groups[..1]);
    assert_eq!(harmful["inboxCounts"], json!({"critical": 1, "high": 0, "medium": 0, "low": 0}));
    let of_sign_ups = inbox(&member, json!({"filter": {"integrationId": sign_ups}})).await;
    assert_eq!(of_sign_ups, groups[1..]);

    // A failure says why.
    let query = "query($id: ID!) { failures(filter: {integrationId: $id}) {
        edges { node { impact impactReason valueAtStake } } } }";
    let failures = nodes(&member.query(query, json!({"id": orders})).await["failures"]);
    let why = json!({"impact": "CRITICAL", "impactReason": "order over 1 M", "valueAtStake": "1000000.5"});
    assert_eq!(failures, [why]);

    // Nobody has what is another's.
    let stranger = other.person("TENANT_ADMIN").await;
    assert_eq!(inbox(&stranger, json!({})).await[0]["stream"], "theirs");
    assert_eq!(inbox(&stranger, json!({})).await.len(), 1);
    assert_eq!(scene.inbox(&stranger).await, [""; 0]);
    for staff in [&support, &engineer, scene.admin()] {
        assert_eq!(scene.inbox(staff).await, [""; 0]);
    }

    // Who is handed it has it, and nobody else has any more.
    let id = &groups[0]["id"];
    let to = |party: &str| json!({"groupId": id, "to": party, "note": "see the order"});
    member.mutate("handOverFailureGroup", to("SUPPORT"), STATE).await;
    let seen = async || {
        let (member, support) = (scene.inbox(&member).await, scene.inbox(&support).await);
        [member, support, scene.inbox(&engineer).await, scene.inbox(scene.admin()).await]
            .map(|streams| streams.join(" "))
    };
    assert_eq!(seen().await, ["signups", "orders", "", "orders"]);
    support.mutate("handOverFailureGroup", to("ENGINEERING"), STATE).await;
    assert_eq!(seen().await, ["signups", "", "orders", "orders"]);
    engineer.mutate("handOverFailureGroup", to("THIRD_PARTY"), STATE).await;
    assert_eq!(seen().await, ["signups", "orders", "", "orders"]);
    support.mutate("handOverFailureGroup", to("CUSTOMER"), STATE).await;
    assert_eq!(seen().await, ["orders signups", "", "", ""]);

    // What somebody is at stays; what is put off, ignored or over does not.
    let input = json!({"groupId": id});
    member.mutate("acknowledgeFailureGroup", input.clone(), STATE).await;
    assert_eq!(scene.inbox(&member).await, ["orders", "signups"]);
    member.mutate("snoozeFailureGroup", json!({"groupId": id, "failures": 5}), STATE).await;
    assert_eq!(scene.inbox(&member).await, ["signups"]);
    member.mutate("reopenFailureGroup", input.clone(), STATE).await;
    member.mutate("ignoreFailureGroup", json!({"groupId": id, "note": "known"}), STATE).await;
    assert_eq!(scene.inbox(&member).await, ["signups"]);
    member.mutate("reopenFailureGroup", input.clone(), STATE).await;
    assert_eq!(scene.inbox(&member).await, ["orders", "signups"]);
    member.mutate("resolveFailureGroup", input, STATE).await;
    let after = member.query(INBOX, Value::Null).await;
    assert_eq!(nodes(&after["inbox"]), groups[1..]);
    assert_eq!(after["inboxCounts"], json!({"critical": 0, "high": 0, "medium": 0, "low": 1}));

    // Of what is archived nobody is to do anything, and it stays in the lists of groups.
    let archived = json!({"integrationId": sign_ups});
    scene.admin().mutate("archiveIntegration", archived, "integration { id }").await;
    let after = member.query(INBOX, Value::Null).await;
    assert!(nodes(&after["inbox"]).is_empty(), "{after:#}");
    assert_eq!(after["inboxCounts"], json!({"critical": 0, "high": 0, "medium": 0, "low": 0}));
    let listed = "{ failureGroups { edges { node { stream } } } }";
    assert_eq!(nodes(&member.query(listed, Value::Null).await["failureGroups"]).len(), 2);
}

#[tokio::test]
async fn a_group_that_a_dearer_record_joins_escalates_and_begins_anew_when_it_is_back() {
    let scene = Scene::shared().await;
    let integration = scene.with_impact("orders", of_orders()).await;
    let member = scene.person("TENANT_MEMBER").await;
    let group = async |record: Value| {
        scene.files.write_jsonl("orders.jsonl", [record]);
        scene.run(&integration).await;
        let query = "query($id: ID!) { integration(id: $id) { failureGroups { edges { node {
            id status impact valueAtStake failureCount } } } } }";
        let groups =
            nodes(&member.query(query, json!({"id": integration})).await["integration"]["failureGroups"]);
        assert_eq!(groups.len(), 1, "{groups:#?}");
        groups[0].clone()
    };
    let state = |group: &Value| json!([group["status"], group["impact"], group["valueAtStake"]]);

    let test = group(json!({"id": "1", "total": 2_000_000, "channel": "test"})).await;
    assert_eq!(state(&test), json!(["NEW", "LOW", "2000000"]), "the first rule that fits decides");
    // No rule speaks of a total that is no number, and it is at stake all the same.
    let usual = group(json!({"id": "2", "total": " 5.25 "})).await;
    assert_eq!(state(&usual), json!(["ESCALATING", "MEDIUM", "2000005.25"]));
    let input = json!({"groupId": usual["id"]});
    member.mutate("acknowledgeFailureGroup", input.clone(), STATE).await;
    // Whoever is at it sees it.
    let dear = group(json!({"id": "3", "total": 3_000_000})).await;
    assert_eq!(state(&dear), json!(["ACKNOWLEDGED", "CRITICAL", "5000005.25"]));
    member.mutate("resolveFailureGroup", input, STATE).await;
    // It begins anew, and what has not arrived is still at stake.
    let back = group(json!({"id": "4", "total": 7})).await;
    assert_eq!(state(&back), json!(["REGRESSED", "MEDIUM", "5000012.25"]));
    assert_eq!(back["failureCount"], 4);
}

#[tokio::test]
async fn what_arrives_or_is_skipped_is_at_stake_no_more_and_urgent_neither() {
    let scene = Scene::shared().await;
    let many = scene.with_impact("many", json!({"valueField": "/total"})).await;
    let few = scene.with_impact("few", json!({})).await;
    let record = |number: u32| json!({"id": number.to_string(), "total": number});
    scene.files.write_jsonl("many.jsonl", (1..=8).map(record));
    scene.files.write_jsonl("few.jsonl", (1..=3).map(record));
    scene.run(&few).await;
    let run = scene.run(&many).await;
    let member = scene.person("TENANT_MEMBER").await;
    let now = async || {
        let groups = inbox(&member, json!({})).await;
        let brief = |group: &Value| json!([group["stream"], group["valueAtStake"], group["failureCount"]]);
        json!(groups.iter().map(brief).collect::<Vec<_>>())
    };
    assert_eq!(now().await, json!([["many", "36", 8], ["few", null, 3]]));

    let failures = scene.failures(&run).await;
    let ids: Vec<&Value> = failures[..4].iter().map(|failure| &failure["id"]).collect();
    let skip = json!({"failureIds": ids, "reason": "test data"});
    assert_eq!(member.mutate("skipFailures", skip, "skipped").await["skipped"], 4);
    assert_eq!(now().await, json!([["many", "26", 8], ["few", null, 3]]), "four are more than three");

    // Two arrive with what they lacked.
    let good = |number: u32| json!({"id": number.to_string(), "total": number, "customer": "c"});
    scene.files.write_jsonl("many.jsonl", [good(5), good(6)]);
    scene.run(&many).await;
    assert_eq!(now().await, json!([["few", null, 3], ["many", "15", 8]]), "three are more than two");

    // One is edited and arrives.
    let last = &failures[7];
    let edited = json!({"failureId": last["id"], "record": {"id": "8", "total": 100, "customer": "c"}});
    let retry = member.mutate("editAndRetryFailure", edited, "retry { id }").await;
    scene.finished_retry(&retry["retry"]).await;
    assert_eq!(now().await, json!([["few", null, 3], ["many", "7", 8]]));
}

#[tokio::test]
async fn what_several_people_skip_at_once_is_taken_from_its_group_once() {
    let scene = Scene::shared().await;
    let many = scene.with_impact("many", json!({"valueField": "/total"})).await;
    let record = |number: u32| json!({"id": number.to_string(), "total": number});
    scene.files.write_jsonl("many.jsonl", (1..=4).map(record));
    let first = scene.run(&many).await;
    scene.files.write_jsonl("many.jsonl", (5..=8).map(record));
    scene.run(&many).await;
    let member = scene.person("TENANT_MEMBER").await;
    let skip = async || {
        let input = json!({"filter": {"runId": first["id"]}, "reason": "test data"});
        member.mutate("skipFailures", input, "skipped").await["skipped"].as_i64().expect("a number")
    };
    let (a, b, c, d) = tokio::join!(skip(), skip(), skip(), skip());
    assert_eq!(a + b + c + d, 4, "{a} {b} {c} {d}");
    let groups = inbox(&member, json!({})).await;
    let brief: Vec<Value> =
        groups.iter().map(|group| json!([group["valueAtStake"], group["failureCount"]])).collect();
    assert_eq!(json!(brief), json!([["26", 8]]));
}

#[tokio::test]
async fn a_run_that_can_not_go_on_matters_as_its_stream_does() {
    let scene = Scene::shared().await;
    let integration = scene.with_impact("gone", json!({"base": "CRITICAL"})).await;
    let run = scene.run(&integration).await;
    assert_eq!(run["status"], "FAILED", "{run:#}");
    let query = "query($id: ID!) { integration(id: $id) {
        failureGroups { edges { node { impact valueAtStake } } }
        failures { edges { node { impact impactReason valueAtStake } } } } }";
    let found = scene.admin().query(query, json!({"id": integration})).await["integration"].clone();
    assert_eq!(nodes(&found["failureGroups"]), [json!({"impact": "CRITICAL", "valueAtStake": null})]);
    let failure = json!({"impact": "CRITICAL", "impactReason": null, "valueAtStake": null});
    assert_eq!(nodes(&found["failures"]), [failure]);
}

#[tokio::test]
async fn merged_groups_are_as_urgent_as_they_are_together() {
    let scene = Scene::shared().await;
    let orders = scene.with_impact("orders", of_orders()).await;
    let keyless = json!({"customer": "c", "total": 4_000_000});
    scene.files.write_jsonl("orders.jsonl", [json!({"id": "1", "total": 1}), keyless]);
    scene.run(&orders).await;
    let member = scene.person("TENANT_ADMIN").await;
    let groups = inbox(&member, json!({})).await;
    let impacts: Vec<&Value> = groups.iter().map(|group| &group["impact"]).collect();
    assert_eq!(impacts, ["CRITICAL", "MEDIUM"], "{groups:#?}");
    let input = json!({"groupId": groups[1]["id"], "mergeIds": [groups[0]["id"]]});
    scene.admin().mutate("mergeFailureGroups", input, STATE).await;
    let merged = inbox(&member, json!({})).await;
    let [one] = &merged[..] else { panic!("one group: {merged:#?}") };
    assert_eq!((&one["id"], &one["impact"]), (&groups[1]["id"], &json!("CRITICAL")));
    assert_eq!((&one["valueAtStake"], &one["failureCount"]), (&json!("4000001"), &json!(2)));
}

#[tokio::test]
async fn the_inbox_is_walked_in_pages_in_both_directions() {
    let scene = Scene::shared().await;
    let files = scene.file_system().await;
    let fields = ["alfa", "bravo", "charlie", "delta", "echo"];
    let mut moves = stream(json!({"path": "fields.jsonl"}), json!({"path": "fields.out.jsonl"}));
    let number = |field: &&str| ((*field).to_owned(), json!({"type": "number"}));
    moves["recordSchema"] = json!({"properties": fields.iter().map(number).collect::<Value>()});
    moves["quality"] = json!({"maxFailedPercent": null});
    let integration = scene.fixture.integration(&scene.tenant, &files, &files, vec![moves]).await;
    // One record has a wrong `alfa`, two have a wrong `bravo`, and so on.
    let wrong = fields.iter().zip(1..).flat_map(|(field, count)| {
        (0..count).map(move |number| json!({"id": format!("{field}-{number}"), (*field): "x"}))
    });
    scene.files.write_jsonl("fields.jsonl", wrong);
    scene.run(&integration).await;
    let member = scene.person("TENANT_VIEWER").await;

    let walk = async |first: &str, after: &str, end: &str, more: &str| {
        let (mut found, mut cursor) = (Vec::new(), Value::Null);
        for _ in 0..fields.len() {
            let page = member.query(INBOX, json!({first: 2, after: cursor})).await["inbox"].clone();
            let paths = nodes(&page).iter().map(|group| text(&group["fieldPath"])).collect::<Vec<_>>();
            assert!(paths.len() <= 2, "{page:#}");
            found.push(paths);
            cursor = page["pageInfo"][end].clone();
            if page["pageInfo"][more] == false {
                break;
            }
        }
        found
    };
    let forward = walk("first", "after", "endCursor", "hasNextPage").await;
    assert_eq!(json!(forward), json!([["/echo", "/delta"], ["/charlie", "/bravo"], ["/alfa"]]));
    let backward = walk("last", "before", "startCursor", "hasPreviousPage").await;
    assert_eq!(json!(backward), json!([["/bravo", "/alfa"], ["/delta", "/charlie"], ["/echo"]]));

    let query = "query($direction: OrderDirection!) {
        failureGroups(orderBy: {field: URGENCY, direction: $direction}) { edges { node { fieldPath } } } }";
    for (direction, expected) in [("DESC", ["/echo", "/alfa"]), ("ASC", ["/alfa", "/echo"])] {
        let all = member.query(query, json!({"direction": direction})).await;
        let paths: Vec<Value> =
            nodes(&all["failureGroups"]).iter().map(|group| group["fieldPath"].clone()).collect();
        assert_eq!((paths.len(), &paths[0], &paths[4]), (5, &json!(expected[0]), &json!(expected[1])));
    }
    // A place in another order is none of this list.
    let other = "{ failureGroups(first: 1) { pageInfo { endCursor } } }";
    let cursor = member.query(other, Value::Null).await["failureGroups"]["pageInfo"]["endCursor"].clone();
    let response = member.try_query(INBOX, json!({"after": cursor})).await;
    assert_eq!(response.codes(), ["BAD_USER_INPUT"], "{:#}", response.body);
}

#[tokio::test]
async fn rules_are_read_back_as_they_were_written_and_bad_ones_are_refused_at_their_place() {
    let scene = Scene::shared().await;
    let integration = scene.with_impact("orders", of_orders()).await;
    let query = "query($id: ID!) { integration(id: $id) { streams { impact {
        base valueField rules { when impact label } } } } }";
    let read = scene.admin().query(query, json!({"id": integration})).await;
    let mut written = of_orders();
    written["base"] = json!("MEDIUM");
    written["rules"][0]["label"] = Value::Null;
    assert_eq!(read["integration"]["streams"], json!([{"impact": written}]));

    let mut bad = stream(json!({"path": "orders.jsonl"}), json!({"path": "orders.out.jsonl"}));
    bad["impact"] = json!({"valueField": "total", "rules": [
        {"when": {"properties": {"total": {"minimum": "much"}}}, "impact": "HIGH", "label": "two\nlines"},
        {"when": {"$ref": "https://example.com/schema.json"}, "impact": "HIGH"},
    ]});
    let input = json!({"integrationId": integration, "streams": [bad]});
    assert_eq!(
        places(&scene.admin().refused("updateIntegration", input).await),
        [
            "INVALID streams.0.impact.valueField",
            "INVALID streams.0.impact.rules.0.when.properties.total.minimum",
            "INVALID streams.0.impact.rules.0.label",
            "INVALID streams.0.impact.rules.1.when.$ref",
        ]
    );
    let after = scene.admin().query(query, json!({"id": integration})).await;
    assert_eq!(after, read, "nothing changed");
}
