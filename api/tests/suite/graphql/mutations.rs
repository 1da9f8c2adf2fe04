//! What mutations answer: the object, or everything that is wrong with the input, each with its path; and that what is
//! another tenant's is not there.

use domain::Role;
use domain::id::Kind;
use domain::page::PageArguments;
use domain::run::{self, RunList};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{PASSWORD, World, codes, id};

/// Code and path of each user error.
fn problems(payload: &Value) -> Vec<(String, Vec<String>)> {
    let errors = payload["userErrors"].as_array().unwrap().iter();
    let problems = errors.map(|error| {
        let field = error["field"].as_array().map_or(&[][..], Vec::as_slice);
        let path = field.iter().map(|part| part.as_str().unwrap().to_owned()).collect();
        (error["code"].as_str().unwrap().to_owned(), path)
    });
    problems.collect()
}

fn problem(code: &str, path: &[&str]) -> (String, Vec<String>) {
    (code.to_owned(), path.iter().map(|&part| part.to_owned()).collect())
}

#[tokio::test]
async fn signing_in_answers_as_who_signed_in() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    world.person(Role::TenantMember, &customer.tenant).await;
    let query = "mutation ($input: SignInInput!) { signIn(input: $input) {
        accessToken refreshToken expiresAt
        viewer { role audience permissions tenant { slug runs { edges { node { id } } } } user { email } }
        userErrors { code field message }
    } }";
    let email = "TenantMember.acme@example.com";
    let input = json!({ "input": { "email": email, "password": PASSWORD } });
    let answer = world.execute(None, query, input).await;
    let payload = &answer["data"]["signIn"];
    assert_eq!(answer.get("errors"), None, "{answer}");
    assert_eq!(payload["viewer"]["role"], "TENANT_MEMBER");
    assert_eq!(payload["viewer"]["audience"], "CUSTOMER");
    assert_eq!(payload["viewer"]["tenant"]["slug"], "acme");
    assert_eq!(payload["viewer"]["user"]["email"], "tenantmember.acme@example.com");
    assert!(payload["expiresAt"].as_str().unwrap().ends_with('Z'));

    let wrong = json!({ "input": { "email": email, "password": "wrong" } });
    let answer = world.execute(None, query, wrong).await;
    let payload = &answer["data"]["signIn"];
    assert_eq!(problems(payload)[0].0, "UNAUTHENTICATED");
    assert_eq!((&payload["accessToken"], &payload["viewer"]), (&Value::Null, &Value::Null));

    let refresh = "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
        refreshToken userErrors { code }
    } }";
    let input = json!({ "input": { "email": email, "password": PASSWORD } });
    let token = world.execute(None, query, input).await["data"]["signIn"]["refreshToken"].clone();
    let first = world.execute(None, refresh, json!({ "token": token })).await;
    assert_eq!(problems(&first["data"]["refreshSession"]), []);
    let again = world.execute(None, refresh, json!({ "token": token })).await;
    assert_eq!(problems(&again["data"]["refreshSession"])[0].0, "UNAUTHENTICATED");
}

#[tokio::test]
async fn after_signing_out_the_rest_of_the_request_is_nobodys() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    let query =
        "mutation ($id: ID!) { signOut { userErrors { code } } startRun(input: { integrationId: $id }) {
        run { id }
    } }";
    let variables = json!({ "id": id(Kind::Integration, customer.integration_id) });
    let answer = world.execute(Some(&admin), query, variables).await;
    assert_eq!(codes(&answer), ["UNAUTHENTICATED"]);
    assert!(world.app.authenticate(Some(&admin.token)).await.is_err());
    let runs = run::list(&world.operator, &RunList::default(), &PageArguments::default()).await.unwrap();
    assert!(runs.edges.is_empty());
}

#[tokio::test]
async fn everything_wrong_with_an_input_is_answered_at_once() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    let query = "mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) {
        integration { id } userErrors { code field message }
    } }";
    let input = json!({ "input": {
        "tenantId": id(Kind::Tenant, customer.tenant.id),
        "name": " ",
        "sourceId": id(Kind::System, customer.source_id),
        "destinationId": "run_7",
        "streams": [{ "name": "orders", "keyFields": [], "mapping": "nonsense(" }],
        "schedule": { "cron": "61 * * * *", "timeZone": "Mars/Base" },
    } });
    let data = world.data(&admin, query, input).await;
    let payload = &data["createIntegration"];
    assert_eq!(payload["integration"], Value::Null);
    let found = problems(payload);
    for expected in [
        problem("REQUIRED", &["name"]),
        problem("NOT_FOUND", &["destinationId"]),
        problem("REQUIRED", &["streams", "0", "keyFields"]),
        problem("INVALID", &["streams", "0", "mapping"]),
        problem("INVALID", &["schedule", "cron"]),
        problem("INVALID", &["schedule", "timeZone"]),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
}

#[tokio::test]
async fn a_system_keeps_what_is_not_named_and_clears_what_is_null() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    let create = "mutation ($input: CreateSystemInput!) { createSystem(input: $input) {
        system { id name hasCredentials config status connector { name } } userErrors { code field message }
    } }";
    let input = json!({ "input": {
        "tenantId": id(Kind::Tenant, customer.tenant.id),
        "name": "Third",
        "connector": "sandbox",
        "config": { "seed": 5 },
    } });
    let data = world.data(&admin, create, input).await;
    let system = &data["createSystem"]["system"];
    assert_eq!(system["config"], json!({ "seed": 5 }));
    assert_eq!((&system["status"], &system["hasCredentials"]), (&json!("UNTESTED"), &json!(false)));
    let update = "mutation ($input: UpdateSystemInput!) { updateSystem(input: $input) {
        system { name config } userErrors { code field message }
    } }";
    let input = json!({ "input": { "systemId": system["id"], "name": "Fourth", "credentials": null } });
    let data = world.data(&admin, update, input).await;
    assert_eq!(data["updateSystem"]["system"], json!({ "name": "Fourth", "config": { "seed": 5 } }));
    let delete = "mutation ($id: ID!) { deleteSystem(input: { systemId: $id }) {
        deletedSystemId userErrors { code field }
    } }";
    let used = world.data(&admin, delete, json!({ "id": id(Kind::System, customer.source_id) })).await;
    assert_eq!(problems(&used["deleteSystem"])[0].0, "CONFLICT");
    let unused = world.data(&admin, delete, json!({ "id": system["id"] })).await;
    assert_eq!(unused["deleteSystem"]["deletedSystemId"], system["id"]);
}

#[tokio::test]
async fn another_tenants_objects_are_not_there() {
    let world = World::new().await;
    let (ours, theirs) = (world.customer("acme").await, world.customer("globex").await);
    let admin = world.person(Role::TenantAdmin, &ours.tenant).await;
    let run = world.failed_run(&theirs, 1).await;
    let failure = world.failures_of(run).await[0];
    let query =
        "query ($tenant: ID!, $system: ID!, $integration: ID!, $run: ID!, $failure: ID!, $slug: String!) {
        tenant(id: $tenant) { id }
        bySlug: tenant(slug: $slug) { id }
        system(id: $system) { id }
        integration(id: $integration) { id }
        run(id: $run) { id }
        failure(id: $failure) { id }
        node(id: $run) { id }
        runs(filter: { tenantId: $tenant }) { edges { node { id } } }
        failures(filter: { runId: $run }) { edges { node { id } } }
        integrations(filter: { tenantId: \"nonsense\" }) { edges { node { id } } }
    }";
    let variables = json!({
        "tenant": id(Kind::Tenant, theirs.tenant.id),
        "slug": "globex",
        "system": id(Kind::System, theirs.source_id),
        "integration": id(Kind::Integration, theirs.integration_id),
        "run": id(Kind::Run, run),
        "failure": id(Kind::Failure, failure),
    });
    let data = world.data(&admin, query, variables.clone()).await;
    let empty = json!({ "edges": [] });
    assert_eq!(
        data,
        json!({
            "tenant": null, "bySlug": null, "system": null, "integration": null, "run": null, "failure": null,
            "node": null, "runs": empty, "failures": empty, "integrations": empty,
        })
    );
    let malformed = json!({
        "tenant": "", "slug": "../", "system": "x", "integration": "run_1", "run": "run_", "failure": "💥",
    });
    assert_eq!(world.data(&admin, query, malformed).await, data);

    let mutations = "mutation ($integration: ID!, $run: ID!, $failure: ID!, $system: ID!) {
        startRun(input: { integrationId: $integration }) { run { id } userErrors { code field } }
        cancelRun(input: { runId: $run }) { run { id } userErrors { code field } }
        retryRun(input: { runId: $run, scope: FAILED_RECORDS }) { run { id } userErrors { code field } }
        retryFailures(input: { failureIds: [$failure] }) { retry { id } userErrors { code field } }
        skipFailures(input: { failureIds: [$failure] }) { skipped userErrors { code field } }
        editAndRetryFailure(input: { failureId: $failure, record: {} }) { retry { id } userErrors { code field } }
        pauseIntegration(input: { integrationId: $integration }) { integration { id } userErrors { code field } }
        testSystem(input: { systemId: $system }) { system { id } userErrors { code field } }
    }";
    let malformed = json!({ "integration": "x", "run": "x", "failure": "x", "system": "x" });
    let unknown = Uuid::from_u128(9);
    let unknown = json!({
        "integration": id(Kind::Integration, unknown), "run": id(Kind::Run, unknown),
        "failure": id(Kind::Failure, unknown), "system": id(Kind::System, unknown),
    });
    for variables in [variables, malformed, unknown] {
        let data = world.data(&admin, mutations, variables).await;
        let expected = |path: &[&str]| vec![problem("NOT_FOUND", path)];
        assert_eq!(problems(&data["startRun"]), expected(&["integrationId"]));
        assert_eq!(problems(&data["cancelRun"]), expected(&["runId"]));
        assert_eq!(problems(&data["retryRun"]), expected(&["runId"]));
        assert_eq!(problems(&data["retryFailures"]), expected(&["failureIds", "0"]));
        assert_eq!(problems(&data["skipFailures"]), expected(&["failureIds", "0"]));
        assert_eq!(problems(&data["editAndRetryFailure"]), expected(&["failureId"]));
        assert_eq!(problems(&data["pauseIntegration"]), expected(&["integrationId"]));
        assert_eq!(problems(&data["testSystem"]), expected(&["systemId"]));
    }
    assert_eq!(world.failures_of(run).await, [failure]);
}

#[tokio::test]
async fn a_field_of_a_listed_failure_is_the_same_whatever_else_is_asked_for() {
    const FIELDS: [&str; 12] = [
        "record",
        "technicalDetail",
        "httpStatus",
        "redactions { field reason }",
        "responsibleParty",
        "suggestedAction",
        "summary",
        "viewerCanRetry",
        "viewerCanEdit",
        "viewerCanSkip",
        "recordExpiresAt",
        "recordRemovedAt",
    ];
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let run = world.failed_run(&customer, 1).await;
    let failure = world.failures_of(run).await[0];
    // The group is with somebody else than the code says.
    let group = "query ($id: ID!) { failure(id: $id) { group { id } } }";
    let variables = json!({ "id": id(Kind::Failure, failure) });
    let admin = world.person(Role::PlatformAdmin, &customer.tenant).await;
    let group = world.data(&admin, group, variables.clone()).await["failure"]["group"]["id"].clone();
    let hand_over = "mutation ($id: ID!) {
        handOverFailureGroup(input: { groupId: $id, to: ENGINEERING, note: \"a test\" }) { userErrors { message } }
    }";
    let handed_over = world.data(&admin, hand_over, json!({ "id": group })).await;
    assert_eq!(handed_over["handOverFailureGroup"]["userErrors"], json!([]));

    for role in [Role::Engineer, Role::Support, Role::TenantMember, Role::TenantViewer] {
        let person = world.person(role, &customer.tenant).await;
        let one = format!("query ($id: ID!) {{ failure(id: $id) {{ {} }} }}", FIELDS.join(" "));
        let one = world.data(&person, &one, variables.clone()).await["failure"].clone();
        assert!(!one["summary"].is_null());
        for field in FIELDS {
            let name = field.split(' ').next().unwrap();
            let list = format!(
                "query {{
                    failures {{ edges {{ node {{ it: {field} }} }} }}
                    runs {{ edges {{ node {{ failures {{ edges {{ ...Of }} }} }} }} }}
                }}
                fragment Of on FailureEdge {{ node {{ ... on Failure {{ {field} }} }} }}"
            );
            let data = world.data(&person, &list, json!({})).await;
            assert_eq!(data["failures"]["edges"][0]["node"]["it"], one[name], "{role:?} {field}");
            let nested = &data["runs"]["edges"][0]["node"]["failures"]["edges"][0]["node"][name];
            assert_eq!(nested, &one[name], "{role:?} {field} of a run");
        }
    }
}

#[tokio::test]
async fn a_failure_shows_each_viewer_their_layer() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let run = world.failed_run(&customer, 1).await;
    let failure = world.failures_of(run).await[0];
    let query = "query ($id: ID!) { failure(id: $id) {
        status code stage category businessReference httpStatus technicalDetail record
        fieldErrors { path rule } redactions { field reason } viewerCanRetry viewerCanEdit viewerCanSkip
        run { status counts { read created updated unchanged skipped failed unaccounted } durationMs }
    } }";
    let hidden = |answer: &Value| {
        let redactions = answer["failure"]["redactions"].as_array().unwrap().iter();
        redactions.map(|redaction| redaction["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (role, seen, redacted) in [
        (Role::Engineer, ["httpStatus", "technicalDetail"].as_slice(), ["record"].as_slice()),
        (Role::Support, &["httpStatus"], &["technicalDetail", "record"]),
        (Role::TenantMember, &["record"], &["httpStatus", "technicalDetail"]),
        (Role::TenantViewer, &[], &["httpStatus", "technicalDetail", "record"]),
        (Role::Partner, &["record"], &["httpStatus", "technicalDetail"]),
        (Role::Portal, &[], &["httpStatus", "technicalDetail", "record"]),
    ] {
        let person = world.person(role, &customer.tenant).await;
        let data = world.data(&person, query, json!({ "id": id(Kind::Failure, failure) })).await;
        assert_eq!(hidden(&data), redacted, "{role:?}");
        for field in ["httpStatus", "technicalDetail", "record"] {
            assert_eq!(!data["failure"][field].is_null(), seen.contains(&field), "{role:?} {field}");
        }
        assert_eq!(data["failure"]["code"], "record.schema_violation");
        assert_eq!(data["failure"]["businessReference"], "acme-000");
        assert_eq!(data["failure"]["fieldErrors"], json!([{ "path": "/amount", "rule": "type" }]));
        let counts = &data["failure"]["run"]["counts"];
        assert_eq!(
            (&counts["read"], &counts["failed"], &counts["unaccounted"]),
            (&json!(1), &json!(1), &json!(0))
        );
    }
}

#[tokio::test]
async fn failures_are_named_by_ids_or_by_filter_and_retried_once_a_key() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let run = world.failed_run(&customer, 3).await;
    let failures = world.failures_of(run).await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    let retry = "mutation ($input: RetryFailuresInput!) { retryFailures(input: $input) {
        retry { id status total resolved failed remaining runs { edges { node { trigger integration { id } } } } }
        userErrors { code field message }
    } }";
    let ids: Vec<String> = failures.iter().map(|failure| id(Kind::Failure, *failure)).collect();
    for (input, expected) in [
        (json!({}), problem("REQUIRED", &["failureIds"])),
        (json!({ "failureIds": ids, "filter": {} }), problem("INVALID", &["filter"])),
        (json!({ "failureIds": [] }), problem("REQUIRED", &["failureIds"])),
    ] {
        let data = world.data(&admin, retry, json!({ "input": input })).await;
        assert_eq!(problems(&data["retryFailures"]), [expected]);
    }
    let plan = "query ($filter: FailureFilter!) { retryPlan(filter: $filter) {
        total retryable notRetryable alreadyWritten
    } }";
    let filter = json!({ "runId": id(Kind::Run, run), "businessReference": { "contains": "acme-" } });
    let data = world.data(&admin, plan, json!({ "filter": filter })).await;
    assert_eq!(
        data["retryPlan"],
        json!({ "total": 3, "retryable": 3, "notRetryable": 0, "alreadyWritten": 0 })
    );

    let skip = "mutation ($id: ID!) { skipFailures(input: { failureIds: [$id], reason: \"a test\" }) {
        skipped userErrors { code }
    } }";
    let data = world.data(&admin, skip, json!({ "id": ids[0] })).await;
    assert_eq!(data["skipFailures"]["skipped"], 1);

    let input = json!({ "input": { "filter": filter, "idempotencyKey": "once" } });
    let first = world.data(&admin, retry, input.clone()).await["retryFailures"].clone();
    assert_eq!(problems(&first), []);
    assert_eq!((&first["retry"]["total"], &first["retry"]["remaining"]), (&json!(2), &json!(2)));
    assert_eq!(first["retry"]["runs"]["edges"][0]["node"]["trigger"], "RETRY");
    let again = world.data(&admin, retry, input).await["retryFailures"].clone();
    assert_eq!(again["retry"]["id"], first["retry"]["id"]);

    let cancel = "mutation ($id: ID!) { cancelRetry(input: { retryId: $id }) {
        retry { status } userErrors { code field }
    } }";
    let data = world.data(&admin, cancel, json!({ "id": first["retry"]["id"] })).await;
    assert_eq!(data["cancelRetry"]["retry"]["status"], "CANCELED");
    let data = world.data(&admin, cancel, json!({ "id": first["retry"]["id"] })).await;
    assert_eq!(problems(&data["cancelRetry"]), [problem("CONFLICT", &["retryId"])]);
}

#[tokio::test]
async fn every_node_is_found_by_its_id() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let run = world.failed_run(&customer, 1).await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    let partner = world.person(Role::Partner, &customer.tenant).await;
    let start = "mutation { retryFailures(input: { filter: {} }) { retry { id } } }";
    let retry = world.data(&partner, start, json!({})).await["retryFailures"]["retry"]["id"].clone();
    let query = "{ viewer { user { id } tenant {
        id
        systems { edges { node { id } } }
        integrations { edges { node { id } } }
        runs(orderBy: { direction: ASC }) { edges { node { id events { edges { node { id type } } } } } }
        failures { edges { node { id } } }
    } } }";
    let data = world.data(&admin, query, json!({})).await;
    let tenant = &data["viewer"]["tenant"];
    let run_node = &tenant["runs"]["edges"][0]["node"];
    assert_eq!(run_node["id"], id(Kind::Run, run));
    let node = "query ($id: ID!) { node(id: $id) { id __typename } }";
    for (name, id) in [
        ("Tenant", &tenant["id"]),
        ("User", &data["viewer"]["user"]["id"]),
        ("System", &tenant["systems"]["edges"][0]["node"]["id"]),
        ("Integration", &tenant["integrations"]["edges"][0]["node"]["id"]),
        ("Run", &run_node["id"]),
        ("RunEvent", &run_node["events"]["edges"][0]["node"]["id"]),
        ("Failure", &tenant["failures"]["edges"][0]["node"]["id"]),
        ("Retry", &retry),
    ] {
        let found = world.data(&admin, node, json!({ "id": id })).await;
        assert_eq!(found["node"], json!({ "id": id, "__typename": name }));
    }
    let engineer = world.person(Role::Engineer, &customer.tenant).await;
    let keys =
        world.data(&engineer, "{ apiKeys { edges { node { id tenants { slug } } } } }", json!({})).await;
    let key = &keys["apiKeys"]["edges"][0]["node"];
    assert_eq!(key["tenants"], json!([{ "slug": "acme" }]));
    let found = world.data(&engineer, node, json!({ "id": key["id"] })).await;
    assert_eq!(found["node"], json!({ "id": key["id"], "__typename": "ApiKey" }));
}
