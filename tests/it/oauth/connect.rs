//! Connect links: the way to the authorization server and back, who can't take it, and what goes on when a system that has
//! lost its access is connected again.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Place, all_arrived};
use crate::harness::authorization_server::{AuthorizationServer, Browser, PUBLIC_URL, RECORDS, public};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, nodes, text};

#[tokio::test]
async fn somebody_connects_a_system_and_its_records_arrive() {
    let server = AuthorizationServer::start().await;
    let trestle = public(Setup::new()).embedded().await;
    let place = Place::new(&trestle, &server).await;
    let admin = place.scene.admin();
    let integration = place.reading("orders").await;
    let failed = place.scene.run(&integration).await;
    assert_eq!(failed["failure"]["code"], "source.unauthorized", "{failed:#}");
    let system = place.system().await;
    assert_eq!(
        (&system["status"], &system["statusMessage"]),
        (
            &json!("REAUTH_REQUIRED"),
            &json!("The system refuses its sign-in: nobody has connected it yet. Connect it again.")
        )
    );

    let link = place.link(json!({})).await;
    assert!(link.starts_with(&format!("{PUBLIC_URL}/connect/trl_")), "{link}");
    let mut browser = Browser::default();
    // Programs open links, too: that uses nothing up.
    for _ in 0..3 {
        assert_eq!(Browser::default().open(&trestle, &link).await.status, StatusCode::OK);
    }
    let page = browser.open(&trestle, &link).await;
    assert!(page.text.contains(&format!("The {} company", place.scene.tenant.slug)), "{}", page.text);
    assert!(page.text.contains("Continue to 127.0.0.1"), "{}", page.text);
    assert!(!page.text.contains("<script"), "{}", page.text);
    assert!(page.policy.starts_with("default-src 'none'; style-src 'nonce-"), "{}", page.policy);
    let url = page.link();
    let query =
        |name: &str| url.query_pairs().find(|(of, _)| of == name).map(|(_, value)| value.into_owned());
    assert_eq!(query("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(query("redirect_uri"), Some(format!("{PUBLIC_URL}/oauth/callback")));
    assert_eq!(query("scope").as_deref(), Some("orders:read"));
    let back = server.give_access(url, "ada").await;
    let done = browser.open(&trestle, back.as_str()).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    assert!(done.text.contains("is connected") && done.text.contains("tried again now"), "{}", done.text);

    // What could not go on is retried by itself.
    place.retried(&integration).await;
    assert_eq!(place.scene.runs_of(&integration).await.len(), 2);
    assert_eq!(place.arrived("orders").await, RECORDS);
    assert_eq!(place.scene.status(&text(&failed["id"])).await, "RECOVERED");
    let told = place.scene.event(&text(&failed["id"]), "system.reauthorized").await;
    assert_eq!((&told["audience"], &told["component"]), (&json!("CUSTOMER"), &json!("source")));
    let connected = place.system().await;
    assert_eq!(connected["status"], "HEALTHY");
    let authorization = &connected["authorization"];
    assert_eq!(
        (&authorization["grant"], &authorization["status"], &authorization["scopes"]),
        (&json!("AUTHORIZATION_CODE"), &json!("CONNECTED"), &json!(["orders:read"]))
    );
    assert_ne!(authorization["connectedAt"], Value::Null);

    // The link is good once, and so is what came back.
    for page in [browser.open(&trestle, &link).await, Browser::default().open(&trestle, &link).await] {
        assert_eq!(page.status, StatusCode::GONE, "{page:?}");
    }
    assert_eq!(browser.open(&trestle, back.as_str()).await.status, StatusCode::BAD_REQUEST);
    let query = "{ auditEntries(filter: {operation: [\"connectSystem\", \"createConnectLink\"]}) {
        edges { node { operation outcome objectId detail } } } }";
    let log = nodes(&admin.query(query, Value::Null).await["auditEntries"]);
    let entries: Vec<String> = log
        .iter()
        .filter(|entry| entry["objectId"] == place.system)
        .map(|entry| {
            format!("{} {} {}", text(&entry["operation"]), text(&entry["outcome"]), text(&entry["detail"]))
        })
        .collect();
    assert_eq!(entries.len(), 2, "{log:#?}");
    assert!(entries[0].starts_with("connectSystem SUCCEEDED by a link of "), "{entries:?}");
    assert_eq!(entries[1], "createConnectLink SUCCEEDED good for 1440 minutes");
}

#[tokio::test]
async fn who_comes_back_from_another_server_connects_nothing() {
    let server = AuthorizationServer::start().await;
    let trestle = public(Setup::new()).embedded().await;
    let config = server.config(json!({"issuer": server.url()}));
    let place = Place::with(&trestle, &server, config, server.credentials()).await;
    let mut browser = Browser::default();
    let page = browser.open(&trestle, &place.link(json!({})).await).await;
    let back = server.give_access(page.link(), "ada").await;
    let with = |issuer: Option<&str>| {
        let mut url = back.clone();
        let others: Vec<(String, String)> =
            back.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
        url.query_pairs_mut().clear().extend_pairs(others).extend_pairs(issuer.map(|issuer| ("iss", issuer)));
        url
    };
    for wrong in
        [with(None), with(Some("https://elsewhere.example")), with(Some(&format!("{}/", server.url())))]
    {
        let page = browser.open(&trestle, wrong.as_str()).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{wrong}: {page:?}");
        assert!(page.text.contains("does not come from the authorization server"), "{}", page.text);
    }
    assert_eq!(server.asked().await, 0, "the code was shown to nobody");
    assert_eq!(place.system().await["authorization"]["status"], "NOT_CONNECTED");
    let done = browser.open(&trestle, back.as_str()).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
}

#[tokio::test]
async fn access_that_is_given_up_is_revoked_where_the_config_says_how() {
    let server = AuthorizationServer::start().await;
    let trestle = public(Setup::new()).embedded().await;
    let url = format!("{}/token/revocation", server.url());
    let connected = async |changes: Value| {
        let config = server.config(changes);
        let place = Place::with(&trestle, &server, config, server.credentials()).await;
        place.connect().await;
        place
    };
    let revoked = async |count: usize| {
        until("the server was told", SOON, async || {
            let now = server.answered("revocation", 200).await;
            if now == count { Ok(()) } else { Err(now) }
        })
        .await;
    };
    let delete = async |place: &Place<'_>| {
        let input = json!({"systemId": place.system});
        place.scene.admin().mutate("deleteSystem", input, "").await;
    };
    let place = connected(json!({"revocationUrl": url})).await;
    delete(&place).await;
    revoked(1).await;
    // Other settings are another client's: what was given to the one before is told by its own.
    let place = connected(json!({"revocationUrl": url})).await;
    let other = json!({
        "systemId": place.system, "config": server.config(json!({"revocationUrl": url, "scopes": []})),
        "credentials": server.credentials(),
    });
    place.scene.admin().mutate("updateSystem", other, "system { id }").await;
    revoked(2).await;
    // That it can't be told keeps nothing; and where it is not to be told, nobody is.
    let place = connected(json!({"revocationUrl": format!("{}/nowhere", server.url())})).await;
    delete(&place).await;
    let place = connected(json!({})).await;
    delete(&place).await;
    until("the log says what could not be told", SOON, async || {
        let log = trestle.log();
        if log.contains("access could not be revoked") { Ok(()) } else { Err(log) }
    })
    .await;
    assert_eq!(server.answered("revocation", 200).await, 2);
}

async fn access_that_was_withdrawn_is_given_again(trestle: &Trestle) {
    let server = AuthorizationServer::start().await;
    let place = Place::connected(trestle, &server).await;
    let admin = place.scene.admin();
    let mut integrations = Vec::new();
    for name in ["first", "second", "third"] {
        integrations.push(place.reading(name).await);
    }
    // One is held by the first failure, and one was paused by a person before.
    let hold = json!({"integrationId": integrations[1], "holdAfter": 1});
    admin.mutate("updateIntegration", hold, "integration { id }").await;
    server.withdraw().await;
    let mut failed = Vec::new();
    for integration in &integrations {
        failed.push(place.scene.run(integration).await);
    }
    for run in &failed {
        assert_eq!(run["failure"]["code"], "source.unauthorized", "{run:#}");
        assert!(
            place.scene.event_types(&text(&run["id"])).await.contains(&"system.reauth_required".to_owned())
        );
    }
    assert_eq!(server.answered("refresh_token", 400).await, 1, "a refusal is final: it is asked for once");
    let lost = place.system().await;
    assert_eq!(
        (&lost["status"], &lost["authorization"]["status"]),
        (&json!("REAUTH_REQUIRED"), &json!("ENDED")),
        "{lost:#}"
    );
    let pause = json!({"integrationId": integrations[2], "reason": "we look into it"});
    admin.mutate("pauseIntegration", pause, "integration { id }").await;
    let status = async |integration: &str| {
        let query = "query($id: ID!) { integration(id: $id) { status } }";
        text(&admin.query(query, json!({"id": integration})).await["integration"]["status"])
    };
    assert_eq!(status(&integrations[1]).await, "HELD");

    place.connect().await;
    assert_eq!(status(&integrations[1]).await, "ACTIVE", "its cause is gone");
    assert_eq!(status(&integrations[2]).await, "PAUSED", "a person knows why");
    for (integration, table) in integrations.iter().zip(["first", "second"]) {
        place.retried(integration).await;
        assert_eq!(place.arrived(table).await, RECORDS);
    }
    for run in &failed[..2] {
        place
            .scene
            .run_until("the run is recovered", &text(&run["id"]), |run| run["status"] == "RECOVERED")
            .await;
    }
    admin.mutate("resumeIntegration", json!({"integrationId": integrations[2]}), "integration { id }").await;
    place.retried(&integrations[2]).await;
    assert_eq!(place.system().await["status"], "HEALTHY");
}

#[tokio::test]
async fn access_that_was_withdrawn_is_given_again_and_what_failed_arrives() {
    access_that_was_withdrawn_is_given_again(&public(Setup::new()).embedded().await).await;
}

#[tokio::test]
async fn access_that_was_withdrawn_is_given_again_and_what_failed_arrives_with_two_workers() {
    access_that_was_withdrawn_is_given_again(&public(Setup::new()).split(2).await).await;
}

#[tokio::test]
async fn nobody_comes_back_in_place_of_another() {
    let server = AuthorizationServer::start().await;
    let trestle = public(Setup::new()).embedded().await;
    let place = Place::new(&trestle, &server).await;
    let link = place.link(json!({})).await;
    let is_unchanged = async || assert_eq!(place.system().await["authorization"]["status"], "NOT_CONNECTED");
    let refused = async |browser: &mut Browser, url: &str, status: StatusCode| {
        let page = browser.open(&trestle, url).await;
        assert_eq!(page.status, status, "{url}: {page:?}");
        is_unchanged().await;
    };

    // An attacker's code in a browser that began nothing, or began by itself.
    let (mut attacker, mut victim) = (Browser::default(), Browser::default());
    let own = attacker.open(&trestle, &link).await.link();
    let attackers = server.give_access(own, "mallory").await;
    refused(&mut victim, attackers.as_str(), StatusCode::BAD_REQUEST).await;
    let victims = victim.open(&trestle, &link).await.link();
    refused(&mut victim, attackers.as_str(), StatusCode::BAD_REQUEST).await;
    // The attacker's code with the victim's state: it was asked for with another PKCE challenge.
    let code = attackers.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let state = victims.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let swapped = format!("{PUBLIC_URL}/oauth/callback?code={code}&state={state}");
    refused(&mut victim, &swapped, StatusCode::BAD_GATEWAY).await;
    for nonsense in [
        "/oauth/callback".to_owned(),
        "/oauth/callback?code=x".to_owned(),
        format!("/oauth/callback?code=x&state={}", state.replace("trc_", "trs_")),
        format!("/oauth/callback?code=x&state={state}x"),
        format!("/oauth/callback?code=x&code=y&state={state}&state={state}"),
    ] {
        refused(&mut victim, &format!("{PUBLIC_URL}{nonsense}"), StatusCode::BAD_REQUEST).await;
    }
    for (error, status) in [
        ("access_denied", StatusCode::OK),
        ("temporarily_unavailable", StatusCode::BAD_GATEWAY),
        ("%3Cscript%3E", StatusCode::BAD_GATEWAY),
    ] {
        let url =
            format!("{PUBLIC_URL}/oauth/callback?error={error}&error_description=%3Cb%3E&state={state}");
        let page = victim.open(&trestle, &url).await;
        assert_eq!(page.status, status, "{page:?}");
        assert!(!page.text.contains("<script") && !page.text.contains("<b>"), "{}", page.text);
        is_unchanged().await;
    }
    for nonsense in
        ["/connect/x", "/connect/trl_", &format!("/connect/{}x", link.rsplit('/').next().unwrap())]
    {
        let mut browser = Browser::default();
        refused(&mut browser, &format!("{PUBLIC_URL}{nonsense}"), StatusCode::GONE).await;
    }
    // After all that the one who began comes back.
    let back = server.give_access(victims, "ada").await;
    assert_eq!(victim.open(&trestle, back.as_str()).await.status, StatusCode::OK);
    assert_eq!(place.system().await["authorization"]["status"], "CONNECTED");
}

#[tokio::test]
async fn who_says_no_changes_nothing_and_goes_back_to_where_they_came_from() {
    let server = AuthorizationServer::start().await;
    let trestle = public(Setup::new()).embedded().await;
    let place = Place::new(&trestle, &server).await;
    let portal = "https://portal.example/systems?tab=1";
    let link = place.link(json!({"returnUrl": portal, "expiresInMinutes": 10})).await;
    let sent_to = |page: &crate::harness::authorization_server::Page, outcome: &str| {
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{page:?}");
        let url = page.location.as_ref().unwrap().as_str();
        assert_eq!(url, format!("{portal}&systemId={}&outcome={outcome}", place.system));
    };
    sent_to(&server.connect(&trestle, &link, "nobody").await, "denied");
    assert_eq!(place.system().await["authorization"]["status"], "NOT_CONNECTED");
    sent_to(&server.connect(&trestle, &link, "ada").await, "connected");
    let integration = place.reading("orders").await;
    all_arrived(&[place.scene.run(&integration).await]);
}

#[tokio::test]
async fn a_client_without_a_secret_is_connected_too() {
    let server = AuthorizationServer::start().await;
    let trestle = public(Setup::new()).embedded().await;
    let place = Place::with(&trestle, &server, server.config(json!({})), json!({"clientId": "public"})).await;
    place.connect().await;
    server.end_tokens().await;
    let integration = place.reading("orders").await;
    all_arrived(&[place.scene.run(&integration).await]);
    assert_eq!(server.answered("refresh_token", 200).await, 1);
}

#[tokio::test]
async fn a_link_is_made_only_for_what_can_be_connected_and_leads_nowhere_else() {
    let server = AuthorizationServer::start().await;
    let trestle = public(Setup::new()).embedded().await;
    let place = Place::new(&trestle, &server).await;
    let admin = place.scene.admin();
    let refused = async |input: Value| {
        let errors = admin.refused("createConnectLink", input).await;
        errors.into_iter().map(|error| format!("{} {}", error.code, error.field)).collect::<Vec<_>>()
    };
    for url in
        ["https://elsewhere.example/", "https://portal.example.evil.example/", "javascript:alert(1)", ""]
    {
        assert_eq!(refused(json!({"systemId": place.system, "returnUrl": url})).await, ["INVALID returnUrl"]);
    }
    for minutes in [-1, 0, 9, 10_081] {
        let input = json!({"systemId": place.system, "expiresInMinutes": minutes, "returnUrl": "x"});
        assert_eq!(refused(input).await, ["INVALID expiresInMinutes", "INVALID returnUrl"], "{minutes}");
    }
    let own = server.own_config(json!({}));
    let own = place.scene.fixture.system(&place.scene.tenant, "http", own, server.credentials()).await;
    let bare =
        place.scene.fixture.system(&place.scene.tenant, "http", server.config(json!({})), Value::Null).await;
    let sqlite = place.scene.sqlite_system("out.db").await;
    for system in [own, bare, sqlite] {
        assert_eq!(refused(json!({"systemId": system})).await, ["CONFLICT systemId"]);
    }
    for _ in 0..20 {
        place.link(json!({})).await;
    }
    assert_eq!(refused(json!({"systemId": place.system})).await, ["LIMIT_REACHED systemId"]);
    let without = Scene::shared().await;
    let system =
        without.fixture.system(&without.tenant, "http", server.config(json!({})), server.credentials()).await;
    let errors = without.admin().refused("createConnectLink", json!({"systemId": system})).await;
    assert_eq!(errors[0].code, "NOT_CONFIGURED");
}
