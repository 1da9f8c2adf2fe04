//! A new mail address counts when its mails were shown to be read, and says nothing of who else has it.

use chrono::TimeDelta;
use domain::session::own::{self, ChangePassword};
use domain::session::{email, reset};
use domain::{Actor, Error, Role};

use super::mail::token;
use super::{Fixture, PASSWORD, problems};

async fn change(actor: &Actor, to: &str) -> Result<(), Error> {
    email::request(actor, to, &PASSWORD.into(), None).await
}

async fn confirm(fixture: &Fixture, token: &str) -> Result<String, Error> {
    email::confirm(&fixture.app, &token.to_owned().into()).await
}

#[tokio::test]
async fn a_new_address_counts_when_it_is_confirmed() {
    let fixture = Fixture::new().await;
    let ada = fixture.actor("ada", Role::Support, None).await;
    reset::request(&fixture.app, "ada@example.com", None).await.expect("asked");
    let reset_token = fixture.mailed_token().await;
    change(&ada, " Lovelace@Example.com").await.expect("asked");
    let mails = fixture.mails().await;
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["lovelace@example.com", "ada@example.com"]);
    assert!(
        mails[1].body.contains("lovelace@example.com") && !mails[1].body.contains("https://"),
        "{mails:#?}"
    );
    fixture.try_sign_in("ada", PASSWORD).await.expect("nothing has changed yet");
    let link = token(&mails[0]);
    assert_eq!(confirm(&fixture, &link).await.expect("confirmed"), "lovelace@example.com");
    assert!(fixture.try_sign_in("ada", PASSWORD).await.is_err());
    fixture.try_sign_in("lovelace", PASSWORD).await.expect("the new one");
    assert_eq!(problems(confirm(&fixture, &link).await), ["Invalid token"], "once");
    // Whoever reads the mails of the address before has nothing of it.
    let late =
        reset::reset(&fixture.app, &reset_token.into(), &"seven brown teapots on a shelf".into()).await;
    assert_eq!(problems(late), ["Invalid token"]);
}

#[tokio::test]
async fn an_address_that_somebody_has_is_answered_the_same() {
    let fixture = Fixture::new().await;
    let ada = fixture.actor("ada", Role::Support, None).await;
    fixture.user("bob", Role::Support, None).await;
    change(&ada, "bob@example.com").await.expect("as for any other");
    let mails = fixture.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (2, "bob@example.com"));
    assert!(
        mails[0].body.contains("nothing was changed") && !mails[0].body.contains("https://"),
        "{mails:#?}"
    );
    // Taken between the mail and the click.
    change(&ada, "eve@example.com").await.expect("asked");
    let link = token(&fixture.mails().await[0]);
    fixture.user("eve", Role::Support, None).await;
    assert_eq!(problems(confirm(&fixture, &link).await), ["Conflict token"]);
    fixture.try_sign_in("ada", PASSWORD).await.expect("as before");
}

#[tokio::test]
async fn a_request_ends_by_time_by_another_one_and_by_a_new_password() {
    let fixture = Fixture::new().await;
    let ada = fixture.actor("ada", Role::Support, None).await;
    let mut links = Vec::new();
    for to in ["one@example.com", "two@example.com"] {
        change(&ada, to).await.expect("asked");
        links.push(token(&fixture.mails().await[0]));
    }
    assert_eq!(problems(confirm(&fixture, &links[0]).await), ["Invalid token"]);
    fixture.pass(TimeDelta::hours(24));
    assert_eq!(problems(confirm(&fixture, &links[1]).await), ["Invalid token"]);
    // Also one whose mail did not go out yet: whoever knew the old password must have nothing of it.
    change(&ada, "three@example.com").await.expect("asked");
    let new = "seven brown teapots on a shelf";
    let input = ChangePassword { current: PASSWORD.into(), new: new.into() };
    own::change_password(&ada, input, None).await.expect("changed");
    let mails = fixture.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "ada@example.com"), "the note only");
}

#[tokio::test]
async fn a_refused_change_sends_nothing() {
    let fixture = Fixture::new().await;
    let ada = fixture.actor("ada", Role::Support, None).await;
    for (to, password, expected) in [
        ("ada@example.com", PASSWORD, "Invalid email"),
        ("nowhere", PASSWORD, "Invalid email"),
        ("new@example.com", "wrong", "Invalid password"),
    ] {
        assert_eq!(problems(email::request(&ada, to, &password.into(), None).await), [expected]);
    }
    for _failure in 0..4 {
        let refused = email::request(&ada, "new@example.com", &"wrong".into(), None).await;
        assert_eq!(problems(refused), ["Invalid password"]);
    }
    assert_eq!(problems(change(&ada, "new@example.com").await), ["Invalid password"], "the brake");
    assert!(fixture.mails().await.is_empty());
    fixture.pass(TimeDelta::seconds(30));
    for _time in 0..3 {
        change(&ada, "new@example.com").await.expect("asked");
    }
    assert_eq!(problems(change(&ada, "new@example.com").await), ["LimitReached email"]);
    let nobody = Actor::anonymous(fixture.app.clone());
    assert!(matches!(change(&nobody, "new@example.com").await, Err(Error::Unauthenticated)));
}
