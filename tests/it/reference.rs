//! Credentials that are references to a secret store of the operator: fetched when they are used, each tenant's own
//! only, and never kept. AWS Secrets Manager is moto's server; Vault's protocol is tried beside its client.

use serde_json::{Value, json};

use crate::harness::fixture::stream;
use crate::harness::moto::{Moto, REGION};
use crate::harness::outside::{Outside, Pagination};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, impatient, into_table};

/// Seconds that a fetched secret is kept.
const KEPT_SECONDS: u32 = 1;

fn with_store(moto: &Moto) -> Setup {
    impatient()
        .setting("TRESTLE_AWS_REGION", REGION)
        .setting("TRESTLE_AWS_ENDPOINT", moto.url())
        .setting("TRESTLE_AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .setting("TRESTLE_AWS_SECRET_ACCESS_KEY", "the-key-of-the-operator")
        .setting("TRESTLE_SECRET_CACHE_SECONDS", KEPT_SECONDS)
}

fn refer(name: &str) -> Value {
    json!({"$aws": {"name": name}})
}

/// A system of the scene's tenant whose credentials are this reference.
async fn system(scene: &Scene, outside: &Outside, credentials: Value) -> String {
    let mut config = outside.config();
    config["auth"] = json!("bearer");
    scene.fixture.system(&scene.tenant, "http", config, credentials).await
}

/// What testing a system says.
async fn tested(scene: &Scene, system: &str) -> (String, String) {
    let selection = "system { status statusMessage }";
    let found = scene.admin().mutate("testSystem", json!({"systemId": system}), selection).await;
    let word = |name: &str| found["system"][name].as_str().unwrap_or_default().to_owned();
    (word("status"), word("statusMessage"))
}

fn assert_not_logged(trestle: &Trestle, secrets: &[&str]) {
    let log = trestle.log();
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} was logged");
    }
}

#[tokio::test]
async fn a_secret_is_fetched_when_it_is_used_and_followed_when_it_changes() {
    let (moto, outside) = (Moto::start().await, Outside::with_records(20));
    let trestle = with_store(&moto).embedded().await;
    let scene = Scene::of(&trestle).await;
    let place = |name: &str| format!("trestle/{}/{name}", scene.tenant.slug);
    outside.require_bearer("first-token");
    moto.create(&place("shop/api"), &json!({"token": "first-token"})).await;
    let http = system(&scene, &outside, refer("shop/api")).await;
    assert_eq!(tested(&scene, &http).await.0, "HEALTHY");

    let sqlite = scene.sqlite_system("out.db").await;
    let moves = stream(outside.source_options(Pagination::Page), into_table("records"));
    let integration = scene.integration(&http, &sqlite, moves).await;
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");

    // The token is renewed in the store alone.
    outside.require_bearer("second-token");
    moto.put(&place("shop/api"), &json!({"token": "second-token"})).await;
    until("the new token is used", SOON, async || match tested(&scene, &http).await {
        (status, _message) if status == "HEALTHY" => Ok(()),
        other => Err(other),
    })
    .await;
    assert_eq!(scene.run(&integration).await["status"], "SUCCEEDED");

    // Without its secret the run fails, in words; nothing of other secrets is in them.
    moto.delete(&place("shop/api")).await;
    until("its absence is noticed", SOON, async || match tested(&scene, &http).await {
        (status, message) if status == "FAILING" && message.contains("no secret of this name") => Ok(()),
        other => Err(other),
    })
    .await;
    let run = scene.run(&integration).await;
    assert_eq!((&run["status"], &run["failure"]["stage"]), (&json!("FAILED"), &json!("EXTRACT")), "{run:#}");
    assert_not_logged(&trestle, &["first-token", "second-token", "the-key-of-the-operator"]);
}

#[tokio::test]
async fn a_reference_reaches_the_secrets_of_its_own_tenant_only() {
    let (moto, outside) = (Moto::start().await, Outside::with_records(1));
    let trestle = with_store(&moto).embedded().await;
    let (scene, elsewhere) = (Scene::of(&trestle).await, Scene::of(&trestle).await);
    let theirs = format!("trestle/{}/shop", elsewhere.tenant.slug);
    moto.create(&theirs, &json!({"token": "not-for-others"})).await;
    moto.create("operator", &json!({"token": "not-for-anybody"})).await;
    outside.require_bearer("not-for-others");
    let own = system(&elsewhere, &outside, refer("shop")).await;
    assert_eq!(tested(&elsewhere, &own).await.0, "HEALTHY");

    // The same name is another secret for another tenant.
    let other = system(&scene, &outside, refer("shop")).await;
    assert_eq!(tested(&scene, &other).await.0, "FAILING");
    let name = |credentials: Value| {
        let mut config = outside.config();
        config["auth"] = json!("bearer");
        json!({"tenantId": scene.tenant.id, "name": "x", "connector": "http", "config": config, "credentials": credentials})
    };
    let admin = scene.person("TENANT_ADMIN").await;
    for credentials in [
        refer(&format!("../{}/shop", elsewhere.tenant.slug)),
        refer("../../operator"),
        refer("/operator"),
        refer(""),
        refer("shop*"),
        refer("arn:aws:secretsmanager:eu-central-1:123456789012:secret:operator"),
        json!({"$aws": {"name": "shop", "region": "us-east-1"}}),
        json!({"$vault": {"path": "shop"}}),
        json!({"$env": {"name": "TRESTLE_SECRET_KEY"}}),
    ] {
        let errors = admin.refused("createSystem", name(credentials.clone())).await;
        assert_eq!(
            errors.iter().map(|error| (error.code.as_str(), error.field.as_str())).collect::<Vec<_>>(),
            [("INVALID", "credentials")],
            "{credentials}"
        );
    }
    assert_not_logged(&trestle, &["not-for-others", "not-for-anybody"]);

    // What the store has must be what the connector takes, and is not told when it is not.
    moto.create(&format!("trestle/{}/odd", scene.tenant.slug), &json!({"pass": "odd-secret"})).await;
    let odd = system(&scene, &outside, refer("odd")).await;
    let (status, message) = tested(&scene, &odd).await;
    assert!(status == "FAILING" && message.contains("is not what this kind of system takes"), "{message}");
    assert!(!message.contains("pass") && !message.contains("odd-secret"), "{message}");
}
