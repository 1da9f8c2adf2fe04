//! Access tokens: had once for everybody, renewed once by everybody, and what becomes of a renewal that is interrupted.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Place, all_arrived};
use crate::harness::authorization_server::{AuthorizationServer, CLIENT_SECRET, RECORDS, public};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, changed_stream, impatient, postgres_rows, sqlite_rows};

/// Longer than the lease of who renews: 30 s.
const LEASE_LIMIT: Duration = Duration::from_secs(90);

#[tokio::test]
async fn a_client_gets_one_token_for_all_runs_and_two_workers() {
    let server = AuthorizationServer::start().await;
    let trestle = Trestle::split(2).await;
    let place = Place::with(&trestle, &server, server.own_config(json!({})), server.credentials()).await;
    let before = place.system().await["authorization"].clone();
    assert_eq!(
        before,
        json!({
            "grant": "CLIENT_CREDENTIALS", "status": "NOT_CONNECTED", "connectedAt": null, "expiresAt": null,
            "scopes": ["orders:read"],
        })
    );
    all_arrived(&place.run_many().await);
    let tested = place
        .scene
        .admin()
        .mutate("testSystem", json!({"systemId": place.system}), "system { status }")
        .await;
    assert_eq!(tested["system"]["status"], "HEALTHY");
    assert_eq!(server.asked().await, 1, "one token for all");
    let after = place.system().await["authorization"].clone();
    assert_eq!((&after["status"], &after["scopes"]), (&json!("CONNECTED"), &json!(["orders:read"])));
    assert_ne!(after["expiresAt"], Value::Null);

    // One that the API refuses is followed by another one.
    server.end_tokens().await;
    let destination = changed_stream(json!({"path": "orders"}), json!({"path": "orders"}), json!({}));
    let both = place.scene.integration(&place.system, &place.system, destination).await;
    all_arrived(&[place.scene.run(&both).await]);
    assert_eq!(server.taken().await, RECORDS, "it is written to with a token, too");
    assert_eq!(server.asked().await, 2);
}

#[tokio::test]
async fn a_client_that_is_not_known_is_told_so_and_mended() {
    let server = AuthorizationServer::start().await;
    let trestle = Trestle::embedded().await;
    let wrong = json!({"clientId": "trestle", "clientSecret": "another"});
    let config = server.own_config(json!({"clientAuthentication": "basic"}));
    let place = Place::with(&trestle, &server, config, wrong).await;
    let test = json!({"systemId": place.system});
    let selection = "system { status statusMessage }";
    let admin = place.scene.admin();
    let refused = admin.mutate("testSystem", test.clone(), selection).await["system"].clone();
    assert_eq!(
        refused,
        json!({
            "status": "REAUTH_REQUIRED",
            "statusMessage": "The system refuses the sign-in: its authorization server does not accept the client: check \
                              `clientId` and `clientSecret`. Renew its credentials, then test it again.",
        })
    );
    let integration = place.reading("orders").await;
    let failed = place.scene.run(&integration).await;
    assert_eq!(failed["failure"]["code"], "source.unauthorized", "{failed:#}");
    for id in ["trestle", "in the body"] {
        let mut oauth2 = server.own_config(json!({}))["oauth2"].clone();
        oauth2["clientAuthentication"] = json!(if id == "trestle" { "basic" } else { "post" });
        let mut config = server.own_config(json!({}));
        config["oauth2"] = oauth2;
        let input = json!({
            "systemId": place.system, "config": config,
            "credentials": {"clientId": id, "clientSecret": CLIENT_SECRET},
        });
        admin.mutate("updateSystem", input, "system { id }").await;
        let healthy = admin.mutate("testSystem", test.clone(), selection).await["system"].clone();
        assert_eq!(healthy["status"], "HEALTHY", "{healthy:#}");
    }
    all_arrived(&[place.scene.run(&integration).await]);
    // What the config or the credentials lack is said before anything is asked.
    for (credentials, missing) in
        [(json!({"clientId": "trestle"}), "clientSecret"), (Value::Null, "clientId")]
    {
        let input = json!({"systemId": place.system, "credentials": credentials});
        admin.mutate("updateSystem", input, "system { id }").await;
        let lacking = admin.mutate("testSystem", test.clone(), selection).await["system"].clone();
        assert_eq!(lacking["status"], "REAUTH_REQUIRED");
        let message = lacking["statusMessage"].as_str().unwrap();
        assert!(message.contains(&format!("the credentials have no {missing}")), "{message}");
    }
}

async fn a_token_that_has_ended_is_renewed_once(trestle: &Trestle) {
    let server = AuthorizationServer::start().await;
    let place = Place::connected(trestle, &server).await;
    server.end_tokens().await;
    all_arrived(&place.run_many().await);
    assert_eq!(server.answered("refresh_token", 200).await, 1, "all were refused, one has renewed it");
    assert_eq!(server.answered("refresh_token", 400).await, 0);
    // A second time, with the refresh token that came with it.
    server.end_tokens().await;
    let integration = place.reading("again").await;
    all_arrived(&[place.scene.run(&integration).await]);
    assert_eq!(server.answered("refresh_token", 200).await, 2);
    assert_eq!(place.system().await["authorization"]["status"], "CONNECTED");
}

#[tokio::test]
async fn a_token_that_has_ended_is_renewed_once_by_two_workers() {
    a_token_that_has_ended_is_renewed_once(&public(Setup::new()).split(2).await).await;
}

#[tokio::test]
async fn a_token_that_has_ended_is_renewed_once_when_all_is_in_one_process() {
    a_token_that_has_ended_is_renewed_once(&public(Setup::new()).embedded().await).await;
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end_and_a_server_that_is_down_ends_nothing() {
    let server = AuthorizationServer::start().await;
    let trestle = public(impatient()).split(2).await;
    server.tokens_live(40);
    let place = Place::connected(&trestle, &server).await;
    let integration = place.reading("orders").await;
    let exchanged = server.asked().await;
    all_arrived(&[place.scene.run(&integration).await]);
    assert_eq!(server.asked().await, exchanged, "it is good for a while");

    // At half of its life it is to be renewed; that this can't be is nothing to a run while it is good.
    server.fault(json!(503));
    until("a renewal is tried", SOON, async || {
        all_arrived(&[place.scene.run(&integration).await]);
        let asked = server.asked().await;
        if asked > exchanged { Ok(()) } else { Err(asked) }
    })
    .await;
    // Then it has ended, and the run waits for the server.
    server.end_tokens().await;
    server.fault(json!(429));
    let run = place.scene.fixture.start_run(&integration).await;
    place.scene.event(&run, "retry.scheduled").await;
    assert_eq!(place.scene.status(&run).await, "RUNNING");
    let system = place.system().await;
    assert_ne!(system["status"], "REAUTH_REQUIRED", "{system:#}");
    assert_eq!(system["authorization"]["status"], "CONNECTED");
    server.fault(Value::Null);
    all_arrived(&[place.scene.fixture.finished_run(&run).await]);
    assert_eq!(place.system().await["status"], "HEALTHY");
}

#[tokio::test]
async fn a_worker_that_dies_while_it_renews_is_followed_by_another() {
    let server = AuthorizationServer::start().await;
    let mut trestle = public(Setup::new()).lease_seconds(2).split(1).await;
    let (run, scene) = {
        let place = Place::connected(&trestle, &server).await;
        let integration = place.reading("orders").await;
        server.end_tokens().await;
        server.fault(json!("wait"));
        let asked = server.asked().await;
        let run = place.scene.fixture.start_run(&integration).await;
        until("it asks for another token", SOON, async || match server.asked().await {
            now if now > asked => Ok(()),
            now => Err(now),
        })
        .await;
        (run, place.scene)
    };
    trestle.worker(0).kill9();
    server.fault(Value::Null);
    trestle.add_worker();
    let ended = until("the run ends", LEASE_LIMIT, async || {
        let now = scene.fixture.run(&run).await;
        if matches!(now["status"].as_str(), Some("QUEUED" | "RUNNING")) { Err(now) } else { Ok(now) }
    })
    .await;
    all_arrived(&[ended]);
    assert_eq!(server.answered("refresh_token", 200).await, 1);
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_tried_again_and_said_when_that_is_refused() {
    let server = AuthorizationServer::start().await;
    let trestle = public(impatient()).embedded().await;
    let place = Place::connected(&trestle, &server).await;
    let integration = place.reading("orders").await;
    server.end_tokens().await;
    server.fault(json!("lose answer"));
    let run = place.scene.fixture.start_run(&integration).await;
    until("the server has counted a renewal", SOON, async || {
        match server.answered("refresh_token", 200).await {
            0 => Err(0),
            _ => Ok(()),
        }
    })
    .await;
    server.fault(Value::Null);
    let failed = place.scene.fixture.finished_run(&run).await;
    assert_eq!(
        (&failed["status"], &failed["failure"]["code"]),
        (&json!("FAILED"), &json!("source.unauthorized"))
    );
    let system = place.system().await;
    assert_eq!(
        (&system["status"], &system["authorization"]["status"]),
        (&json!("REAUTH_REQUIRED"), &json!("ENDED"))
    );
    assert_eq!(
        system["statusMessage"],
        "The system refuses its sign-in: renewing it was interrupted, and it can't be taken up again. Connect it again."
    );
    place.connect().await;
    place.retried(&integration).await;
}

/// Looks for secrets in everything that can be read without a key.
#[tokio::test]
async fn tokens_and_secrets_are_in_no_answer_no_log_and_no_row() {
    let server = AuthorizationServer::start().await;
    let embedded = public(Setup::new().setting("TRESTLE_LOG", "debug")).embedded().await;
    let split = public(Setup::new().setting("TRESTLE_LOG", "debug")).split(1).await;
    for trestle in [&embedded, &split] {
        let place = Place::connected(trestle, &server).await;
        let link = place.link(json!({})).await;
        let integration = place.reading("orders").await;
        all_arrived(&[place.scene.run(&integration).await]);
        server.end_tokens().await;
        all_arrived(&[place.scene.run(&integration).await]);
        // The API names the token that it refuses.
        server.withdraw().await;
        let run = place.scene.run(&integration).await;
        assert_eq!(run["status"], "FAILED", "{run:#}");
        let told = format!(
            "{run} {:?} {} {:?}",
            place.scene.events(place.scene.admin(), run["id"].as_str().unwrap()).await,
            place.system().await,
            place.scene.failures(&run).await,
        );
        let sealed = "SELECT CAST(count(sealed_tokens) AS TEXT) FROM system_grant";
        let hashes = "SELECT CAST(count(*) AS TEXT) FROM connect_link";
        let counts = async |sql: &str| match trestle.is_split() {
            true => postgres_rows(&trestle.stores().database, sql).await,
            false => sqlite_rows(&trestle.data_dir().join("trestle.db"), sql).await,
        };
        assert_eq!(counts(sealed).await, ["0"], "what has ended is not kept");
        assert_eq!(counts(hashes).await, ["2"]);
        let stored = if trestle.is_split() {
            String::new()
        } else {
            let bytes =
                ["trestle.db", "trestle.db-wal"].map(|name| std::fs::read(trestle.data_dir().join(name)));
            bytes.into_iter().flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
        };
        let token = link.rsplit('/').next().unwrap().to_owned();
        for secret in server.secrets().await.into_iter().chain([CLIENT_SECRET.to_owned(), token]) {
            for (what, text) in [("an answer", &told), ("the log", &trestle.log()), ("a row", &stored)] {
                assert!(!text.contains(&secret), "{secret} is in {what}");
            }
        }
    }
}

#[tokio::test]
async fn access_of_another_client_or_for_another_place_is_not_used() {
    let server = AuthorizationServer::start().await;
    let trestle = public(Setup::new()).embedded().await;
    let place = Place::connected(&trestle, &server).await;
    let admin = place.scene.admin();
    let update = async |changes: Value| {
        let mut input = json!({"systemId": place.system});
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        let selection = "system { status statusMessage authorization { status } }";
        admin.mutate("updateSystem", input, selection).await["system"].clone()
    };
    // The same client, whose secret was changed at the server: it keeps what it has.
    let kept = update(json!({"credentials": server.credentials()})).await;
    assert_eq!(kept["authorization"]["status"], "CONNECTED", "{kept:#}");
    let mut patient = server.config(json!({}));
    patient["timeoutMs"] = json!(10_000);
    let kept = update(json!({"config": patient})).await;
    assert_eq!(
        (&kept["status"], &kept["authorization"]["status"]),
        (&json!("UNTESTED"), &json!("CONNECTED"))
    );

    let ended = json!({
        "status": "REAUTH_REQUIRED", "statusMessage": "It was connected with other settings. Connect it again.",
        "authorization": {"status": "NOT_CONNECTED"},
    });
    let mut elsewhere = server.config(json!({}));
    elsewhere["baseUrl"] = json!("https://elsewhere.example");
    for changes in [
        json!({"credentials": {"clientId": "in the body", "clientSecret": CLIENT_SECRET}}),
        json!({"config": elsewhere, "credentials": server.credentials()}),
        json!({"config": server.config(json!({"scopes": []})), "credentials": server.credentials()}),
    ] {
        update(json!({"config": server.config(json!({})), "credentials": server.credentials()})).await;
        place.connect().await;
        assert_eq!(place.system().await["authorization"]["status"], "CONNECTED");
        assert_eq!(update(changes).await, ended);
    }
    // Without credentials a config that sends them elsewhere is refused, so nothing ends by mistake.
    let input = json!({"systemId": place.system, "config": server.own_config(json!({}))});
    let refused = admin.refused("updateSystem", input).await;
    assert_eq!((refused[0].code.as_str(), refused[0].field.as_str()), ("REQUIRED", "credentials"));
    let deleted = admin.mutate("deleteSystem", json!({"systemId": place.system}), "deletedSystemId").await;
    assert_eq!(deleted["deletedSystemId"], place.system);
}

#[tokio::test]
async fn a_config_that_says_too_little_or_too_much_is_refused_at_its_places() {
    let scene = Scene::shared().await;
    let refused = async |config: Value| {
        let input = json!({"tenantId": scene.tenant.id, "name": "x", "connector": "http", "config": config});
        let errors = scene.admin().refused("createSystem", input).await;
        errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
    };
    let base = "https://api.example";
    assert_eq!(refused(json!({"baseUrl": base, "auth": "oauth2"})).await, ["config.oauth2"]);
    let token_url = "https://login.example/token";
    for (oauth2, places) in [
        (json!({"grant": "authorization_code", "tokenUrl": token_url}), ["config.oauth2.authorizationUrl"]),
        (
            json!({"grant": "client_credentials", "tokenUrl": "http://login.example/"}),
            ["config.oauth2.tokenUrl"],
        ),
        (
            json!({"grant": "client_credentials", "tokenUrl": token_url, "extraParameters": {"client_secret": "x"}}),
            ["config.oauth2.extraParameters"],
        ),
    ] {
        assert_eq!(refused(json!({"baseUrl": base, "auth": "oauth2", "oauth2": oauth2})).await, places);
    }
}
