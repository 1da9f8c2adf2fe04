//! Guessing a password is slow and tells nothing, and people look after their own access. How long which lock lasts is
//! in `domain/tests/suite/identity`, by a clock that is moved.

use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::client::{Client, http};
use crate::harness::fixture::Fixture;
use crate::harness::trestle::{ADMIN_EMAIL, ADMIN_PASSWORD, Setup, Trestle};
use crate::scene::{nodes, postgres_rows, sqlite_rows, text};

const PASSWORD: &str = "nine plain words are a very good password";
const NEW_PASSWORD: &str = "ten plain words are an even better password";
const SESSIONS: &str = "{ viewer { sessions { edges { node {
    id createdAt lastUsedAt expiresAt address userAgent isCurrent
} } } } }";

/// A new person of the staff: their id and mail address.
async fn person(fixture: &Fixture) -> (String, String) {
    let email = format!("{}@example.com", Uuid::now_v7().simple());
    let input = json!({"email": email, "name": "Ada", "role": "SUPPORT", "password": PASSWORD});
    let payload = fixture.admin().mutate("createUser", input, "user { id }").await;
    (text(&payload["user"]["id"]), email)
}

/// The body that answers a sign-in through a proxy which asks for `address`: all but what is left of the budget.
async fn sign_in_from(trestle: &Trestle, address: &str, email: &str, password: &str) -> String {
    let query = "mutation($input: SignInInput!) { signIn(input: $input) {
        accessToken viewer { role } userErrors { code field message }
    } }";
    let variables = json!({"input": {"email": email, "password": password}});
    let request = http()
        .post(format!("{}/graphql", trestle.url()))
        .header("x-forwarded-for", address)
        .header("user-agent", "a test")
        .json(&json!({"query": query, "variables": variables}));
    let mut body: Value = request.send().await.unwrap().json().await.unwrap();
    let extensions = body.as_object_mut().unwrap().remove("extensions").unwrap();
    assert!(
        extensions["cost"]["remaining"].is_u64() && extensions.as_object().unwrap().len() == 1,
        "{extensions}"
    );
    body.to_string()
}

fn is_in(body: &str) -> bool {
    body.contains("\"accessToken\":\"")
}

async fn is_signed_in(client: &Client) -> bool {
    client.try_query("{ viewer { role } }", Value::Null).await.status.is_success()
}

/// What is counted: kind and number, the largest first.
async fn counted(trestle: &Trestle, is_embedded: bool) -> Vec<String> {
    let sql = "SELECT kind || ' ' || failed_count || CASE WHEN locked_until IS NULL THEN '' ELSE ' locked' END \
        FROM sign_in_attempt WHERE failed_count > 0 ORDER BY failed_count DESC, kind";
    if is_embedded {
        sqlite_rows(&trestle.data_dir().join("trestle.db"), sql).await
    } else {
        postgres_rows(&trestle.stores().database, sql).await
    }
}

#[tokio::test]
async fn unknown_wrong_disabled_and_locked_get_the_same_bytes() {
    let trestle = Trestle::embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let (_, known) = person(&fixture).await;
    let (id, disabled) = person(&fixture).await;
    fixture.admin().mutate("disableUser", json!({"userId": id}), "user { id }").await;
    let (locked_id, locked) = person(&fixture).await;
    let mut bodies = Vec::new();
    for _failure in 0..5 {
        bodies.push(sign_in_from(&trestle, "", &locked, "wrong").await);
    }
    for (email, password) in
        [("nobody@example.com", PASSWORD), (&known, "wrong"), (&disabled, PASSWORD), (&locked, PASSWORD)]
    {
        bodies.push(sign_in_from(&trestle, "", email, password).await);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
    assert!(
        bodies[0].contains("UNAUTHENTICATED") && bodies[0].contains("wait some minutes"),
        "{}",
        bodies[0]
    );
    assert!(is_in(&sign_in_from(&trestle, "", &known, PASSWORD).await), "another account is not locked");
    // Somebody who lost their password is let in by an administrator.
    let input = json!({"userId": locked_id, "password": NEW_PASSWORD});
    fixture.admin().mutate("setUserPassword", input, "user { id }").await;
    assert!(is_in(&sign_in_from(&trestle, "", &locked, NEW_PASSWORD).await));
}

#[tokio::test]
async fn guesses_at_once_are_counted_one_by_one() {
    for is_embedded in [true, false] {
        let trestle = if is_embedded { Trestle::embedded().await } else { Trestle::split(0).await };
        let guess = |email: String| {
            let trestle = &trestle;
            async move { sign_in_from(trestle, "", &email, "wrong").await }
        };
        let different = join_all((0..20).map(|number| guess(format!("guess-{number}@example.com")))).await;
        let expected: Vec<String> =
            ["ADDRESS 20".to_owned()].into_iter().chain((0..20).map(|_| "ACCOUNT 1".to_owned())).collect();
        assert_eq!(counted(&trestle, is_embedded).await, expected);
        // Of twenty at one account five are looked at; the lock refuses the others without a look.
        let same = join_all((0..20).map(|_| guess(ADMIN_EMAIL.to_owned()))).await;
        assert!(different.iter().chain(&same).all(|body| *body == different[0]), "{different:#?} {same:#?}");
        assert_eq!(counted(&trestle, is_embedded).await[..2], ["ADDRESS 40", "ACCOUNT 5 locked"]);
        assert!(!is_in(&sign_in_from(&trestle, "", ADMIN_EMAIL, ADMIN_PASSWORD).await));
    }
}

#[tokio::test]
async fn successes_are_held_against_nobody() {
    let trestle = Trestle::embedded().await;
    // Many at once, of one account and from one address, and more than there may be failures of either.
    for _time in 0..3 {
        let bodies = join_all((0..20).map(|_| sign_in_from(&trestle, "", ADMIN_EMAIL, ADMIN_PASSWORD))).await;
        let refused: Vec<_> = bodies.iter().filter(|body| !is_in(body)).collect();
        assert!(refused.is_empty(), "{refused:#?}");
    }
    assert_eq!(counted(&trestle, true).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_address_is_that_of_the_caller_behind_a_trusted_proxy_only() {
    let trestle = Setup::new().setting("TRESTLE_TRUSTED_PROXIES", "127.0.0.1").embedded().await;
    let guesses = (0..50).map(|number| {
        let trestle = &trestle;
        // What the caller wrote themselves stands first, and is no way out.
        let from = format!("198.51.100.{number}, 192.0.2.7");
        async move { sign_in_from(trestle, &from, &format!("guess-{number}@example.com"), "wrong").await }
    });
    let refused = join_all(guesses).await;
    let right = async |from: &str| sign_in_from(&trestle, from, ADMIN_EMAIL, ADMIN_PASSWORD).await;
    assert_eq!(right("192.0.2.7").await, refused[0], "locked, in the same words");
    assert!(is_in(&right("192.0.2.8").await));

    let trestle = Trestle::embedded().await;
    let guesses = (0..50).map(|number| {
        let (trestle, from) = (&trestle, format!("198.51.100.{number}"));
        async move { sign_in_from(trestle, &from, &format!("guess-{number}@example.com"), "wrong").await }
    });
    join_all(guesses).await;
    let right = sign_in_from(&trestle, "192.0.2.8", ADMIN_EMAIL, ADMIN_PASSWORD).await;
    assert!(!is_in(&right), "without trust the peer counts, whatever it says");
    assert!(trestle.log().contains("TRESTLE_TRUSTED_PROXIES"), "the operator is told");
}

#[tokio::test]
async fn a_new_password_keeps_this_session_and_ends_the_others() {
    let trestle = Trestle::embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let (_, email) = person(&fixture).await;
    let (here, there) =
        (trestle.client().sign_in(&email, PASSWORD).await, trestle.client().sign_in(&email, PASSWORD).await);
    let weak = json!({"currentPassword": PASSWORD, "newPassword": "password123"});
    let errors = here.refused("changePassword", weak).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("INVALID", "newPassword"), "{errors:?}");
    assert!(errors[0].message.contains("Add another word"), "{errors:?}");
    let wrong = json!({"currentPassword": "wrong", "newPassword": NEW_PASSWORD});
    let errors = here.refused("changePassword", wrong).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("INVALID", "currentPassword"));
    assert!(is_signed_in(&there).await, "a refusal ends nothing");
    let input = json!({"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD});
    let payload =
        here.mutate("changePassword", input, "viewer { user { email } sessions { edges { node { id } } } }");
    let viewer = payload.await["viewer"].clone();
    assert_eq!((&viewer["user"]["email"], nodes(&viewer["sessions"]).len()), (&json!(email), 1));
    assert!(is_signed_in(&here).await && !is_signed_in(&there).await);
    let old = json!({"email": email, "password": PASSWORD});
    assert_eq!(trestle.client().refused("signIn", old).await[0].code, "UNAUTHENTICATED");
    trestle.client().sign_in(&email, NEW_PASSWORD).await;
    for password in [PASSWORD, NEW_PASSWORD, "password123"] {
        assert!(!trestle.log().contains(password), "no password is logged");
    }
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions() {
    let trestle = Trestle::embedded().await;
    let fixture = Fixture::of(&trestle).await;
    let (_, email) = person(&fixture).await;
    let (_, other) = person(&fixture).await;
    let stranger = trestle.client().sign_in(&other, PASSWORD).await;
    assert!(is_in(&sign_in_from(&trestle, "", &email, PASSWORD).await));
    let input = json!({"email": email, "password": PASSWORD});
    let signed_in = trestle.client().mutate("signIn", input, "accessToken refreshToken").await;
    let there = trestle.client().with_token(&text(&signed_in["accessToken"]));
    let here = trestle.client().sign_in(&email, PASSWORD).await;
    let sessions = nodes(&here.query(SESSIONS, Value::Null).await["viewer"]["sessions"]);
    let is_current: Vec<_> = sessions.iter().map(|session| session["isCurrent"].clone()).collect();
    assert_eq!(is_current, [true, false, false], "newest first: {sessions:#?}");
    assert_eq!((&sessions[2]["userAgent"], &sessions[2]["address"]), (&json!("a test"), &json!("127.0.0.1")));
    for session in &sessions {
        assert!(text(&session["createdAt"]) < text(&session["expiresAt"]), "{session:#}");
    }

    let of_there = json!({"sessionId": sessions[1]["id"]});
    for (client, input) in [(&stranger, of_there.clone()), (&here, json!({"sessionId": "session_7"}))] {
        let errors = client.refused("endSession", input).await;
        assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("NOT_FOUND", "sessionId"));
    }
    assert!(is_signed_in(&there).await);
    let payload = here.mutate("endSession", of_there, "endedSessionId").await;
    assert_eq!(payload["endedSessionId"], sessions[1]["id"]);
    assert!(!is_signed_in(&there).await, "from the next request on");
    let refresh = json!({"refreshToken": signed_in["refreshToken"]});
    assert_eq!(trestle.client().refused("refreshSession", refresh).await[0].code, "UNAUTHENTICATED");
    let left = nodes(&here.query(SESSIONS, Value::Null).await["viewer"]["sessions"]);
    assert_eq!(left.len(), 2, "{left:#?}");
    assert!(is_signed_in(&stranger).await);
    // Ending the session that asks is signing out: the rest of the request is nobody's.
    let query = "mutation($id: ID!) {
        endSession(input: {sessionId: $id}) { endedSessionId } signOut { userErrors { code } }
    }";
    let response = here.try_query(query, json!({"id": sessions[0]["id"]})).await;
    assert_eq!(response.codes(), ["UNAUTHENTICATED"]);
    assert!(!is_signed_in(&here).await);
}
