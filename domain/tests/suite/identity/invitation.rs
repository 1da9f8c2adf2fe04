//! Invitations: a mail, a token that works once and for a week, a person who chose their password.

use chrono::TimeDelta;
use domain::background::Background;
use domain::invitation::{
    self, AcceptInvitation, Invitation, InvitationFilter, InvitationStatus, InviteUser,
};
use domain::session::{Origin, SignedIn};
use domain::{Actor, Error, Permission, Role, tenant, user};
use uuid::Uuid;

use super::{Direction, Fixture, PASSWORD, is_forbidden, page, problems};

fn new(name: &str, role: Role, tenant_id: Option<Uuid>) -> InviteUser {
    InviteUser { email: format!(" {name}@Example.com"), name: name.to_uppercase(), role, tenant_id }
}

async fn invite(actor: &Actor, name: &str, role: Role, tenant_id: Option<Uuid>) -> Invitation {
    invitation::invite(actor, new(name, role, tenant_id)).await.expect("invited")
}

async fn accept(fixture: &Fixture, token: &str, password: &str) -> Result<SignedIn, Error> {
    let input = AcceptInvitation { token: token.to_owned().into(), password: password.into(), name: None };
    invitation::accept(&fixture.app, input, &Origin::default()).await
}

async fn statuses(actor: &Actor) -> Vec<InvitationStatus> {
    let all = InvitationFilter::default();
    let rows = invitation::list(actor, &all, Direction::Ascending, &page(100)).await.expect("a page");
    rows.edges.into_iter().map(|edge| edge.node.status).collect()
}

#[tokio::test]
async fn who_accepts_is_a_user_with_a_password_of_their_own() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    let admin = fixture.actor("ada", Role::TenantAdmin, Some(acme.id)).await;
    let invited = invite(&admin, "mia", Role::TenantMember, None).await;
    assert_eq!((invited.email.as_str(), invited.tenant_id), ("mia@example.com", Some(acme.id)));
    assert!(fixture.try_sign_in("mia", PASSWORD).await.is_err(), "no user yet");
    let mails = fixture.mails().await;
    assert!(mails[0].body.contains("Hello MIA") && mails[0].body.contains("ADA invites you"), "{mails:#?}");
    assert!(mails[0].body.contains("for ACME"), "{mails:#?}");
    let token = super::mail::token(&mails[0]);
    assert_eq!(problems(accept(&fixture, &token, "mia@example.com").await), ["Invalid password"]);
    let input = AcceptInvitation {
        token: token.clone().into(),
        password: PASSWORD.into(),
        name: Some(" Mia Farrow ".to_owned()),
    };
    let mia = invitation::accept(&fixture.app, input, &Origin::default()).await.expect("a user");
    assert_eq!((mia.actor.role(), mia.actor.tenant_id()), (Some(Role::TenantMember), Some(acme.id)));
    assert_eq!(mia.actor.name(), "Mia Farrow");
    assert!(fixture.authenticate(&mia.access_token).await.is_ok());
    fixture.try_sign_in("mia", PASSWORD).await.expect("by the password");
    assert_eq!(problems(accept(&fixture, &token, PASSWORD).await), ["Invalid token"], "once");
    let shown =
        invitation::by_ids(&admin, &[invited.id]).await.expect("may").remove(&invited.id).expect("there");
    let users = user::by_ids(&admin, &[shown.user_id.expect("a user")]).await.expect("may");
    assert_eq!(users.into_values().next().map(|user| user.email), Some("mia@example.com".to_owned()));
    assert_eq!(shown.status, InvitationStatus::Accepted);
    for refused in
        [invitation::resend(&admin, invited.id).await, invitation::revoke(&admin, invited.id).await]
    {
        assert_eq!(problems(refused), ["Conflict invitationId"]);
    }
}

#[tokio::test]
async fn two_who_accept_at_once_are_one() {
    let fixture = Fixture::new().await;
    invite(&fixture.operator, "sam", Role::Support, None).await;
    let token = fixture.mailed_token().await;
    let (one, other) =
        tokio::join!(accept(&fixture, &token, PASSWORD), accept(&fixture, &token, "another good password 7"));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

#[tokio::test]
async fn a_token_ends_after_a_week_by_another_mail_and_when_it_is_taken_back() {
    let fixture = Fixture::new().await;
    let sam = invite(&fixture.operator, "sam", Role::Support, None).await;
    let old = fixture.mailed_token().await;
    fixture.pass(TimeDelta::days(7));
    assert_eq!(problems(accept(&fixture, &old, PASSWORD).await), ["Invalid token"]);
    assert_eq!(statuses(&fixture.operator).await, [InvitationStatus::Expired]);
    invitation::resend(&fixture.operator, sam.id).await.expect("sent again");
    let new = fixture.mailed_token().await;
    assert_ne!(old, new);
    assert_eq!(problems(accept(&fixture, &old, PASSWORD).await), ["Invalid token"], "the one before");
    fixture.pass(TimeDelta::days(7) - TimeDelta::milliseconds(1));
    for _twice in 0..2 {
        let revoked = invitation::revoke(&fixture.operator, sam.id).await.expect("taken back");
        assert_eq!(revoked.status, InvitationStatus::Revoked);
    }
    assert_eq!(problems(accept(&fixture, &new, PASSWORD).await), ["Invalid token"]);
    assert_eq!(problems(invitation::resend(&fixture.operator, sam.id).await), ["Conflict invitationId"]);
    // Before its mail went out, too: nothing is sent then.
    let bob = invite(&fixture.operator, "bob", Role::Support, None).await;
    invitation::revoke(&fixture.operator, bob.id).await.expect("taken back");
    assert!(fixture.mails().await.is_empty());
    assert!(fixture.try_sign_in("sam", PASSWORD).await.is_err());
}

#[tokio::test]
async fn invitations_are_forgotten_long_after_their_end_and_who_came_stays() {
    let fixture = Fixture::new().await;
    let purge = async || {
        let gone = Background::new(fixture.app.clone()).purge().await.expect("deleting works");
        (gone, statuses(&fixture.operator).await)
    };
    invite(&fixture.operator, "mia", Role::Support, None).await;
    accept(&fixture, &fixture.mailed_token().await, PASSWORD).await.expect("a user");
    let eve = invite(&fixture.operator, "eve", Role::Support, None).await;
    invitation::revoke(&fixture.operator, eve.id).await.expect("taken back");
    invite(&fixture.operator, "sam", Role::Support, None).await;
    let bob = invite(&fixture.operator, "bob", Role::Support, None).await;
    let all = [
        InvitationStatus::Accepted,
        InvitationStatus::Revoked,
        InvitationStatus::Expired,
        InvitationStatus::Expired,
    ];
    fixture.pass(TimeDelta::days(7 + 90));
    let (_mails_and_sessions, left) = purge().await;
    assert_eq!(left, all);
    // What is sent again lives on.
    invitation::resend(&fixture.operator, bob.id).await.expect("sent again");
    fixture.pass(TimeDelta::milliseconds(1));
    assert_eq!(purge().await, (3, vec![InvitationStatus::Pending]));
    assert_eq!(purge().await, (0, vec![InvitationStatus::Pending]), "once");
    fixture.try_sign_in("mia", PASSWORD).await.expect("who came is a user as ever");
    invite(&fixture.operator, "sam", Role::Support, None).await;
}

#[tokio::test]
async fn nobody_comes_by_the_word_of_who_was_disabled() {
    let fixture = Fixture::new().await;
    let admin = fixture.user("eve", Role::PlatformAdmin, None).await;
    fixture.user("ada", Role::PlatformAdmin, None).await;
    let eve = fixture.sign_in("eve").await.actor;
    invite(&eve, "mallory", Role::PlatformAdmin, None).await;
    let token = fixture.mailed_token().await;
    user::disable(&fixture.operator, admin.id).await.expect("disabled");
    assert_eq!(problems(accept(&fixture, &token, PASSWORD).await), ["Invalid token"]);
}

#[tokio::test]
async fn administrators_invite_whom_they_may_make() {
    let fixture = Fixture::new().await;
    let (acme, other) = (fixture.tenant("acme").await, fixture.tenant("other").await);
    let admin = fixture.actor("ada", Role::TenantAdmin, Some(acme.id)).await;
    let member = fixture.actor("mia", Role::TenantMember, Some(acme.id)).await;
    let stranger = fixture.actor("eve", Role::TenantAdmin, Some(other.id)).await;
    let staff = invitation::invite(&admin, new("sam", Role::Support, None)).await;
    assert_eq!(problems(staff), ["Forbidden role"]);
    let elsewhere = invitation::invite(&admin, new("sam", Role::TenantViewer, Some(other.id))).await;
    assert_eq!(problems(elsewhere), ["NotFound tenantId"]);
    let key = invitation::invite(&fixture.operator, new("sam", Role::Partner, Some(acme.id))).await;
    assert_eq!(problems(key), ["Invalid role"]);
    is_forbidden(
        invitation::invite(&member, new("sam", Role::TenantViewer, None)).await,
        Permission::UserManage,
    );
    assert!(fixture.mails().await.is_empty(), "a refusal sends nothing");

    let invited = invite(&admin, "sam", Role::TenantViewer, None).await;
    let support = invite(&fixture.operator, "sue", Role::Support, None).await;
    assert_eq!(statuses(&member).await.len(), 1, "a tenant sees its own");
    assert!(statuses(&stranger).await.is_empty());
    for id in [invited.id, support.id] {
        assert_eq!(problems(invitation::revoke(&stranger, id).await), ["NotFound invitationId"]);
        assert_eq!(problems(invitation::resend(&stranger, id).await), ["NotFound invitationId"]);
    }
    is_forbidden(invitation::revoke(&member, invited.id).await, Permission::UserManage);
    tenant::suspend(&fixture.operator, acme.id, "unpaid").await.expect("suspended");
    let admin = fixture.sign_in("ada").await.actor;
    is_forbidden(invitation::revoke(&admin, invited.id).await, Permission::UserManage);
    assert_eq!(statuses(&fixture.operator).await, [InvitationStatus::Pending; 2]);
    assert_eq!(fixture.mails().await.len(), 2);
}

#[tokio::test]
async fn an_address_is_taken_by_users_only() {
    let fixture = Fixture::new().await;
    let (acme, other) = (fixture.tenant("acme").await, fixture.tenant("other").await);
    fixture.user("ada", Role::Support, None).await;
    let taken = invitation::invite(&fixture.operator, new("ada", Role::Support, None)).await;
    assert_eq!(problems(taken), ["Conflict email"]);
    invite(&fixture.operator, "sam", Role::TenantViewer, Some(acme.id)).await;
    let twice = invitation::invite(&fixture.operator, new("sam", Role::TenantAdmin, Some(acme.id))).await;
    assert_eq!(problems(twice), ["Conflict email"]);
    let first = fixture.mailed_token().await;
    // Another tenant may ask the same person: who comes first to one is there.
    invite(&fixture.operator, "sam", Role::TenantAdmin, Some(other.id)).await;
    let second = fixture.mailed_token().await;
    accept(&fixture, &first, PASSWORD).await.expect("a user");
    assert_eq!(problems(accept(&fixture, &second, PASSWORD).await), ["Conflict token"]);
    assert_eq!(
        statuses(&fixture.operator).await,
        [InvitationStatus::Accepted, InvitationStatus::Pending],
        "the refusal changed nothing"
    );
}

#[tokio::test]
async fn nobody_gets_many_mails_at_once() {
    let fixture = Fixture::new().await;
    let sam = invite(&fixture.operator, "sam", Role::Support, None).await;
    for _more in 0..2 {
        invitation::resend(&fixture.operator, sam.id).await.expect("sent again");
    }
    let refused = invitation::resend(&fixture.operator, sam.id).await;
    assert_eq!(problems(refused), ["LimitReached invitationId"]);
    assert_eq!(fixture.mails().await.len(), 1, "and of those that waited the last one only");
    fixture.pass(TimeDelta::seconds(30));
    invitation::resend(&fixture.operator, sam.id).await.expect("after a while");
}
