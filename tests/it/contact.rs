//! Contacts: who is what for an integration, which rules give groups of failures to whom, and who reads of it. Deliberately
//! absent: who may do it at all, which is `access`.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::bad_input::places;
use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::postgres::Database;
use crate::harness::smtp::{Mode, Smtp};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{
    Scene, changed_stream, ended, impatient, into_table, nodes, outcome, postgres_rows, text,
};

const CONTACT: &str = "contact { id tenantId kind name email phone url userId note version }";
const GROUP: &str = "id code responsibleParty assignee { id name email }
    activity(last: 20) { edges { node { kind audience actorName fromParty toParty note assigneeName ruleName } } }";

/// A contact of the owner whose person asks, or of the tenant that is named.
async fn contact(client: &Client, name: &str, more: Value) -> String {
    let mut input = json!({"kind": "PERSON", "name": name});
    input["email"] = json!(format!("{}@example.com", name.to_lowercase()));
    more.as_object().expect("an object").iter().for_each(|(field, value)| input[field] = value.clone());
    let made = client.mutate("createContact", input, CONTACT).await;
    text(&made["contact"]["id"])
}

async fn rule(client: &Client, input: Value) -> Value {
    client.mutate("createOwnershipRule", input, "ownershipRule { id position version }").await
        ["ownershipRule"]
        .clone()
}

/// The groups of an integration by code.
async fn groups(viewer: &Client, integration: &str) -> Vec<Value> {
    let query = format!(
        "query($id: ID!) {{ integration(id: $id) {{ failureGroups(first: 20) {{ edges {{ node {{ {GROUP} }} }} }} }} }}"
    );
    let mut found =
        nodes(&viewer.query(&query, json!({"id": integration})).await["integration"]["failureGroups"]);
    found.sort_by_key(|group| text(&group["code"]));
    found
}

/// Ids of the groups that a filter takes.
async fn listed(viewer: &Client, filter: Value) -> Vec<String> {
    let query =
        "query($filter: FailureGroupFilter) { failureGroups(filter: $filter) { edges { node { id } } } }";
    let found = viewer.query(query, json!({"filter": filter})).await;
    nodes(&found["failureGroups"]).iter().map(|group| text(&group["id"])).collect()
}

/// What was done with a group, oldest first: kind, party, name of the assignee, rule, who.
fn history(group: &Value) -> Value {
    let entries = nodes(&group["activity"]);
    let brief = |entry: &Value| {
        json!([entry["kind"], entry["toParty"], entry["assigneeName"], entry["ruleName"], entry["actorName"]])
    };
    let mut entries: Vec<Value> = entries.iter().map(brief).collect();
    entries.reverse();
    // When it began is told in the same moment as who got it.
    entries.retain(|entry| entry[0] != "STATUS");
    json!(entries)
}

/// Files whose records need an amount, and where they go.
async fn checked(scene: &Scene, name: &str) -> String {
    let files = scene.file_system().await;
    let mut orders = stream(json!({"path": name}), json!({"path": format!("{name}.out.jsonl")}));
    orders["name"] = json!("orders");
    orders["recordSchema"] = json!({"required": ["amount"]});
    scene.fixture.integration(&scene.tenant, &files, &files, vec![orders]).await
}

/// Runs it with a record that has no amount; the group of it.
async fn fail(scene: &Scene, integration: &str, name: &str) -> Value {
    scene.files.write_jsonl(name, [json!({"id": "1"})]);
    let run = scene.run(integration).await;
    assert_eq!(outcome(&run), ended("PARTIAL", json!({"read": 1, "failed": 1})), "{run:#}");
    groups(scene.admin(), integration).await.remove(0)
}

#[tokio::test]
async fn contacts_are_checked_changed_by_version_and_seen_by_their_owner_alone() {
    let scene = Scene::shared().await;
    let admin = scene.person("TENANT_ADMIN").await;
    let me = text(&admin.query("{ viewer { user { id } } }", json!({})).await["viewer"]["user"]["id"]);
    let input = json!({
        "kind": "PERSON", "name": " Ada ", "email": "Ada@Example.com", "phone": "+49 30 123-45", "userId": me,
        "url": "https://chat.example.com/ada", "note": "Mornings only.\nOtherwise the team.",
    });
    let made = admin.mutate("createContact", input, CONTACT).await["contact"].clone();
    let id = text(&made["id"]);
    assert_eq!(
        made,
        json!({
            "id": id, "tenantId": scene.tenant.id, "kind": "PERSON", "name": "Ada", "email": "ada@example.com",
            "phone": "+49 30 123-45", "url": "https://chat.example.com/ada", "userId": me,
            "note": "Mornings only.\nOtherwise the team.", "version": 1,
        })
    );

    // All that is wrong at once, and nothing is kept.
    let unreachable = json!({"kind": "TEAM", "name": "", "userId": id, "note": "a\0b"});
    let errors = admin.refused("createContact", unreachable).await;
    assert_eq!(places(&errors), ["REQUIRED name", "REQUIRED email", "INVALID note", "NOT_FOUND userId"]);
    for (field, value, code) in [
        ("email", json!("nobody"), "INVALID"),
        ("phone", json!("x".repeat(51)), "TOO_LONG"),
        ("phone", json!("call us"), "INVALID"),
        ("url", json!("javascript:alert(1)"), "INVALID"),
        ("url", json!("https://ada:secret@example.com"), "INVALID"),
        ("url", json!(format!("https://example.com/{}", "x".repeat(2_000))), "TOO_LONG"),
        ("note", json!("x".repeat(2_001)), "TOO_LONG"),
    ] {
        let mut input = json!({"kind": "TEAM", "name": "Orders", "email": "orders@example.com"});
        input[field] = value;
        let errors = admin.refused("createContact", input).await;
        assert_eq!(places(&errors), [format!("{code} {field}")], "{errors:?}");
    }
    // A user of the operator is none of the tenant.
    let staff = scene.admin().query("{ viewer { user { id } } }", json!({})).await;
    let linked = json!({"contactId": id, "version": 1, "userId": staff["viewer"]["user"]["id"]});
    assert_eq!(places(&admin.refused("updateContact", linked).await), ["NOT_FOUND userId"]);

    let renamed = json!({"contactId": id, "version": 1, "name": "Ada L.", "phone": null});
    let renamed = admin.mutate("updateContact", renamed, CONTACT).await["contact"].clone();
    assert_eq!(
        (&renamed["name"], &renamed["phone"], &renamed["version"], &renamed["email"]),
        (&json!("Ada L."), &Value::Null, &json!(2), &json!("ada@example.com"))
    );
    let stale = json!({"contactId": id, "version": 1, "name": "Somebody else"});
    assert_eq!(places(&admin.refused("updateContact", stale).await), ["CONFLICT version"]);
    let silent = json!({"contactId": id, "version": 2, "email": null, "url": ""});
    assert_eq!(places(&admin.refused("updateContact", silent).await), ["REQUIRED email"]);

    // The operator's are nothing to a tenant, by whatever way.
    let grace = contact(scene.admin(), "Grace", json!({})).await;
    contact(&admin, "Beate", json!({"kind": "TEAM"})).await;
    let query = "query($filter: ContactFilter, $first: Int, $after: String) {
        contacts(filter: $filter, orderBy: {field: NAME, direction: ASC}, first: $first, after: $after) {
            edges { cursor node { name tenantId } } pageInfo { hasNextPage } } }";
    let names = async |viewer: &Client, filter: Value| -> Vec<String> {
        let found = viewer.query(query, json!({"filter": filter})).await;
        nodes(&found["contacts"]).iter().map(|contact| text(&contact["name"])).collect()
    };
    let viewer = scene.person("TENANT_VIEWER").await;
    assert_eq!(names(&viewer, json!({})).await, ["Ada L.", "Beate"]);
    assert_eq!(names(&viewer, json!({"isOperators": true})).await, [] as [&str; 0]);
    assert_eq!(names(&viewer, json!({"kind": "TEAM"})).await, ["Beate"]);
    assert_eq!(names(&viewer, json!({"search": "ada"})).await, ["Ada L."]);
    let first = viewer.query(query, json!({"first": 1})).await["contacts"].clone();
    let after = json!({"first": 1, "after": first["edges"][0]["cursor"]});
    let second = viewer.query(query, after).await["contacts"].clone();
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    assert_eq!(
        (&nodes(&second)[0]["name"], &second["pageInfo"]["hasNextPage"]),
        (&json!("Beate"), &json!(false))
    );
    for (mutation, input) in [
        ("updateContact", json!({"contactId": grace, "version": 1, "name": "x"})),
        ("deleteContact", json!({"contactId": grace})),
    ] {
        assert_eq!(places(&admin.refused(mutation, input).await), ["NOT_FOUND contactId"], "{mutation}");
    }
    let own = scene.admin().query(query, json!({"filter": {"isOperators": true, "search": "Grace"}})).await;
    assert!(nodes(&own["contacts"]).iter().all(|contact| contact["tenantId"].is_null()), "{own:#}");
    assert!(!nodes(&own["contacts"]).is_empty());
    // What was done is in the audit log of its owner.
    let query = "{ auditEntries(first: 20) { edges { node { operation objectId detail } } } }";
    let told = admin.query(query, json!({})).await;
    let told: Vec<Value> = nodes(&told["auditEntries"]);
    let change =
        told.iter().find(|entry| entry["operation"] == "updateContact" && entry["detail"] == "name, phone");
    assert_eq!(change.expect("the change is there")["objectId"], json!(id), "{told:#?}");
    assert!(
        told.iter().all(|entry| entry["objectId"] != json!(grace) || entry["detail"].is_null()),
        "{told:#?}"
    );
}

#[tokio::test]
async fn whoever_answers_for_an_integration_gets_what_fails_and_is_replaced_before_they_go() {
    let scene = Scene::shared().await;
    let admin = scene.person("TENANT_ADMIN").await;
    let me = text(&admin.query("{ viewer { user { id } } }", json!({})).await["viewer"]["user"]["id"]);
    let steward = contact(&admin, "Steward", json!({"userId": me})).await;
    let owner = contact(&admin, "Owner", json!({})).await;
    let grace = contact(scene.admin(), "Grace", json!({})).await;
    let integration = checked(&scene, "orders.jsonl").await;
    let query = "query($id: ID!) { integration(id: $id) { contacts {
        integrationOwner { name } dataSteward { name } businessSponsor { name } } } }";
    let seen = async |viewer: &Client| {
        viewer.query(query, json!({"id": integration})).await["integration"]["contacts"].clone()
    };
    let nobody = json!({"integrationOwner": null, "dataSteward": null, "businessSponsor": null});
    assert_eq!(seen(&admin).await, nobody);
    let roles = json!({"integrationId": integration, "integrationOwnerId": owner, "dataStewardId": steward});
    admin.mutate("setIntegrationContacts", roles, "integration { id }").await;
    // One of the operator is for the eyes of staff, and is not named by a tenant.
    let sponsor = json!({"integrationId": integration, "businessSponsorId": grace});
    assert_eq!(
        places(&admin.refused("setIntegrationContacts", sponsor.clone()).await),
        ["NOT_FOUND businessSponsorId"]
    );
    scene.admin().mutate("setIntegrationContacts", sponsor, "integration { id }").await;
    let named = |sponsor: Value| json!({"integrationOwner": {"name": "Owner"}, "dataSteward": {"name": "Steward"}, "businessSponsor": sponsor});
    assert_eq!(seen(&admin).await, named(Value::Null));
    assert_eq!(seen(scene.admin()).await, named(json!({"name": "Grace"})));

    // What is wrong with records goes to the steward, a run as a whole to the owner.
    let of_records = fail(&scene, &integration, "orders.jsonl").await;
    assert_eq!(of_records["assignee"]["name"], "Steward", "{of_records:#}");
    assert_eq!(history(&of_records), json!([["ASSIGN", null, "Steward", null, null]]));
    std::fs::remove_file(scene.files.path("orders.jsonl")).expect("it was written");
    let run = scene.run(&integration).await;
    assert_eq!(run["status"], "FAILED", "{run:#}");
    let both = groups(&admin, &integration).await;
    assert_eq!(
        both.iter().map(|group| (text(&group["code"]), text(&group["assignee"]["name"]))).collect::<Vec<_>>(),
        [
            ("record.schema_violation".to_owned(), "Steward".to_owned()),
            ("source.not_found".to_owned(), "Owner".to_owned()),
        ]
    );
    let (records, whole) = (text(&both[0]["id"]), text(&both[1]["id"]));
    assert_eq!(listed(&admin, json!({"assignedToMe": true})).await, std::slice::from_ref(&records));
    assert_eq!(listed(&admin, json!({"assigneeId": owner})).await, std::slice::from_ref(&whole));
    let member = scene.person("TENANT_MEMBER").await;
    assert_eq!(listed(&member, json!({"assignedToMe": true})).await, [] as [&str; 0]);

    // People give it to others.
    let to = |contact: Value| json!({"groupId": whole, "contactId": contact, "note": "please look"});
    let state = format!("failureGroup {{ {GROUP} }}");
    let given = member.mutate("assignFailureGroup", to(json!(steward)), &state).await;
    assert_eq!(given["failureGroup"]["assignee"]["id"], json!(steward));
    assert_eq!(
        places(&member.refused("assignFailureGroup", to(json!(steward))).await),
        ["CONFLICT contactId"]
    );
    assert_eq!(
        places(&member.refused("assignFailureGroup", to(json!(grace))).await),
        ["NOT_FOUND contactId"]
    );
    assert_eq!(listed(&admin, json!({"assignedToMe": true})).await.len(), 2);
    member.mutate("assignFailureGroup", to(Value::Null), &state).await;
    assert_eq!(places(&member.refused("assignFailureGroup", to(Value::Null)).await), ["CONFLICT contactId"]);
    member.mutate("assignFailureGroup", to(json!(owner)), &state).await;
    // Handed over it is with nobody of the tenant, and comes back to whom it was.
    let hand = |to: &str| json!({"groupId": whole, "to": to, "note": "the path is yours"});
    member.mutate("handOverFailureGroup", hand("SUPPORT"), "failureGroup { id }").await;
    assert_eq!(groups(&admin, &integration).await[1]["assignee"], Value::Null);
    assert_eq!(places(&member.refused("assignFailureGroup", to(json!(owner))).await), ["FORBIDDEN groupId"]);
    scene.admin().mutate("handOverFailureGroup", hand("CUSTOMER"), "failureGroup { id }").await;
    assert_eq!(groups(&admin, &integration).await[1]["assignee"]["name"], "Owner");

    // Nobody goes while they have something; another takes all of it.
    rule(&admin, json!({"name": "All", "contactId": owner, "selectors": {"streams": ["nothing"]}})).await;
    let alone = admin.refused("deleteContact", json!({"contactId": owner})).await;
    assert_eq!(places(&alone), ["CONFLICT contactId"]);
    let message = "is named by 1 role of an integration, 1 rule, 1 group of failures; name another in its place, \
                   `replacementId`";
    assert_eq!(alone[0].message, message);
    for (other, problem) in [(&owner, "INVALID replacementId"), (&grace, "NOT_FOUND replacementId")] {
        let input = json!({"contactId": owner, "replacementId": other});
        assert_eq!(places(&admin.refused("deleteContact", input).await), [problem]);
    }
    let replaced = json!({"contactId": owner, "replacementId": steward});
    let deleted = admin.mutate("deleteContact", replaced, "deletedContactId").await;
    assert_eq!(deleted["deletedContactId"], json!(owner));
    assert_eq!(seen(&admin).await["integrationOwner"], json!({"name": "Steward"}));
    let taken = groups(&admin, &integration).await[1].clone();
    assert_eq!(taken["assignee"]["name"], "Steward");
    let name = admin.query("{ viewer { user { name } } }", json!({})).await["viewer"]["user"]["name"].clone();
    let told = history(&taken);
    let told = told.as_array().expect("a list");
    assert_eq!(told[told.len() - 1], json!(["ASSIGN", null, "Steward", null, name]), "{told:#?}");
    let rules = "{ ownershipRules { edges { node { contact { name } } } } }";
    let rules = admin.query(rules, json!({})).await;
    assert_eq!(nodes(&rules["ownershipRules"]), [json!({"contact": {"name": "Steward"}})]);
    // A group that is over holds nobody.
    let second = contact(&admin, "Second", json!({})).await;
    admin.mutate("assignFailureGroup", to(json!(second)), &state).await;
    admin.mutate("resolveFailureGroup", json!({"groupId": whole}), "failureGroup { id }").await;
    admin.mutate("deleteContact", json!({"contactId": second}), "deletedContactId").await;
    assert_eq!(groups(&admin, &integration).await[1]["assignee"], Value::Null);
}

/// Waits until somebody waits for a group whose contact they look at or change.
async fn somebody_waits_for_a_group(database: &Database) {
    let waiting = "SELECT 'waits' FROM pg_stat_activity WHERE datname = current_database() \
                   AND wait_event_type = 'Lock' AND query LIKE '%\"assignee_id\" = %'";
    until("somebody waits for a group", SOON, async || {
        let rows = postgres_rows(database, waiting).await;
        if rows.is_empty() { Err(rows) } else { Ok(()) }
    })
    .await;
}

/// Whoever changes several groups at once locks them in the order of their ids: one waits for the other, never in a circle.
#[tokio::test]
async fn a_contact_is_replaced_in_the_order_in_which_groups_are_locked() {
    let trestle = impatient().split(1).await;
    let scene = Scene::of(&trestle).await;
    let admin = scene.person("TENANT_ADMIN").await;
    let (ada, eve) = (contact(&admin, "Ada", json!({})).await, contact(&admin, "Eve", json!({})).await);
    let (first, second) = (checked(&scene, "first.jsonl").await, checked(&scene, "second.jsonl").await);
    for integration in [&first, &second] {
        let roles = json!({"integrationId": integration, "dataStewardId": ada});
        admin.mutate("setIntegrationContacts", roles, "integration { id }").await;
    }
    fail(&scene, &first, "first.jsonl").await;
    fail(&scene, &second, "second.jsonl").await;
    // Seen last, the first one is the last in every order but that of ids.
    fail(&scene, &first, "first.jsonl").await;
    let database = &trestle.stores().database;
    let ids = postgres_rows(database, "SELECT id::text FROM failure_group ORDER BY id").await;
    assert_eq!(ids.len(), 2);
    let mut other = database.connect().await;
    let lock = format!("BEGIN; SELECT id FROM failure_group WHERE id = '{}' FOR NO KEY UPDATE", ids[0]);
    other.execute(AssertSqlSafe(lock)).await.expect("nobody has it");

    let replaced = json!({"contactId": ada, "replacementId": eve});
    let deletion = admin.mutate("deleteContact", replaced, "deletedContactId");
    let look = async {
        somebody_waits_for_a_group(database).await;
        let second = &ids[1];
        let free =
            format!("SELECT id::text FROM failure_group WHERE id = '{second}' FOR NO KEY UPDATE SKIP LOCKED");
        let free = postgres_rows(database, &free).await;
        other.execute("ROLLBACK").await.expect("it has begun");
        free
    };
    let (deleted, free) = tokio::join!(deletion, look);
    assert_eq!(free, ids[1..], "nothing is locked behind what is waited for");
    assert_eq!(deleted["deletedContactId"], json!(ada));
    for integration in [&first, &second] {
        assert_eq!(groups(&admin, integration).await[0]["assignee"]["name"], "Eve");
    }
}

#[tokio::test]
async fn a_group_that_has_changed_meanwhile_is_not_given_to_somebody() {
    let trestle = impatient().split(1).await;
    let scene = Scene::of(&trestle).await;
    let admin = scene.person("TENANT_ADMIN").await;
    let ada = contact(&admin, "Ada", json!({})).await;
    contact(&admin, "Eve", json!({})).await;
    let integration = checked(&scene, "orders.jsonl").await;
    let group = fail(&scene, &integration, "orders.jsonl").await;
    let database = &trestle.stores().database;
    let mut other = database.connect().await;
    for (change, who) in [
        ("status = 'ACKNOWLEDGED'", Value::Null),
        ("assignee_id = (SELECT id FROM contact WHERE name = 'Eve')", json!("Eve")),
    ] {
        let change = format!("BEGIN; UPDATE failure_group SET {change}");
        other.execute(AssertSqlSafe(change)).await.expect("nobody has it");
        let given = admin.refused("assignFailureGroup", json!({"groupId": group["id"], "contactId": ada}));
        let commit = async {
            somebody_waits_for_a_group(database).await;
            other.execute("COMMIT").await.expect("it has begun");
        };
        let (errors, ()) = tokio::join!(given, commit);
        assert_eq!(places(&errors), ["CONFLICT groupId"]);
        let now = groups(&admin, &integration).await.remove(0);
        assert_eq!((&now["assignee"]["name"], history(&now)), (&who, json!([])));
    }
}

/// Rules in a program of this shape: each tenant's rows are fenced off on PostgreSQL, the operator's rules are nobody's.
async fn rules_give_groups_to_whom_they_name(trestle: &Trestle) {
    let scene = Scene::of(trestle).await;
    let (admin, member) = (scene.person("TENANT_ADMIN").await, scene.person("TENANT_MEMBER").await);
    let support = scene.person("SUPPORT").await;
    let (ada, steward) =
        (contact(&admin, "Ada", json!({})).await, contact(&admin, "Steward", json!({})).await);
    let (grace, linus) =
        (contact(scene.admin(), "Grace", json!({})).await, contact(scene.admin(), "Linus", json!({})).await);
    let with_steward = async |name: &str| {
        let integration = checked(&scene, name).await;
        let roles = json!({"integrationId": integration, "dataStewardId": steward});
        admin.mutate("setIntegrationContacts", roles, "integration { id }").await;
        integration
    };

    // A tenant's rule goes before who is what; the first one that fits counts.
    let elsewhere = json!({"codes": ["destination.*"]});
    rule(&admin, json!({"name": "Elsewhere", "contactId": steward, "selectors": elsewhere})).await;
    let orders = json!({"codes": ["record.*"], "streams": ["orders"], "connectors": ["file"]});
    let second = rule(&admin, json!({"name": "Orders", "contactId": ada, "selectors": orders})).await;
    let third = rule(&admin, json!({"name": "Later", "contactId": steward})).await;
    assert_eq!((&second["position"], &third["position"]), (&json!(1), &json!(2)));
    let group = fail(&scene, &with_steward("a.jsonl").await, "a.jsonl").await;
    assert_eq!((&group["responsibleParty"], &group["assignee"]["name"]), (&json!("CUSTOMER"), &json!("Ada")));
    assert_eq!(history(&group), json!([["ASSIGN", null, "Ada", "Orders", null]]));

    // A tenant's rule takes nothing from the operator, and names nobody of it.
    let party = json!({"name": "Yours", "responsibleParty": "SUPPORT", "contactId": grace});
    assert_eq!(
        places(&admin.refused("createOwnershipRule", party).await),
        ["FORBIDDEN responsibleParty", "NOT_FOUND contactId"]
    );
    let bad = json!({"name": "x", "position": -1, "selectors": {
        "codes": ["record.nothing", "destination.rej*", "*"], "connectors": ["fax"], "streams": [""],
        "tenantIds": [scene.tenant.id],
    }});
    assert_eq!(
        places(&admin.refused("createOwnershipRule", bad).await),
        [
            "INVALID position",
            "REQUIRED contactId",
            "NOT_FOUND selectors.codes.0",
            "NOT_FOUND selectors.codes.1",
            "NOT_FOUND selectors.connectors.0",
            "INVALID selectors.streams.0",
            "INVALID selectors.tenantIds",
        ]
    );

    // The operator's rule says who acts, and who of the operator; the tenant reads that it is with the operator.
    let tenants = json!({"codes": ["record.schema_violation"], "tenantIds": [scene.tenant.id]});
    let first_line = json!({"name": "First line", "responsibleParty": "SUPPORT", "contactId": grace, "selectors": tenants});
    let first_line = rule(scene.admin(), first_line).await;
    let tenants = json!({"tenantIds": [scene.tenant.id]});
    let second_line = json!({"name": "Second line", "responsibleParty": "ENGINEERING", "contactId": linus, "selectors": tenants});
    let second_line = rule(scene.admin(), second_line).await;
    // Workers know it within seconds: as soon as one has given a group so, all of them are looked at as they are.
    let mut count = 0;
    let (integration, group) = until("the operator's rule is known", SOON, async || {
        count += 1;
        let name = format!("b{count}.jsonl");
        let integration = with_steward(&name).await;
        let group = fail(&scene, &integration, &name).await;
        if group["responsibleParty"] == "SUPPORT" { Ok((integration, group)) } else { Err(group) }
    })
    .await;
    assert_eq!(group["assignee"]["name"], "Grace", "{group:#}");
    assert_eq!(
        history(&group),
        json!([
            ["HAND_OVER", "SUPPORT", null, "First line", null],
            ["ASSIGN", null, "Grace", "First line", null],
        ])
    );
    let seen = groups(&admin, &integration).await.remove(0);
    assert_eq!((&seen["responsibleParty"], &seen["assignee"]), (&json!("SUPPORT"), &Value::Null));
    let operator = "the operator's support team";
    assert_eq!(history(&seen), json!([["HAND_OVER", "SUPPORT", null, null, operator]]));
    assert_eq!(listed(&admin, json!({"assigneeId": grace})).await, [] as [&str; 0]);
    assert_eq!(listed(&support, json!({"assigneeId": grace})).await.len(), count_of(&group));
    let id = text(&group["id"]);
    assert!(!seen.to_string().contains("Grace") && !seen.to_string().contains("First line"), "{seen:#}");
    let give = json!({"groupId": id, "contactId": ada});
    assert_eq!(places(&member.refused("assignFailureGroup", give.clone()).await), ["FORBIDDEN groupId"]);

    // The next line of the operator, and back to the customer: who is named for each.
    let hand = |to: &str| json!({"groupId": id, "to": to, "note": "look at this"});
    support.mutate("handOverFailureGroup", hand("ENGINEERING"), "failureGroup { id }").await;
    assert_eq!(groups(&support, &integration).await[0]["assignee"]["name"], "Linus");
    support.mutate("handOverFailureGroup", hand("CUSTOMER"), "failureGroup { id }").await;
    assert_eq!(groups(&admin, &integration).await[0]["assignee"]["name"], "Ada");
    support
        .mutate("assignFailureGroup", json!({"groupId": id, "contactId": grace}), "failureGroup { id }")
        .await;
    let seen = groups(&admin, &integration).await.remove(0);
    assert_eq!(seen["assignee"], Value::Null);
    assert_eq!(
        history(&seen),
        json!([
            ["HAND_OVER", "SUPPORT", null, null, operator],
            ["HAND_OVER", "CUSTOMER", null, null, operator],
            ["ASSIGN", null, "Ada", "Orders", null],
        ])
    );
    // One of the operator's is nobody to the tenant, who may give it to somebody, and not see that there was one.
    let nobody = json!({"groupId": id, "contactId": null});
    assert_eq!(places(&member.refused("assignFailureGroup", nobody).await), ["CONFLICT contactId"]);
    member.mutate("assignFailureGroup", give, "failureGroup { id }").await;

    // What a rule would be about, before it is made.
    let query = "query($s: OwnershipSelectorsInput!, $t: ID, $n: Int) {
        ownershipRuleMatches(selectors: $s, tenantId: $t, first: $n) { count lookedAt hasMore } }";
    let all = groups_of(&admin).await;
    let would = async |selectors: Value, first: i32| {
        let variables = json!({"s": selectors, "t": scene.tenant.id, "n": first});
        scene.admin().query(query, variables).await["ownershipRuleMatches"].clone()
    };
    assert_eq!(
        would(json!({"codes": ["record.*"], "connectors": ["file"]}), 1_000).await,
        json!({"count": all, "lookedAt": all, "hasMore": false})
    );
    assert_eq!(
        would(json!({"connectors": ["postgres"]}), 1).await,
        json!({"count": 0, "lookedAt": 1, "hasMore": true})
    );
    let bad = json!({"s": {"codes": ["nothing"]}});
    assert_eq!(admin.try_query(query, bad).await.codes(), ["BAD_USER_INPUT"]);

    // Rules change by version, and go.
    let id_of = |rule: &Value| rule["id"].clone();
    let change = json!({"ruleId": id_of(&second), "version": 1, "position": 7, "name": "Orders later"});
    let changed =
        admin.mutate("updateOwnershipRule", change.clone(), "ownershipRule { position version }").await;
    assert_eq!(changed["ownershipRule"], json!({"position": 7, "version": 2}));
    assert_eq!(places(&admin.refused("updateOwnershipRule", change).await), ["CONFLICT version"]);
    let list = "{ ownershipRules { edges { node { name } } } }";
    let names: Vec<String> = nodes(&admin.query(list, json!({})).await["ownershipRules"])
        .iter()
        .map(|rule| text(&rule["name"]))
        .collect();
    assert_eq!(names, ["Elsewhere", "Later", "Orders later"], "in their order, and the tenant's alone");
    let not_theirs = json!({"ruleId": id_of(&first_line)});
    assert_eq!(places(&admin.refused("deleteOwnershipRule", not_theirs).await), ["NOT_FOUND ruleId"]);
    for rule in [&first_line, &second_line] {
        scene.admin().mutate("deleteOwnershipRule", json!({"ruleId": id_of(rule)}), "deletedRuleId").await;
    }
}

/// Of the groups that were made while the rule was not known yet none went that way.
fn count_of(group: &Value) -> usize {
    usize::from(group["assignee"]["name"] == "Grace")
}

/// How many groups the viewer sees.
async fn groups_of(viewer: &Client) -> usize {
    let found = viewer.query("{ failureGroups(first: 100) { edges { node { id } } } }", json!({})).await;
    nodes(&found["failureGroups"]).len()
}

#[tokio::test]
async fn rules_give_groups_to_whom_they_name_on_sqlite() {
    rules_give_groups_to_whom_they_name(&impatient().embedded().await).await;
}

#[tokio::test]
async fn rules_give_groups_to_whom_they_name_on_postgresql() {
    rules_give_groups_to_whom_they_name(&impatient().split(1).await).await;
}

#[tokio::test]
async fn a_data_steward_is_told_by_mail_that_a_gate_holds_and_that_it_is_over() {
    let smtp = Smtp::start(Mode::Plain).await;
    let trestle = smtp.setup(Setup::new()).embedded().await;
    let scene = Scene::of(&trestle).await;
    let admin = scene.person("TENANT_ADMIN").await;
    let address = format!("{}@example.com", scene.tenant.slug);
    let steward = contact(&admin, "Steward", json!({"email": address})).await;
    let changes = json!({
        "recordSchema": {"properties": {"n": {"pattern": "^[0-9]+$"}}},
        "quality": {"maxFailedPercent": 0, "minRecords": 1},
    });
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let moves = changed_stream(json!({"path": "in.csv"}), into_table("records"), changes);
    let integration = scene.integration(&files, &sqlite, moves).await;
    let roles = json!({"integrationId": integration, "dataStewardId": steward});
    admin.mutate("setIntegrationContacts", roles, "integration { id }").await;
    scene.files.write_csv("in.csv", &["id", "n"], [vec!["1".to_owned(), "bad".to_owned()]]);
    scene.fixture.start_run(&integration).await;
    let query = "query($id: ID!) { integration(id: $id) { quarantines { edges { node { id } } } } }";
    let quarantine = until("a page is in quarantine", SOON, async || {
        let now = admin.query(query, json!({"id": integration})).await;
        nodes(&now["integration"]["quarantines"]).first().map(|one| text(&one["id"])).ok_or(now)
    })
    .await;
    let held = smtp.mails_to(&address, 1).await.remove(0);
    assert!(held.header("Subject").expect("a subject").contains("held"), "{held:?}");
    let discard = json!({"quarantineId": quarantine, "note": "a broken export"});
    admin.mutate("discardQuarantine", discard, "quarantine { id }").await;
    let mails = smtp.mails_to(&address, 2).await;
    assert_eq!(mails.len(), 2, "{mails:#?}");

    // The notices name what they are, and go to nobody else.
    let query = "query($filter: NoticeFilter) { notices(filter: $filter) { edges { node {
        channelName policyName items { kind } deliveries { recipient status } } } } }";
    let filter = json!({"filter": {"integrationId": integration, "occasionKinds": ["HELD", "RESUMED"]}});
    let told = until("both have gone", SOON, async || {
        let told = nodes(&admin.query(query, filter.clone()).await["notices"]);
        let to_steward: Vec<Value> =
            told.into_iter().filter(|notice| notice["channelName"] == "Data steward").collect();
        let have_gone = to_steward.iter().all(|notice| notice["deliveries"][0]["status"] == "DELIVERED");
        if to_steward.len() == 2 && have_gone { Ok(to_steward) } else { Err(to_steward) }
    })
    .await;
    let brief: Vec<Value> = told
        .iter()
        .map(|notice| json!([notice["items"][0]["kind"], notice["policyName"], notice["deliveries"]]))
        .collect();
    let delivery = json!([{"recipient": address, "status": "DELIVERED"}]);
    assert_eq!(json!(brief), json!([["RESUMED", null, delivery], ["HELD", null, delivery]]));
}
