//! Signing in at a real OpenID Connect provider: who comes in, as whom and with which role, and what is not believed.
//! Deliberately absent: who may configure a provider (`access`).

use serde_json::{Value, json};
use sqlx::Executor;

use crate::harness::client::Client;
use crate::harness::fixture::PASSWORD;
use crate::harness::oidc::{Oidc, PORTAL};
use crate::harness::trestle::{ADMIN_EMAIL, Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, nodes, postgres_rows, sqlite_rows, text};

const SIGNED_IN: &str = "accessToken viewer { role user { id email name } tenant { id } permissions }";

/// How often two are tried at once: not each time do they meet.
const TURNS: usize = 10;

/// Comes back from the provider; who that is here, or why it is refused.
async fn finish(client: &Client, input: &Value) -> Result<Value, String> {
    let response = client.try_mutate("finishSingleSignOn", input, SIGNED_IN).await;
    let payload = response.data("finishSingleSignOn")["finishSingleSignOn"].clone();
    match payload["userErrors"].as_array().unwrap().first() {
        None => Ok(payload),
        Some(error) => {
            assert_eq!(error["code"], "UNAUTHENTICATED", "{payload:#}");
            assert!(payload["accessToken"].is_null(), "{payload:#}");
            Err(text(&error["message"]))
        }
    }
}

async fn sign_in(oidc: &Oidc, client: &Client, provider: &str, subject: &str) -> Result<Value, String> {
    finish(client, &oidc.come_back(client, provider, subject).await).await
}

fn role(signed_in: &Result<Value, String>) -> &str {
    match signed_in {
        Ok(payload) => payload["viewer"]["role"].as_str().unwrap(),
        Err(message) => message,
    }
}

const NO_ACCOUNT: &str = "you have no account here; your administrator can make one";
const NO_ROLE: &str = "your identity provider gives you no role here; tell your administrator";
const NO_EMAIL: &str =
    "your identity provider names no mail address that it verified; tell your administrator";
const DISABLED: &str = "your account is disabled; your administrator can tell you why";
const NOT_CONFIRMED: &str = "the identity provider did not confirm who you are";
const USED: &str = "this sign-in has ended or was used; start again";

#[tokio::test]
async fn people_come_in_with_the_role_that_their_groups_give_them_now() {
    let mut oidc = Oidc::start().await;
    let trestle = Trestle::embedded().await;
    let scene = Scene::of(&trestle).await;
    let administrator = scene.person("TENANT_ADMIN").await;
    let client = trestle.client();
    let groups = |groups: &[&str]| json!({"email": "Ada@acme.example", "email_verified": true, "name": "Ada L.", "realm_access": {"roles": groups}});
    oidc.person("ada", groups(&["staff", "operators"]));
    let changes = json!({
        "createsUsers": true, "roleClaim": "/realm_access/roles",
        "roleMapping": [{"value": "admins", "role": "TENANT_ADMIN"}, {"value": "operators", "role": "TENANT_MEMBER"}],
    });
    let provider = oidc.register(&administrator, changes).await;

    let first = sign_in(&oidc, &client, &provider, "ada").await.expect("she comes in");
    let viewer = &first["viewer"];
    assert_eq!(viewer["role"], "TENANT_MEMBER");
    assert_eq!(viewer["tenant"]["id"], json!(scene.tenant.id));
    assert_eq!(
        (&viewer["user"]["email"], &viewer["user"]["name"]),
        (&json!("ada@acme.example"), &json!("Ada L."))
    );
    let by_password = json!({"email": "ada@acme.example", "password": PASSWORD});
    assert_eq!(
        client.refused("signIn", by_password).await[0].code,
        "UNAUTHENTICATED",
        "nobody has a password"
    );
    let ada = client.with_token(&text(&first["accessToken"]));
    ada.query("{ failures { edges { node { id } } } }", Value::Null).await;

    // The same person, whatever she is called there by now, with the role of now.
    let mut renamed = groups(&["admins", "operators"]);
    renamed["email"] = json!("countess@acme.example");
    oidc.person("ada", renamed);
    let second = sign_in(&oidc, &client, &provider, "ada").await.expect("she comes in");
    assert_eq!(second["viewer"]["user"]["id"], first["viewer"]["user"]["id"]);
    assert_eq!(second["viewer"]["role"], "TENANT_ADMIN");
    let role_of_first = ada.query("{ viewer { role } }", Value::Null).await;
    assert_eq!(role_of_first["viewer"]["role"], "TENANT_ADMIN", "it is of the person, not of a session");
    oidc.person("ada", groups(&["nobody"]));
    assert_eq!(role(&sign_in(&oidc, &client, &provider, "ada").await), NO_ROLE);
    let input = json!({"identityProviderId": provider, "defaultRole": "TENANT_VIEWER"});
    administrator.mutate("updateIdentityProvider", input, "identityProvider { id }").await;
    assert_eq!(role(&sign_in(&oidc, &client, &provider, "ada").await), "TENANT_VIEWER");

    administrator
        .mutate("disableUser", json!({"userId": first["viewer"]["user"]["id"]}), "user { id }")
        .await;
    assert_eq!(role(&sign_in(&oidc, &client, &provider, "ada").await), DISABLED);

    // The tenant's administrators read of it.
    let query = "query($filter: AuditEntryFilter) { auditEntries(filter: $filter) { edges { node { outcome detail } } } }";
    let filter = json!({"filter": {"operation": ["finishSingleSignOn"], "outcome": ["SUCCEEDED"]}});
    let log = administrator.query(query, filter).await;
    let details: Vec<_> = nodes(&log["auditEntries"]).iter().map(|entry| text(&entry["detail"])).collect();
    assert_eq!(details, ["by Acme login", "by Acme login", "as a new user by Acme login"]);
    let query = "query($filter: AuditEntryFilter) { auditEntries(filter: $filter) { edges { node { objectId detail } } } }";
    let filter = json!({"filter": {"operation": ["finishSingleSignOn"], "outcome": ["REJECTED"]}});
    let refused = json!({"objectId": provider, "detail": "UNAUTHENTICATED"});
    let log = administrator.query(query, filter).await;
    assert_eq!(nodes(&log["auditEntries"]), [refused.clone(), refused], "who has no role, and is disabled");
    // Neither secret is stored in the clear.
    let database = trestle.data_dir().join("trestle.db");
    let stored = "SELECT quote(sealed_client_secret) FROM identity_provider";
    assert!(!sqlite_rows(&database, stored).await[0].contains(&hex("a secret")), "it is encrypted");
    assert_eq!(sqlite_rows(&database, "SELECT CAST(COUNT(*) AS TEXT) FROM sign_on_attempt").await, ["0"]);
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

#[tokio::test]
async fn who_comes_for_the_first_time_in_two_windows_at_once_is_one_person() {
    let mut oidc = Oidc::start().await;
    for trestle in [Trestle::embedded().await, Trestle::split(0).await] {
        let scene = Scene::of(&trestle).await;
        let administrator = scene.person("TENANT_ADMIN").await;
        let changes = json!({"createsUsers": true, "defaultRole": "TENANT_VIEWER"});
        let provider = oidc.register(&administrator, changes).await;
        let client = trestle.client();
        let by_email = scene.person("TENANT_MEMBER").await;
        let query = "{ viewer { user { email } } }";
        let known = text(&by_email.query(query, Value::Null).await["viewer"]["user"]["email"]);
        for turn in 0..TURNS {
            // Somebody who is here already is linked at once, everybody else is made.
            let email = if turn == 0 { known.clone() } else { format!("twin-{turn}@acme.example") };
            let subject = format!("{turn} of {}", scene.tenant.slug);
            oidc.person(&subject, json!({"email": email, "email_verified": true}));
            let (one, other) = (
                oidc.come_back(&client, &provider, &subject).await,
                oidc.come_back(&client, &provider, &subject).await,
            );
            let (one, other) = tokio::join!(finish(&client, &one), finish(&client, &other));
            let id = |came: Result<Value, String>| text(&came.expect("they come in")["viewer"]["user"]["id"]);
            assert_eq!(id(one), id(other), "turn {turn}");
        }
    }
}

#[tokio::test]
async fn changes_of_a_provider_at_once_are_all_kept_and_none_is_made_to_one_that_is_gone() {
    let oidc = Oidc::start().await;
    for trestle in [Trestle::embedded().await, Trestle::split(0).await] {
        let scene = Scene::of(&trestle).await;
        let administrator = scene.person("TENANT_ADMIN").await;
        let provider = oidc.register(&administrator, json!({})).await;
        let call = async |name: &str, change: Value, fields: &str| {
            let mut input = json!({"identityProviderId": provider});
            input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let payload = administrator.try_mutate(name, &input, fields).await.data(name)[name].clone();
            match payload["userErrors"].as_array().unwrap().first() {
                None => Ok(payload["identityProvider"].clone()),
                Some(error) => Err(format!("{} {}", text(&error["code"]), text(&error["field"][0]))),
            }
        };
        let fields = "identityProvider { name clientId createsUsers trustsEmail }";
        let change = async |change| call("updateIdentityProvider", change, fields).await;
        for turn in 0..TURNS {
            let (name, client_id, is_on) = (format!("name {turn}"), format!("client {turn}"), turn % 2 == 0);
            let (one, other, third) = tokio::join!(
                change(json!({"name": name})),
                change(json!({"clientId": client_id})),
                change(json!({"createsUsers": is_on, "trustsEmail": is_on})),
            );
            assert!(one.is_ok() && other.is_ok() && third.is_ok(), "{one:?} {other:?} {third:?}");
            let expected =
                json!({"name": name, "clientId": client_id, "createsUsers": is_on, "trustsEmail": is_on});
            assert_eq!(change(json!({})).await, Ok(expected), "turn {turn}");
        }
        // Each alone is well; together they would map values of no claim.
        change(json!({"roleClaim": "groups"})).await.expect("well");
        let mapping = json!({"roleMapping": [{"value": "admins", "role": "TENANT_ADMIN"}]});
        let (one, other) = tokio::join!(change(mapping), change(json!({"roleClaim": null})));
        let refused = Err("REQUIRED roleClaim".to_owned());
        assert!(one.is_ok() != other.is_ok() && [&one, &other].contains(&&refused), "{one:?} {other:?}");

        let delete = async || call("deleteIdentityProvider", json!({}), "deletedIdentityProviderId").await;
        let (one, other, late) = tokio::join!(delete(), delete(), change(json!({"name": "late"})));
        let gone = Err("NOT_FOUND identityProviderId".to_owned());
        assert!(one.is_ok() != other.is_ok() && [&one, &other].contains(&&gone), "{one:?} {other:?}");
        assert!(late.is_ok() || late == gone, "{late:?}");
        assert_eq!(change(json!({"name": "later"})).await, gone);
    }
}

#[tokio::test]
async fn removing_a_provider_ends_the_session_that_is_being_stored_too() {
    let mut oidc = Oidc::start().await;
    let trestle = Trestle::split(0).await;
    let scene = Scene::of(&trestle).await;
    let (administrator, client) = (scene.person("TENANT_ADMIN").await, trestle.client());
    oidc.person("ada", json!({"email": "ada@acme.example", "email_verified": true}));
    let changes = json!({"createsUsers": true, "defaultRole": "TENANT_VIEWER"});
    let provider = oidc.register(&administrator, changes).await;
    sign_in(&oidc, &client, &provider, "ada").await.expect("she comes in");
    let back = oidc.come_back(&client, &provider, "ada").await;

    // The audit log takes no entry for now, so she waits with a session that nobody else sees yet.
    let database = &trestle.stores().database;
    let mut fault = database.connect().await;
    fault.execute("BEGIN; LOCK TABLE audit_entry IN SHARE MODE").await.unwrap();
    let waiting = async |expected: &str| {
        let sql = "SELECT COUNT(*)::text FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let count = async || {
            let count = postgres_rows(database, sql).await;
            if count == [expected] { Ok(()) } else { Err(count) }
        };
        until("so many wait for a lock", SOON, count).await;
    };
    let remove = async {
        waiting("1").await;
        let input = json!({"identityProviderId": provider});
        administrator.mutate("deleteIdentityProvider", input, "deletedIdentityProviderId").await
    };
    let release = async {
        waiting("2").await;
        fault.execute("ROLLBACK").await.unwrap();
    };
    // Whether she reads of a session before it ends does not matter.
    let (_came, _removed, ()) = tokio::join!(finish(&client, &back), remove, release);
    let open = "SELECT COUNT(*)::text FROM session
        WHERE ended_at IS NULL AND user_id = (SELECT id FROM \"user\" WHERE email = 'ada@acme.example')";
    assert_eq!(postgres_rows(database, open).await, ["0"]);
}

#[tokio::test]
async fn a_provider_speaks_for_its_own_people_only() {
    let mut oidc = Oidc::start().await;
    let trestle = Trestle::embedded().await;
    let (scene, other) = (Scene::of(&trestle).await, Scene::of(&trestle).await);
    let administrator = scene.person("TENANT_ADMIN").await;
    let email = async |person: &Client| {
        text(&person.query("{ viewer { user { email } } }", Value::Null).await["viewer"]["user"]["email"])
    };
    let colleague = email(&scene.person("TENANT_MEMBER").await).await;
    let stranger = email(&other.person("TENANT_ADMIN").await).await;
    let staff = email(&scene.person("ENGINEER").await).await;
    let verified = |email: &str| json!({"email": email, "email_verified": true});
    oidc.person("colleague", verified(&colleague));
    oidc.person("stranger", verified(&stranger));
    oidc.person("staff", verified(&staff));
    oidc.person("new", verified("new@acme.example"));
    oidc.person("unverified", json!({"email": "other@acme.example", "email_verified": false}));
    oidc.person("silent", json!({"email": colleague}));
    oidc.person("nameless", json!({}));
    let client = trestle.client();
    let provider = oidc.register(&administrator, json!({"defaultRole": "TENANT_ADMIN"})).await;
    let come = async |subject: &str| role(&sign_in(&oidc, &client, &provider, subject).await).to_owned();

    assert_eq!(come("silent").await, NO_EMAIL, "an address that it did not verify makes nobody a colleague");
    // Somebody who is here already, with the role that they have here.
    assert_eq!(come("colleague").await, "TENANT_MEMBER");
    for subject in ["stranger", "staff", "new"] {
        assert_eq!(come(subject).await, NO_ACCOUNT, "{subject}");
    }
    let input = json!({"identityProviderId": provider, "createsUsers": true});
    administrator.mutate("updateIdentityProvider", input, "identityProvider { id }").await;
    for subject in ["stranger", "staff"] {
        assert_eq!(come(subject).await, NO_ACCOUNT, "{subject} of somebody else");
    }
    assert_eq!(come("unverified").await, NO_EMAIL);
    assert_eq!(come("nameless").await, NO_EMAIL);
    assert_eq!(come("new").await, "TENANT_ADMIN");
    let input = json!({"identityProviderId": provider, "trustsEmail": true});
    administrator.mutate("updateIdentityProvider", input, "identityProvider { id }").await;
    assert_eq!(come("unverified").await, "TENANT_ADMIN");

    // Nor can its administrator give roles of the staff by it.
    let staff_roles = json!({
        "defaultRole": "PLATFORM_ADMIN", "roleClaim": "groups", "roleMapping": [{"value": "a", "role": "SUPPORT"}],
    });
    let refused = administrator.refused("createIdentityProvider", oidc.input(staff_roles)).await;
    let fields: Vec<_> = refused.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["defaultRole", "roleMapping.0.role"]);
    let of_other = json!({"tenantId": other.tenant.id});
    assert_eq!(
        administrator.refused("createIdentityProvider", oidc.input(of_other)).await[0].code,
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn staff_come_in_by_their_own_provider_and_the_last_administrator_stays_one() {
    let mut oidc = Oidc::start().await;
    let setup = Setup::new().setting("TRESTLE_REQUIRE_STAFF_TOTP", "true");
    let trestle = setup.embedded().await;
    // By password a second factor is due; whoever comes from a provider was asked for it there.
    let administrator = trestle.admin().await;
    let viewer = administrator.query("{ viewer { permissions } }", Value::Null).await;
    assert_eq!(viewer["viewer"]["permissions"], json!([]));
    crate::scene::sqlite_execute(
        &trestle.data_dir().join("trestle.db"),
        "UPDATE user SET second_factor_at = '2026-01-01T00:00:00+00:00'",
    )
    .await;
    let groups = |groups: &[&str]| json!({"email": ADMIN_EMAIL, "email_verified": true, "groups": groups});
    let changes = json!({
        "clientId": "in the body", "roleClaim": "groups",
        "roleMapping": [{"value": "admins", "role": "PLATFORM_ADMIN"}, {"value": "support", "role": "SUPPORT"}],
    });
    let provider = oidc.register(&administrator, changes).await;
    oidc.person("root", groups(&["support"]));
    let client = trestle.client();
    let signed_in = sign_in(&oidc, &client, &provider, "root").await;
    assert_eq!(role(&signed_in), "PLATFORM_ADMIN", "somebody must be able to mend it");
    oidc.person(
        "sam",
        json!({"email": "sam@operator.example", "email_verified": true, "groups": ["support"]}),
    );
    let input = json!({"identityProviderId": provider, "createsUsers": true});
    administrator.mutate("updateIdentityProvider", input, "identityProvider { id }").await;
    let sam = sign_in(&oidc, &client, &provider, "sam").await.expect("he comes in");
    assert_eq!((&sam["viewer"]["role"], &sam["viewer"]["tenant"]), (&json!("SUPPORT"), &Value::Null));
    assert!(sam["viewer"]["permissions"].as_array().unwrap().len() > 5, "no second factor is due: {sam:#}");

    // Removed, it ends what began there.
    let sam = client.with_token(&text(&sam["accessToken"]));
    let input = json!({"identityProviderId": provider});
    administrator.mutate("deleteIdentityProvider", input, "deletedIdentityProviderId").await;
    assert_eq!(
        sam.try_query("{ viewer { role } }", Value::Null).await.status,
        reqwest::StatusCode::UNAUTHORIZED
    );
    let start = json!({"identityProviderId": provider, "redirectUri": PORTAL});
    assert_eq!(client.refused("startSingleSignOn", start).await[0].code, "NOT_FOUND");
}

#[tokio::test]
async fn what_a_provider_did_not_sign_for_this_sign_in_is_not_believed() {
    let mut oidc = Oidc::start().await;
    let scene = Scene::shared().await;
    let administrator = scene.person("TENANT_ADMIN").await;
    let email = format!("{}@acme.example", scene.tenant.slug);
    oidc.person("ada", json!({"email": email, "email_verified": true}));
    let changes = json!({"clientId": "public", "clientSecret": null, "createsUsers": true, "defaultRole": "TENANT_MEMBER"});
    let provider = oidc.register(&administrator, changes).await;
    let client = Client::anonymous(scene.admin().url());

    for lie in ["issuer", "audience", "nonce", "no nonce", "expired", "key", "no signature", "cut signature"]
    {
        oidc.tamper(Some(lie));
        let refused = sign_in(&oidc, &client, &provider, "ada").await.expect_err(lie);
        assert!(refused.starts_with(NOT_CONFIRMED), "{lie}: {refused}");
    }
    oidc.tamper(Some("nothing"));
    sign_in(&oidc, &client, &provider, "ada").await.expect("signed anew, and true");
    oidc.tamper(None);

    // Each part must be of the same browser's attempt.
    let mine = oidc.come_back(&client, &provider, "ada").await;
    let other = oidc.come_back(&client, &provider, "ada").await;
    let with = |name: &str, value: &Value| {
        let mut input = mine.clone();
        input[name] = value.clone();
        input
    };
    for input in [
        with("secret", &other["secret"]),
        with("state", &other["state"]),
        with("secret", &mine["state"]),
        with("state", &json!("")),
        with("secret", &json!("trb_".to_owned() + &"a".repeat(81))),
    ] {
        assert_eq!(finish(&client, &input).await, Err(USED.to_owned()), "{input}");
    }
    let refused =
        finish(&client, &with("code", &other["code"])).await.expect_err("a code of another attempt");
    assert!(refused.starts_with(NOT_CONFIRMED), "{refused}");
    assert_eq!(finish(&client, &mine).await, Err(USED.to_owned()), "a state comes back once");
    finish(&client, &other).await.expect("the other one is good still");
    assert_eq!(finish(&client, &other).await, Err(USED.to_owned()));

    let elsewhere = json!({"identityProviderId": provider, "redirectUri": format!("{PORTAL}/else")});
    assert_eq!(client.refused("startSingleSignOn", elsewhere).await[0].field, "redirectUri");
}

#[tokio::test]
async fn keys_that_the_provider_changed_are_known_and_its_silence_is_told() {
    let mut oidc = Oidc::start().await;
    let scene = Scene::shared().await;
    let administrator = scene.person("TENANT_ADMIN").await;
    let email = format!("{}@globex.example", scene.tenant.slug);
    oidc.person("ada", json!({"email": email, "email_verified": true}));
    let provider =
        oidc.register(&administrator, json!({"createsUsers": true, "defaultRole": "TENANT_MEMBER"})).await;
    let client = Client::anonymous(scene.admin().url());
    sign_in(&oidc, &client, &provider, "ada").await.expect("she comes in");
    oidc.kill9();
    let start = json!({"identityProviderId": provider, "redirectUri": PORTAL});
    assert_eq!(client.refused("startSingleSignOn", start).await[0].code, "CONFLICT");
    let refused = administrator.refused("createIdentityProvider", oidc.input(json!({}))).await;
    assert_eq!((refused[0].code.as_str(), refused[0].field.as_str()), ("INVALID", "issuer"));
    // Everybody else signs in as ever.
    let email = text(
        &administrator.query("{ viewer { user { email } } }", Value::Null).await["viewer"]["user"]["email"],
    );
    client.sign_in(&email, PASSWORD).await;
    oidc.start_again().await;
    sign_in(&oidc, &client, &provider, "ada").await.expect("with keys that nobody has seen before");
}

#[tokio::test]
async fn a_provider_that_is_none_is_told_field_by_field_and_reaches_nothing_inside() {
    let oidc = Oidc::start().await;
    let trestle = Trestle::embedded().await;
    let scene = Scene::of(&trestle).await;
    let administrator = scene.person("TENANT_ADMIN").await;
    let input = oidc.input(json!({
        "name": "", "issuer": "ftp://login.example", "clientId": "", "clientSecret": "",
        "redirectUris": ["http://portal.example/", "https://portal.example/#here", "no URL"],
        "roleMapping": [{"value": "", "role": "PARTNER"}],
    }));
    let refused = administrator.refused("createIdentityProvider", input).await;
    let fields: Vec<_> = refused.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "name",
            "clientId",
            "clientSecret",
            "redirectUris.0",
            "redirectUris.1",
            "redirectUris.2",
            "issuer",
            "roleMapping.0.role",
            "roleMapping.0.value",
            "roleClaim",
        ]
    );
    for (issuer, said) in [
        // Another name than it gives itself.
        (oidc.issuer().replace("127.0.0.1", "localhost"), "names another issuer"),
        (format!("{}/graphql", trestle.url()), "configuration"),
        ("https://10.0.0.1".to_owned(), "not allowed"),
        ("https://[::ffff:169.254.169.254]".to_owned(), "not allowed"),
    ] {
        let refused =
            administrator.refused("createIdentityProvider", oidc.input(json!({"issuer": issuer}))).await;
        assert_eq!((refused[0].code.as_str(), refused[0].field.as_str()), ("INVALID", "issuer"), "{issuer}");
        assert!(refused[0].message.contains(said), "{issuer}: {}", refused[0].message);
    }
}
