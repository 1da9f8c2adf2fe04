//! The brake on guessing: what is counted, what locks, and until when.

use std::net::IpAddr;

use chrono::TimeDelta;
use domain::session::{self, Origin, SignIn};
use domain::{Error, Problem, Role, user};
use futures::future::join_all;

use super::{Fixture, PASSWORD};

/// A sign-in from an address; what is wrong with it when it is refused.
async fn knock(fixture: &Fixture, name: &str, password: &str, address: &str) -> Result<(), Vec<Problem>> {
    let address: IpAddr = address.parse().expect("an address");
    let origin = Origin { address: Some(address), user_agent: None };
    let input = SignIn { email: format!("{name}@example.com"), password: password.into(), code: None };
    match session::sign_in(&fixture.app, input, &origin).await {
        Ok(_signed_in) => Ok(()),
        Err(Error::Rejected(problems)) => Err(problems),
        Err(error) => unreachable!("neither in nor refused: {error:?}"),
    }
}

/// So many sign-ins with a wrong password, one after the other, from addresses of their own.
async fn fail(fixture: &Fixture, name: &str, times: u8) {
    for number in 0..times {
        let refused = knock(fixture, name, "wrong", &format!("192.0.2.{number}")).await;
        refused.expect_err("a wrong password");
    }
}

async fn is_open(fixture: &Fixture, name: &str) -> bool {
    knock(fixture, name, PASSWORD, "198.51.100.1").await.is_ok()
}

#[tokio::test]
async fn five_failures_lock_an_account_for_thirty_seconds() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    fixture.user("bob", Role::Support, None).await;
    fail(&fixture, "ada", 4).await;
    assert!(is_open(&fixture, "ada").await, "four are no lock, and a success forgets them");
    fail(&fixture, "ada", 4).await;
    assert!(is_open(&fixture, "ada").await);
    fail(&fixture, "ada", 5).await;
    assert!(!is_open(&fixture, "ada").await, "the right password is not taken");
    assert!(is_open(&fixture, "bob").await, "another account is not locked");
    fixture.pass(TimeDelta::milliseconds(29_999));
    assert!(!is_open(&fixture, "ada").await);
    fixture.pass(TimeDelta::milliseconds(1));
    assert!(is_open(&fixture, "ada").await, "the knocks meanwhile made it no longer");
}

#[tokio::test]
async fn each_failure_after_a_lock_doubles_the_next_up_to_fifteen_minutes() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    fail(&fixture, "ada", 5).await;
    for seconds in [30, 60, 120, 240, 480, 900, 900] {
        fixture.pass(TimeDelta::seconds(seconds) - TimeDelta::milliseconds(1));
        assert!(!is_open(&fixture, "ada").await, "{seconds} s are not over");
        fixture.pass(TimeDelta::milliseconds(1));
        fail(&fixture, "ada", 1).await;
    }
    fixture.pass(TimeDelta::minutes(30));
    // Quiet for a window after the lock: counting begins anew.
    fail(&fixture, "ada", 4).await;
    assert!(is_open(&fixture, "ada").await);
}

#[tokio::test]
async fn failures_that_are_far_apart_lock_nothing() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    for _day in 0..3 {
        fail(&fixture, "ada", 4).await;
        fixture.pass(TimeDelta::minutes(15));
    }
    assert!(is_open(&fixture, "ada").await);
}

#[tokio::test]
async fn an_address_that_nobody_has_locks_like_any_other() {
    let fixture = Fixture::new().await;
    fail(&fixture, "late", 5).await;
    fixture.user("late", Role::Support, None).await;
    assert!(!is_open(&fixture, "late").await);
    let other_spelling =
        SignIn { email: " LATE@Example.com ".to_owned(), password: PASSWORD.into(), code: None };
    assert!(session::sign_in(&fixture.app, other_spelling, &Origin::default()).await.is_err());
}

#[tokio::test]
async fn every_refusal_has_the_same_words() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    let bob = fixture.user("bob", Role::Support, None).await;
    user::disable(&fixture.operator, bob.id).await.expect("disabled");
    fixture.user("eve", Role::Support, None).await;
    fail(&fixture, "eve", 5).await;
    let mut told = Vec::new();
    for (name, password) in [("ada", "wrong"), ("nobody", PASSWORD), ("bob", PASSWORD), ("eve", PASSWORD)] {
        told.push(knock(&fixture, name, password, "198.51.100.1").await.expect_err("refused"));
    }
    assert!(told.iter().all(|problems| *problems == told[0]), "{told:?}");
    assert!(told[0][0].message.contains("wait some minutes"), "{told:?}");
}

#[tokio::test]
async fn fifty_failures_lock_an_address_and_successes_do_not_count() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    let (here, there) = ("2001:db8::1", "2001:db8:0:1::1");
    // At once, so that a count that is read and written in two steps would lose some.
    let guesses = (0..49).map(|number| {
        let fixture = &fixture;
        async move { knock(fixture, &format!("guess-{number}"), "wrong", here).await.is_err() }
    });
    assert!(join_all(guesses).await.into_iter().all(|refused| refused));
    for _sign_in in 0..3 {
        knock(&fixture, "ada", PASSWORD, here)
            .await
            .expect("49 are no lock, and successes do not add to them");
    }
    knock(&fixture, "guess", "wrong", "2001:db8::ffff").await.expect_err("the fiftieth, of the same network");
    knock(&fixture, "ada", PASSWORD, here).await.expect_err("locked");
    knock(&fixture, "ada", PASSWORD, there).await.expect("another network is not");
    // Who is locked out here can't lock accounts.
    for _knock in 0..10 {
        knock(&fixture, "ada", "wrong", here).await.expect_err("locked");
    }
    knock(&fixture, "ada", PASSWORD, there).await.expect("nothing was counted");
    fixture.pass(TimeDelta::seconds(30));
    knock(&fixture, "ada", PASSWORD, here).await.expect("the wait is over");
    knock(&fixture, "guess", "wrong", here).await.expect_err("one more");
    fixture.pass(TimeDelta::seconds(59));
    knock(&fixture, "ada", PASSWORD, here).await.expect_err("twice the wait");
    fixture.pass(TimeDelta::minutes(15));
    knock(&fixture, "guess", "wrong", here).await.expect_err("one of a new window");
    knock(&fixture, "ada", PASSWORD, here).await.expect("no lock");
}

#[tokio::test]
async fn a_new_password_of_an_administrator_unlocks() {
    let fixture = Fixture::new().await;
    let ada = fixture.user("ada", Role::Support, None).await;
    fail(&fixture, "ada", 5).await;
    user::set_password(&fixture.operator, ada.id, &PASSWORD.into()).await.expect("set");
    assert!(is_open(&fixture, "ada").await);
}

#[tokio::test]
async fn what_no_longer_counts_is_deleted() {
    let fixture = Fixture::new().await;
    fail(&fixture, "ada", 5).await;
    fixture.pass(TimeDelta::minutes(15));
    assert_eq!(session::purge(&fixture.app).await.expect("deleting works"), 0, "not older than a window");
    fixture.pass(TimeDelta::seconds(1));
    assert_eq!(session::purge(&fixture.app).await.expect("deleting works"), 5, "the addresses");
    fixture.pass(TimeDelta::seconds(30));
    assert_eq!(
        session::purge(&fixture.app).await.expect("deleting works"),
        1,
        "and the account after its lock"
    );
}
