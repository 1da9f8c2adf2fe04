//! How people come in, by mail and with a second factor, through the real program and a real mail server. When which
//! token ends, and what locks, is in `domain/tests/suite/identity`, by a clock that is moved.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};
use uuid::Uuid;

use crate::harness::client::Client;
use crate::harness::fixture::Fixture;
use crate::harness::smtp::{Mode, SENDER, Smtp};
use crate::harness::trestle::{ADMIN_EMAIL, ADMIN_PASSWORD, Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::scene::{nodes, text};

const PASSWORD: &str = "nine plain words are a very good password";
const NEW_PASSWORD: &str = "ten plain words are an even better password";
const INVITATION: &str = "invitation { id email name role status mail expiresAt }";

/// Longer than a worker has for one mail, and a first few waits: one that is killed may have had one.
const AFTER_A_LEASE: Duration = Duration::from_secs(240);

/// An address that nobody else has.
fn address() -> String {
    format!("{}@example.com", Uuid::now_v7().simple())
}

/// A person of the staff: their id and address.
async fn person(fixture: &Fixture) -> (String, String) {
    let email = address();
    let input = json!({"email": email, "name": "Ada", "role": "SUPPORT", "password": PASSWORD});
    let payload = fixture.admin().mutate("createUser", input, "user { id }").await;
    (text(&payload["user"]["id"]), email)
}

async fn is_signed_in(client: &Client) -> bool {
    client.try_query("{ viewer { role } }", Value::Null).await.status.is_success()
}

/// Code and field of the one thing that is wrong.
async fn problem(client: &Client, name: &str, input: Value) -> (String, String) {
    let mut errors = client.refused(name, input).await;
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = errors.remove(0);
    (error.code, error.field)
}

fn pair(code: &str, field: &str) -> (String, String) {
    (code.to_owned(), field.to_owned())
}

fn app(secret: &Value) -> Totp {
    let secret = Secret::try_from_base32(text(secret)).expect("base 32");
    Builder::new().with_secret(secret).build().expect("a secret")
}

fn code(app: &Totp, ahead: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    app.generate(now + ahead * 30).to_string()
}

async fn invite(client: &Client, role: &str, tenant: Option<&str>) -> (String, Value) {
    let email = address();
    let input = json!({"email": email, "name": "Sam", "role": role, "tenantId": tenant});
    (email, client.mutate("inviteUser", input, INVITATION).await["invitation"].clone())
}

async fn invitations(client: &Client) -> Vec<Value> {
    let query = "{ invitations(first: 100) { edges { node { email status mail user { email } } } } }";
    nodes(&client.query(query, Value::Null).await["invitations"])
}

#[tokio::test]
async fn invited_people_choose_a_password_and_are_in() {
    let smtp = Smtp::start(Mode::Plain).await;
    let trestle = smtp.setup(Setup::new()).embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let tenant = fixture.tenant("acme").await;
    let admin = fixture.user("TENANT_ADMIN", Some(&tenant)).await;
    let (email, invitation) = invite(&admin, "TENANT_MEMBER", None).await;
    assert_eq!(
        (&invitation["email"], &invitation["role"], &invitation["status"], &invitation["mail"]),
        (&json!(email), &json!("TENANT_MEMBER"), &json!("PENDING"), &json!("QUEUED"))
    );
    let mail = smtp.mails_to(&email, 1).await.remove(0);
    assert_eq!((mail.from.as_str(), mail.user.as_deref()), (SENDER, None));
    assert_eq!(mail.header("From").as_deref(), Some("Trestle <trestle@example.com>"));
    assert_eq!(mail.header("Subject").as_deref(), Some("You are invited to Trestle"));
    assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert!(mail.text().contains("invites you to Trestle for The acme company"), "{}", mail.text());
    until("the invitation tells that it went out", SOON, async || {
        let all = invitations(&admin).await;
        if all[0]["mail"] == "SENT" { Ok(()) } else { Err(all) }
    })
    .await;

    let token = mail.token();
    let weak = json!({"token": token, "password": "password123"});
    assert_eq!(problem(&trestle.client(), "acceptInvitation", weak).await, pair("INVALID", "password"));
    let input = json!({"token": token, "password": PASSWORD, "name": "Samira"});
    let selection = "accessToken refreshToken viewer { role user { name email secondFactor } tenant { id } }";
    let payload = trestle.client().mutate("acceptInvitation", input.clone(), selection).await;
    let user = json!({"name": "Samira", "email": email, "secondFactor": false});
    assert_eq!(
        payload["viewer"],
        json!({"role": "TENANT_MEMBER", "user": user, "tenant": {"id": tenant.id}})
    );
    assert!(is_signed_in(&trestle.client().with_token(&text(&payload["accessToken"]))).await);
    trestle.client().sign_in(&email, PASSWORD).await;
    assert_eq!(problem(&trestle.client(), "acceptInvitation", input).await, pair("INVALID", "token"));
    let all = invitations(&admin).await;
    assert_eq!((&all[0]["status"], &all[0]["user"]["email"]), (&json!("ACCEPTED"), &json!(email)));

    // Sent again and taken back.
    let (email, invitation) = invite(&admin, "TENANT_VIEWER", None).await;
    let first = smtp.mails_to(&email, 1).await.remove(0).token();
    let id = json!({"invitationId": invitation["id"]});
    admin.mutate("resendInvitation", id.clone(), INVITATION).await;
    let second = smtp.mails_to(&email, 2).await.remove(1).token();
    let accept = |token: &str| json!({"token": token, "password": PASSWORD});
    assert_eq!(
        problem(&trestle.client(), "acceptInvitation", accept(&first)).await,
        pair("INVALID", "token")
    );
    let revoked = admin.mutate("revokeInvitation", id, INVITATION).await;
    assert_eq!(revoked["invitation"]["status"], "REVOKED");
    assert_eq!(
        problem(&trestle.client(), "acceptInvitation", accept(&second)).await,
        pair("INVALID", "token")
    );
    for secret in [token.as_str(), first.as_str(), second.as_str(), PASSWORD, email.as_str()] {
        assert!(!trestle.log().contains(secret), "no token, password or address is logged");
    }
}

#[tokio::test]
async fn mails_wait_for_a_mail_server_that_was_killed_and_go_once() {
    let mut smtp = Smtp::start(Mode::Plain).await;
    let mut trestle = smtp.setup(Setup::new()).split(2).await;
    let admin = trestle.admin().await;
    smtp.kill9();
    let mut emails = Vec::new();
    for _ in 0..5 {
        emails.push(invite(&admin, "SUPPORT", None).await.0);
    }
    until("the workers notice", SOON, async || {
        let log = trestle.log();
        if log.contains("the mail server cannot be used") { Ok(()) } else { Err(log) }
    })
    .await;
    // The workers die, too: what waits is in the database.
    trestle.kill9();
    smtp.start_again().await;
    trestle.start().await;
    until("every mail has gone", AFTER_A_LEASE, async || {
        let count = smtp.mails().len();
        if count >= emails.len() { Ok(()) } else { Err(count) }
    })
    .await;
    let admin = trestle.admin().await;
    until("all are marked as sent", SOON, async || {
        let all = invitations(&admin).await;
        if all.iter().all(|one| one["mail"] == "SENT") { Ok(()) } else { Err(all) }
    })
    .await;
    let mut to: Vec<_> = smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
    to.sort();
    emails.sort();
    assert_eq!(to, emails, "each once");
}

#[tokio::test]
async fn what_the_mail_server_refuses_holds_nothing_up_and_is_told() {
    let smtp = Smtp::start(Mode::Plain).await;
    let trestle = smtp.setup(Setup::new()).embedded().await;
    let admin = trestle.admin().await;
    let nobody = format!("nobody-here-{}", address());
    let input = json!({"email": nobody, "name": "Nobody", "role": "SUPPORT"});
    admin.mutate("inviteUser", input, INVITATION).await;
    let (email, _) = invite(&admin, "SUPPORT", None).await;
    smtp.mails_to(&email, 1).await;
    until("the refusal is logged", SOON, async || {
        let log = trestle.log();
        if log.contains("the mail server refused a mail") { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(!trestle.log().contains(&nobody), "without the address: {}", trestle.log());
    assert_eq!(smtp.mails().len(), 1);
}

#[tokio::test]
async fn mails_are_encrypted_unless_the_operator_says_otherwise() {
    for mode in [Mode::StartTls, Mode::Tls] {
        let smtp = Smtp::start(mode).await;
        let trestle = smtp.setup(Setup::new()).embedded().await;
        let (email, _) = invite(&trestle.admin().await, "SUPPORT", None).await;
        let mail = smtp.mails_to(&email, 1).await.remove(0);
        assert_eq!((mail.secure, mail.user.as_deref()), (true, Some("trestle")), "{mode:?}");
        drop(trestle);

        // A certificate of somebody else's: nothing is said, neither who signs in nor the mail.
        let setup = smtp.setup(Setup::new()).setting("SSL_CERT_FILE", other_authority().display());
        let trestle = setup.embedded().await;
        let (email, _) = invite(&trestle.admin().await, "SUPPORT", None).await;
        until("the certificate is refused", SOON, async || {
            let log = trestle.log();
            if log.contains("the mail server cannot be used") { Ok(()) } else { Err(log) }
        })
        .await;
        assert!(smtp.mails().iter().all(|mail| mail.to != [email.as_str()]), "{mode:?}");
        assert_eq!(invitations(&trestle.admin().await).await[0]["mail"], "QUEUED");
    }
    // A server that does not offer STARTTLS is not spoken to in plain text.
    let smtp = Smtp::start(Mode::Plain).await;
    let url = format!("smtp://localhost:{}", smtp.port());
    let trestle = smtp.setup(Setup::new()).setting("TRESTLE_SMTP_URL", url).embedded().await;
    invite(&trestle.admin().await, "SUPPORT", None).await;
    until("the server is refused", SOON, async || {
        let log = trestle.log();
        if log.contains("the mail server cannot be used") { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(smtp.mails().is_empty());
    assert!(!trestle.log().contains("in plain text"), "only a URL that says so is warned of");
}

/// An authority that signed nothing.
fn other_authority() -> std::path::PathBuf {
    let path = crate::harness::watchdog::directory("authority").join("authority.pem");
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    std::fs::write(&path, params.self_signed(&key).expect("a certificate").pem()).expect("a file of ours");
    path
}

#[tokio::test]
async fn a_lost_password_is_replaced_by_mail_and_the_answer_tells_nobody_who_is_known() {
    let smtp = Smtp::start(Mode::Plain).await;
    let trestle = smtp.setup(Setup::new()).embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let (_, email) = person(&fixture).await;
    let (disabled_id, disabled) = person(&fixture).await;
    fixture.admin().mutate("disableUser", json!({"userId": disabled_id}), "user { id }").await;
    let there = trestle.client().sign_in(&email, PASSWORD).await;
    let asked = [email.clone(), disabled.clone(), address()].map(|email| {
        let client = trestle.client();
        async move { client.try_mutate("requestPasswordReset", &json!({"email": email}), "").await.text() }
    });
    let bodies = join_all(asked).await;
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
    assert!(bodies[0].contains("\"userErrors\":[]"), "{bodies:#?}");
    let token = smtp.mails_to(&email, 1).await.remove(0).token();
    let input = json!({"token": token, "password": NEW_PASSWORD});
    trestle.client().mutate("resetPassword", input.clone(), "").await;
    assert!(!is_signed_in(&there).await, "from the next request on");
    assert_eq!(problem(&trestle.client(), "resetPassword", input).await, pair("INVALID", "token"));
    trestle.client().sign_in(&email, NEW_PASSWORD).await;
    let notice = smtp.mails_to(&email, 2).await.remove(1);
    assert_eq!(notice.header("Subject").as_deref(), Some("You have a new password"));
    assert_eq!(smtp.mails().len(), 2, "nobody else got one: {:#?}", smtp.mails());
    for secret in [token.as_str(), NEW_PASSWORD] {
        assert!(!trestle.log().contains(secret), "no token and no password is logged");
    }
}

#[tokio::test]
async fn a_new_mail_address_is_confirmed_first() {
    let smtp = Smtp::start(Mode::Plain).await;
    let trestle = smtp.setup(Setup::new()).embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let (_, email) = person(&fixture).await;
    let here = trestle.client().sign_in(&email, PASSWORD).await;
    let (new, taken) = (address(), person(&fixture).await.1);
    let wrong = json!({"email": new, "password": "wrong"});
    assert_eq!(problem(&here, "changeEmail", wrong).await, pair("INVALID", "password"));
    let change = |email: &str| json!({"email": email, "password": PASSWORD});
    let of_taken = here.try_mutate("changeEmail", &change(&taken), "").await.text();
    let told = smtp.mails_to(&taken, 1).await.remove(0);
    assert!(
        told.text().contains("nothing was changed") && !told.text().contains("https://"),
        "{}",
        told.text()
    );
    let of_free = here.try_mutate("changeEmail", &change(&new), "").await.text();
    assert_eq!(of_taken, of_free, "the answer does not tell");
    let token = smtp.mails_to(&new, 1).await.remove(0).token();
    let notes = smtp.mails_to(&email, 2).await;
    assert!(notes.iter().all(|note| note.text().contains("sign in with another mail address")), "{notes:#?}");
    let confirmed = trestle.client().mutate("confirmEmail", json!({"token": token}), "email").await;
    assert_eq!(confirmed["email"], json!(new));
    assert!(is_signed_in(&here).await, "it goes on");
    let data = here.query("{ viewer { user { email } } }", Value::Null).await;
    assert_eq!(data["viewer"]["user"]["email"], json!(new));
    trestle.client().sign_in(&new, PASSWORD).await;
    let old = json!({"email": email, "password": PASSWORD});
    assert_eq!(problem(&trestle.client(), "signIn", old).await.0, "UNAUTHENTICATED");
}

#[tokio::test]
async fn without_a_mail_server_everything_else_works() {
    let trestle = Trestle::embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let (_, email) = person(&fixture).await;
    let input = json!({"email": address(), "name": "Sam", "role": "SUPPORT"});
    assert_eq!(problem(fixture.admin(), "inviteUser", input).await, pair("NOT_CONFIGURED", ""));
    let input = json!({"email": email});
    assert_eq!(problem(&trestle.client(), "requestPasswordReset", input).await, pair("NOT_CONFIGURED", ""));
    let here = trestle.client().sign_in(&email, PASSWORD).await;
    let input = json!({"email": address(), "password": PASSWORD});
    assert_eq!(problem(&here, "changeEmail", input).await, pair("NOT_CONFIGURED", ""));
    // A second factor needs no mail.
    let begun = here.mutate("enrollSecondFactor", json!({"password": PASSWORD}), "secret").await;
    here.mutate("confirmSecondFactor", json!({"code": code(&app(&begun["secret"]), 0)}), "recoveryCodes")
        .await;
}

#[tokio::test]
async fn a_second_factor_is_asked_for_after_the_password() {
    let trestle = Trestle::embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let (id, email) = person(&fixture).await;
    let (here, there) =
        (trestle.client().sign_in(&email, PASSWORD).await, trestle.client().sign_in(&email, PASSWORD).await);
    let begun = here.mutate("enrollSecondFactor", json!({"password": PASSWORD}), "secret otpauthUrl").await;
    assert!(text(&begun["otpauthUrl"]).starts_with("otpauth://totp/Trestle:"), "{begun:#}");
    let app = app(&begun["secret"]);
    let selection = "recoveryCodes viewer { secondFactor secondFactorRequired recoveryCodesLeft }";
    let on = here.mutate("confirmSecondFactor", json!({"code": code(&app, 0)}), selection).await;
    let viewer = json!({"secondFactor": true, "secondFactorRequired": false, "recoveryCodesLeft": 10});
    assert_eq!(on["viewer"], viewer);
    let recovery: Vec<String> = on["recoveryCodes"].as_array().unwrap().iter().map(text).collect();
    assert!(!is_signed_in(&there).await, "what began without it has ended");

    let sign_in = |code: Value, password: &str| json!({"email": email, "password": password, "code": code});
    let wrong = trestle.client().refused("signIn", sign_in(Value::Null, "wrong")).await;
    assert_eq!(wrong[0].code, "UNAUTHENTICATED", "nothing of it to who does not know the password");
    for (code, expected) in
        [(Value::Null, pair("SECOND_FACTOR_REQUIRED", "code")), (json!("000000000"), pair("INVALID", "code"))]
    {
        assert_eq!(problem(&trestle.client(), "signIn", sign_in(code, PASSWORD)).await, expected);
    }
    let next = code(&app, 1);
    trestle.client().mutate("signIn", sign_in(json!(next), PASSWORD), "accessToken").await;
    assert_eq!(
        problem(&trestle.client(), "signIn", sign_in(json!(next), PASSWORD)).await,
        pair("INVALID", "code")
    );
    trestle.client().mutate("signIn", sign_in(json!(recovery[0]), PASSWORD), "accessToken").await;
    let input = json!({"password": PASSWORD, "code": recovery[1]});
    let new = here.mutate("regenerateRecoveryCodes", input, "recoveryCodes").await;
    assert_eq!(new["recoveryCodes"].as_array().unwrap().len(), 10);
    let old = sign_in(json!(recovery[2]), PASSWORD);
    assert_eq!(problem(&trestle.client(), "signIn", old).await, pair("INVALID", "code"));

    let data =
        fixture.admin().query("query($id: ID!) { user(id: $id) { secondFactor } }", json!({"id": id})).await;
    assert_eq!(data["user"]["secondFactor"], true);
    let reset =
        fixture.admin().mutate("resetSecondFactor", json!({"userId": id}), "user { secondFactor }").await;
    assert_eq!(reset["user"]["secondFactor"], false);
    assert!(!is_signed_in(&here).await);
    trestle.client().sign_in(&email, PASSWORD).await;
    for secret in recovery.iter().chain([&text(&begun["secret"])]) {
        assert!(!trestle.log().contains(secret.as_str()), "no secret is logged");
    }
}

#[tokio::test]
async fn staff_set_one_up_before_anything_else_where_the_setting_says_so() {
    let trestle = Setup::new().setting("TRESTLE_REQUIRE_STAFF_TOTP", "true").embedded().await;
    let admin = trestle.client().sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await;
    let data =
        admin.query("{ viewer { role permissions secondFactor secondFactorRequired } }", Value::Null).await;
    assert_eq!(
        data["viewer"],
        json!({"role": "PLATFORM_ADMIN", "permissions": [], "secondFactor": false, "secondFactorRequired": true})
    );
    for query in [
        "{ tenants { edges { node { id } } } }",
        "{ users { edges { node { id } } } }",
        "{ runs { edges { node { id } } } }",
        "mutation { createTenant(input: {slug: \"acme\", name: \"Acme\"}) { tenant { id } } }",
        "mutation { changePassword(input: {currentPassword: \"a\", newPassword: \"b\"}) { viewer { role } } }",
    ] {
        let response = admin.try_query(query, Value::Null).await;
        assert_eq!(response.codes(), ["FORBIDDEN"], "{query}");
        assert!(text(&response.errors()[0]["message"]).contains("enrollSecondFactor"), "{:#}", response.body);
    }
    let begun = admin.mutate("enrollSecondFactor", json!({"password": ADMIN_PASSWORD}), "secret").await;
    let input = json!({"code": code(&app(&begun["secret"]), 0)});
    let on = admin.mutate("confirmSecondFactor", input, "recoveryCodes viewer { permissions }").await;
    let permissions = on["viewer"]["permissions"].as_array().unwrap();
    assert!(permissions.contains(&json!("tenants:manage")), "at once: {permissions:?}");
    let input = json!({"slug": "acme", "name": "Acme"});
    admin.mutate("createTenant", input, "tenant { id }").await;
    // The only administrator lost everything: the operator helps on the command line.
    let reset = trestle.run_once(&["admin", "reset-second-factor", "--email", "ADMIN@example.com"]);
    assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
    assert!(!is_signed_in(&admin).await);
    trestle.client().sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await;
    let unknown = trestle.run_once(&["admin", "reset-second-factor", "--email", "nobody@example.com"]);
    assert_eq!(unknown.status.code(), Some(1));
}

/// Not a bound, which a busy machine would break, but a comparison: the middles of many are close together.
#[tokio::test]
async fn known_and_unknown_addresses_take_as_long() {
    const ROUNDS: usize = 15;
    let smtp = Smtp::start(Mode::Plain).await;
    let proxy = "TRESTLE_TRUSTED_PROXIES";
    let trestle = smtp.setup(Setup::new()).setting(proxy, "127.0.0.1").embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for round in 0..ROUNDS {
        let email = person(&fixture).await.1;
        for (email, times) in [(email, &mut known), (address(), &mut unknown)] {
            let started = std::time::Instant::now();
            let query = "mutation($input: RequestPasswordResetInput!) {
                requestPasswordReset(input: $input) { userErrors { code } } }";
            let response = crate::harness::client::http()
                .post(format!("{}/graphql", trestle.url()))
                .header("x-forwarded-for", format!("192.0.2.{round}"))
                .json(&json!({"query": query, "variables": {"input": {"email": email}}}));
            let body = response.send().await.unwrap().text().await.unwrap();
            times.push(started.elapsed());
            assert!(body.contains("\"userErrors\":[]"), "{body}");
        }
    }
    let middle = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[ROUNDS / 2]
    };
    let (known, unknown) = (middle(&mut known), middle(&mut unknown));
    // Sending a mail takes longer than this; looking somebody up does not show.
    let apart = known.abs_diff(unknown);
    assert!(apart < known.max(unknown) / 2 + Duration::from_millis(5), "{known:?} and {unknown:?}");
}
