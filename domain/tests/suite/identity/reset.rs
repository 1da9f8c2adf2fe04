//! A new password by mail: for whoever reads the mails of an address, once, within an hour.

use std::net::Ipv4Addr;

use chrono::TimeDelta;
use domain::session::reset;
use domain::session::{self, Origin};
use domain::{Error, Role, user};

use super::{Fixture, PASSWORD, problems};

const NEW_PASSWORD: &str = "seven brown teapots on a shelf";

async fn reset(fixture: &Fixture, token: &str, password: &str) -> Result<(), Error> {
    reset::reset(&fixture.app, &token.to_owned().into(), &password.into()).await
}

async fn ask(fixture: &Fixture, email: &str) {
    reset::request(&fixture.app, email, None).await.expect("asked");
}

#[tokio::test]
async fn a_token_gives_a_new_password_once_and_ends_every_session() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    let there = fixture.sign_in("ada").await;
    for _failure in 0..5 {
        assert!(fixture.try_sign_in("ada", "wrong").await.is_err());
    }
    ask(&fixture, " ADA@example.com ").await;
    let token = fixture.mailed_token().await;
    assert!(fixture.authenticate(&there.access_token).await.is_ok(), "asking changes nothing");
    assert_eq!(problems(reset(&fixture, &token, "password123").await), ["Invalid password"]);
    reset(&fixture, &token, NEW_PASSWORD).await.expect("the token is still good");
    assert!(fixture.is_invalid(&there.access_token).await);
    let refreshed = session::refresh(&fixture.app, &there.refresh_token, &Origin::default()).await;
    assert_eq!(problems(refreshed), ["Unauthenticated "]);
    assert!(fixture.try_sign_in("ada", PASSWORD).await.is_err());
    fixture.try_sign_in("ada", NEW_PASSWORD).await.expect("and the lock is gone");
    assert_eq!(problems(reset(&fixture, &token, PASSWORD).await), ["Invalid token"]);
    fixture.try_sign_in("ada", NEW_PASSWORD).await.expect("a refusal changed nothing");
    let notice = fixture.mails().await;
    assert_eq!((notice.len(), notice[0].subject.as_str()), (1, "You have a new password"));
}

#[tokio::test]
async fn only_people_who_can_sign_in_get_a_mail_and_the_answer_does_not_tell() {
    let fixture = Fixture::new().await;
    let bob = fixture.user("bob", Role::Support, None).await;
    user::disable(&fixture.operator, bob.id).await.expect("disabled");
    for email in ["nobody@example.com", "bob@example.com"] {
        ask(&fixture, email).await;
    }
    assert!(fixture.mails().await.is_empty());
    assert_eq!(problems(reset::request(&fixture.app, "nobody", None).await), ["Invalid email"]);
    // Disabled after the mail.
    fixture.user("ada", Role::Support, None).await;
    let ada = fixture.sign_in("ada").await;
    ask(&fixture, "ada@example.com").await;
    let token = fixture.mailed_token().await;
    let domain::Principal::User { id, .. } = ada.actor.principal() else { unreachable!("a person") };
    user::disable(&fixture.operator, *id).await.expect("disabled");
    assert_eq!(problems(reset(&fixture, &token, NEW_PASSWORD).await), ["Invalid token"]);
    user::enable(&fixture.operator, *id).await.expect("enabled");
    assert_eq!(problems(reset(&fixture, &token, NEW_PASSWORD).await), ["Invalid token"], "for good");
}

#[tokio::test]
async fn a_token_ends_after_an_hour_and_with_every_new_password() {
    let fixture = Fixture::new().await;
    let ada = fixture.user("ada", Role::Support, None).await;
    ask(&fixture, "ada@example.com").await;
    fixture.pass(TimeDelta::minutes(10));
    let token = fixture.mailed_token().await;
    fixture.pass(TimeDelta::minutes(50));
    assert_eq!(
        problems(reset(&fixture, &token, NEW_PASSWORD).await),
        ["Invalid token"],
        "from the request on"
    );
    let mut tokens = Vec::new();
    for _twice in 0..2 {
        ask(&fixture, "ada@example.com").await;
        tokens.push(fixture.mailed_token().await);
    }
    reset(&fixture, &tokens[0], NEW_PASSWORD).await.expect("either");
    assert_eq!(problems(reset(&fixture, &tokens[1], PASSWORD).await), ["Invalid token"], "not both");
    fixture.mails().await;
    fixture.pass(TimeDelta::hours(1));
    ask(&fixture, "ada@example.com").await;
    let token = fixture.mailed_token().await;
    user::set_password(&fixture.operator, ada.id, &PASSWORD.into()).await.expect("set");
    assert_eq!(problems(reset(&fixture, &token, NEW_PASSWORD).await), ["Invalid token"]);
    fixture.try_sign_in("ada", PASSWORD).await.expect("that of the administrator");
}

#[tokio::test]
async fn requests_are_counted_for_known_and_unknown_addresses_alike() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    for email in ["ada@example.com", "nobody@example.com"] {
        for _time in 0..3 {
            ask(&fixture, email).await;
        }
        assert_eq!(problems(reset::request(&fixture.app, email, None).await), ["LimitReached "], "{email}");
    }
    assert_eq!(fixture.mails().await.len(), 3);
    fixture.sign_in("ada").await;
    fixture.pass(TimeDelta::seconds(30));
    ask(&fixture, "ada@example.com").await;
    let here = Some(Ipv4Addr::new(192, 0, 2, 7).into());
    for number in 0..50 {
        let email = format!("guess-{number}@example.com");
        reset::request(&fixture.app, &email, here).await.expect("asked");
    }
    let refused = reset::request(&fixture.app, "one-more@example.com", here).await;
    assert_eq!(problems(refused), ["LimitReached "]);
}
