//! Live updates reach who may see them, as a query would answer, and nobody else.

use async_graphql::Response;
use domain::id::Kind;
use domain::{Role, run};
use futures::stream::{BoxStream, StreamExt};
use serde_json::{Value, json};

use super::world::{PATIENCE, Person, World, codes, id};

struct Listener(BoxStream<'static, Response>);

impl Listener {
    async fn next(&mut self) -> Value {
        let response = tokio::time::timeout(PATIENCE, self.0.next()).await.unwrap().unwrap();
        serde_json::to_value(response).unwrap()
    }

    /// Whether the stream is over.
    async fn ends(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, self.0.next()).await.unwrap().is_none()
    }
}

fn listen(world: &World, person: Option<&Person>, query: &str, variables: Value) -> Listener {
    Listener(world.schema.execute_stream(world.request(person, query, variables)).boxed())
}

const RUN: &str = "subscription ($run: ID, $integration: ID) {
    runChanged(runId: $run, integrationId: $integration) { id status tenant { slug } failures { edges { node { id } } } }
}";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_as_it_is_now_and_after_each_change() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    let run = run::start(&admin.actor, customer.integration_id, None).await.unwrap();
    let run_id = id(Kind::Run, run.id);
    let mut listener = listen(&world, Some(&admin), RUN, json!({ "run": run_id }));
    let answer = listener.next().await;
    let expected = |status: &str| {
        json!({ "runChanged": {
            "id": run_id, "status": status, "tenant": { "slug": "acme" }, "failures": { "edges": [] },
        } })
    };
    assert_eq!(answer["data"], expected("QUEUED"), "{answer}");
    run::cancel(&admin.actor, run.id).await.unwrap();
    assert_eq!(listener.next().await["data"], expected("CANCELED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_changes_are_not_told() {
    let world = World::new().await;
    let (ours, theirs) = (world.customer("acme").await, world.customer("globex").await);
    let admin = world.person(Role::TenantAdmin, &ours.tenant).await;
    let engineer = world.person(Role::Engineer, &ours.tenant).await;
    let mut listener = listen(&world, Some(&admin), RUN, json!({}));
    let mut staff = listen(&world, Some(&engineer), RUN, json!({}));
    // Polled once, both listen from here on.
    for listener in [&mut listener, &mut staff] {
        assert!(futures::poll!(listener.0.next()).is_pending());
    }
    let their_run = run::start(&world.operator, theirs.integration_id, None).await.unwrap();
    let told = staff.next().await;
    assert_eq!(told["data"]["runChanged"]["id"], id(Kind::Run, their_run.id));
    let our_run = run::start(&world.operator, ours.integration_id, None).await.unwrap();
    assert_eq!(listener.next().await["data"]["runChanged"]["id"], id(Kind::Run, our_run.id));

    for variables in [
        json!({ "run": id(Kind::Run, their_run.id) }),
        json!({ "integration": id(Kind::Integration, theirs.integration_id) }),
        json!({ "run": id(Kind::Run, our_run.id), "integration": "nonsense" }),
    ] {
        let mut refused = listen(&world, Some(&admin), RUN, variables.clone());
        assert_eq!(codes(&refused.next().await), ["NOT_FOUND"], "{variables}");
        assert!(refused.ends().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_nothing() {
    let world = World::new().await;
    let mut listener = listen(&world, None, RUN, json!({}));
    assert_eq!(codes(&listener.next().await), ["UNAUTHENTICATED"]);
    assert!(listener.ends().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_and_retries_are_told() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let admin = world.person(Role::TenantAdmin, &customer.tenant).await;
    let query = "subscription ($id: ID!) { failureChanged(integrationId: $id) { id status record } }";
    let integration = json!({ "id": id(Kind::Integration, customer.integration_id) });
    let mut failures = listen(&world, Some(&admin), query, integration);
    let run = {
        let (told, run) = tokio::join!(failures.next(), world.failed_run(&customer, 1));
        assert_eq!(told["data"]["failureChanged"]["status"], "OPEN", "{told}");
        assert_eq!(told["data"]["failureChanged"]["record"]["id"], "acme-000");
        run
    };
    let failure = world.failures_of(run).await[0];
    let start = "mutation ($id: ID!) { retryFailures(input: { failureIds: [$id] }) { retry { id } } }";
    let data = world.data(&admin, start, json!({ "id": id(Kind::Failure, failure) })).await;
    let retry = json!({ "id": data["retryFailures"]["retry"]["id"] });
    let query = "subscription ($id: ID!) { retryChanged(retryId: $id) { status remaining } }";
    let mut retries = listen(&world, Some(&admin), query, retry.clone());
    let first = retries.next().await;
    assert_eq!(first["data"]["retryChanged"], json!({ "status": "QUEUED", "remaining": 1 }), "{first}");
    let cancel = "mutation ($id: ID!) { cancelRetry(input: { retryId: $id }) { userErrors { code } } }";
    world.data(&admin, cancel, retry).await;
    assert_eq!(retries.next().await["data"]["retryChanged"]["status"], "CANCELED");
    let skip = "mutation ($id: ID!) { skipFailures(input: { failureIds: [$id] }) { skipped } }";
    world.data(&admin, skip, json!({ "id": id(Kind::Failure, failure) })).await;
    while failures.next().await["data"]["failureChanged"]["status"] != "SKIPPED" {}
}
