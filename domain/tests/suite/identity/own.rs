//! What people do with their own sessions and password, and nobody else's.

use std::net::Ipv4Addr;

use chrono::TimeDelta;
use domain::session::own::{self, ChangePassword};
use domain::session::{self, Origin, SignIn, SignedIn};
use domain::{Actor, Error, Role, tenant};
use uuid::Uuid;

use super::{Fixture, PASSWORD, make_key, make_portal, page, problems};

const NEW_PASSWORD: &str = "seven brown teapots on a shelf";

async fn change(actor: &Actor, current: &str, new: &str) -> Result<(), Error> {
    let input = ChangePassword { current: current.into(), new: new.into() };
    own::change_password(actor, input, Some(Ipv4Addr::LOCALHOST.into())).await
}

async fn ids(signed_in: &SignedIn) -> Vec<Uuid> {
    let sessions = own::list(&signed_in.actor, &page(100)).await.expect("their own");
    sessions.edges.into_iter().map(|edge| edge.node.id).collect()
}

#[tokio::test]
async fn a_person_sees_where_they_are_signed_in() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    fixture.user("bob", Role::Support, None).await;
    let old = fixture.sign_in("ada").await;
    fixture.sign_in("bob").await;
    fixture.pass(TimeDelta::days(1));
    let signed_in_at = fixture.app.clock().now();
    let origin = Origin {
        address: Some("::ffff:192.0.2.7".parse().expect("an address")),
        user_agent: Some("x".repeat(1_000)),
    };
    let input = SignIn { email: "ada@example.com".to_owned(), password: PASSWORD.into(), code: None };
    let new = session::sign_in(&fixture.app, input, &origin).await.expect("signing in works");
    let sessions = own::list(&new.actor, &page(1)).await.expect("their own");
    assert!(sessions.has_next && sessions.edges.len() == 1);
    let newest = sessions.edges[0].node.clone();
    assert!(newest.is_current);
    assert_eq!((newest.created_at, newest.last_used_at), (signed_in_at, signed_in_at));
    assert_eq!(newest.expires_at, signed_in_at + TimeDelta::days(30));
    assert_eq!(newest.address.as_deref(), Some("192.0.2.7"));
    assert_eq!(newest.user_agent, Some("x".repeat(300)));

    fixture.pass(TimeDelta::hours(1));
    let origin = Origin { address: None, user_agent: Some("phone".to_owned()) };
    let old = session::refresh(&fixture.app, &old.refresh_token, &origin).await.expect("refreshing works");
    let sessions = own::list(&old.actor, &page(9)).await.expect("their own");
    let [first, second] = sessions.edges.as_slice() else { unreachable!("two sessions: {sessions:?}") };
    assert_eq!((first.node.id, first.node.is_current), (newest.id, false));
    assert_eq!((second.node.last_used_at, second.node.is_current), (fixture.app.clock().now(), true));
    assert_eq!((second.node.user_agent.as_deref(), &second.node.address), (Some("phone"), &None));

    // What ended is not listed: by time, and by signing out.
    fixture.pass(TimeDelta::days(29) - TimeDelta::hours(1));
    assert_eq!(ids(&new).await, [newest.id]);
    session::sign_out(&new.actor).await.expect("signing out works");
    assert!(ids(&new).await.is_empty());
}

#[tokio::test]
async fn a_person_ends_their_own_sessions_only() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    fixture.user("bob", Role::PlatformAdmin, None).await;
    let (here, there, bob) =
        (fixture.sign_in("ada").await, fixture.sign_in("ada").await, fixture.sign_in("bob").await);
    let [there_id, here_id] = ids(&here).await[..] else { unreachable!("two sessions") };
    for refused in [own::end_one(&bob.actor, there_id).await, own::end_one(&here.actor, Uuid::nil()).await] {
        assert_eq!(problems(refused), ["NotFound sessionId"]);
    }
    assert!(fixture.authenticate(&there.access_token).await.is_ok(), "a refusal ends nothing");
    for _twice in 0..2 {
        assert!(!own::end_one(&here.actor, there_id).await.expect("their own"));
    }
    assert!(fixture.is_invalid(&there.access_token).await);
    let refreshed = session::refresh(&fixture.app, &there.refresh_token, &Origin::default()).await;
    assert_eq!(problems(refreshed), ["Unauthenticated "]);
    assert_eq!(ids(&here).await, [here_id]);
    assert!(own::end_one(&here.actor, here_id).await.expect("also the one that asks"));
    assert!(fixture.is_invalid(&here.access_token).await);
    assert!(fixture.authenticate(&bob.access_token).await.is_ok());
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    fixture.user("ada", Role::TenantAdmin, Some(acme.id)).await;
    let bob = fixture.actor("bob", Role::TenantAdmin, Some(acme.id)).await;
    let (here, there) = (fixture.sign_in("ada").await, fixture.sign_in("ada").await);
    let portal = make_portal(&here.actor, acme.id, &["runs:read"]).await;
    let of_bob = make_portal(&bob, acme.id, &["runs:read"]).await;
    // Whoever reads only may protect their account all the same.
    tenant::suspend(&fixture.operator, acme.id, "unpaid").await.expect("suspended");
    change(&here.actor, PASSWORD, NEW_PASSWORD).await.expect("changed");
    assert!(fixture.authenticate(&here.access_token).await.is_ok());
    assert!(fixture.is_invalid(&there.access_token).await);
    assert!(fixture.is_invalid(&portal.token).await);
    assert!(fixture.authenticate(&of_bob.token).await.is_ok());
    session::refresh(&fixture.app, &here.refresh_token, &Origin::default()).await.expect("it goes on");
    assert!(fixture.try_sign_in("ada", PASSWORD).await.is_err());
    fixture.try_sign_in("ada", NEW_PASSWORD).await.expect("the new one");
}

#[tokio::test]
async fn a_refused_change_of_password_changes_nothing() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    let (here, there) = (fixture.sign_in("ada").await, fixture.sign_in("ada").await);
    // More often than the brake allows: a bad new password is no failure to know the current one.
    for _try in 0..6 {
        assert_eq!(problems(change(&here.actor, PASSWORD, "password123").await), ["Invalid newPassword"]);
    }
    assert_eq!(problems(change(&here.actor, PASSWORD, PASSWORD).await), ["Invalid newPassword"]);
    assert_eq!(
        problems(change(&here.actor, "wrong", "").await),
        ["Invalid currentPassword", "Required newPassword"]
    );
    for _try in 0..4 {
        assert_eq!(problems(change(&here.actor, "wrong", NEW_PASSWORD).await), ["Invalid currentPassword"]);
    }
    assert_eq!(problems(change(&here.actor, PASSWORD, NEW_PASSWORD).await), ["Invalid currentPassword"]);
    assert!(fixture.try_sign_in("ada", PASSWORD).await.is_err(), "the same brake as for signing in");
    assert!(fixture.authenticate(&there.access_token).await.is_ok());
    fixture.pass(TimeDelta::seconds(30));
    change(&here.actor, PASSWORD, NEW_PASSWORD).await.expect("the wait is over");
}

#[tokio::test]
async fn only_people_have_sessions_and_a_password() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    let key = make_key(&fixture.operator, &["runs:read"], &[acme.id]).await;
    let key = fixture.authenticate(&key.secret).await.expect("good");
    let portal = make_portal(&fixture.operator, acme.id, &["runs:read"]).await;
    let portal = fixture.authenticate(&portal.token).await.expect("good");
    for actor in [&key, &portal, &fixture.operator] {
        let forbidden = |error: Error| matches!(error, Error::Forbidden { permission: None, .. });
        assert!(own::list(actor, &page(1)).await.is_err_and(forbidden));
        assert!(own::end_one(actor, Uuid::nil()).await.is_err_and(forbidden));
        assert!(change(actor, PASSWORD, NEW_PASSWORD).await.is_err_and(forbidden));
    }
    let nobody = Actor::anonymous(fixture.app.clone());
    assert!(matches!(own::list(&nobody, &page(1)).await, Err(Error::Unauthenticated)));
    assert!(matches!(change(&nobody, PASSWORD, NEW_PASSWORD).await, Err(Error::Unauthenticated)));
}
