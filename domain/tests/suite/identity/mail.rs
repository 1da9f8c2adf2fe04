//! The outbox: what waits is not lost, is not readable, goes once, and does not wait for ever.

use chrono::TimeDelta;
use domain::background::{Background, MailFailure, OutgoingMail};
use domain::invitation::{self, Invitation, InviteUser};
use domain::mail::{LinkTemplate, MailLinks, MailState};
use domain::page::Direction;
use domain::session::reset;
use domain::{PeopleOptions, Role, session};

use super::{Fixture, problems};

/// Where the mails of these tests lead.
pub fn links() -> MailLinks {
    let link = |page: &str| {
        LinkTemplate::parse(&format!("https://portal.example/{page}#{{token}}")).expect("a template")
    };
    MailLinks {
        invitation: link("invited"),
        password_reset: link("reset"),
        email_confirmation: link("confirm"),
    }
}

impl Fixture {
    /// What a worker does with every mail that is due; the mails, in their order.
    pub async fn mails(&self) -> Vec<OutgoingMail> {
        let background = Background::new(self.app.clone());
        let mut mails = Vec::new();
        while let Some(mail) = background.next_mail().await.expect("the database answers") {
            background.mail_sent(&mail).await.expect("the database answers");
            mails.push(mail);
        }
        mails
    }

    /// The token in the link of the one mail that is due.
    pub async fn mailed_token(&self) -> String {
        let mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{mails:#?}");
        token(&mails[0])
    }
}

/// The token in the link of a mail.
pub fn token(mail: &OutgoingMail) -> String {
    let link = mail.body.lines().find_map(|line| line.split_once("https://portal.example/"));
    let token = link.and_then(|(_, link)| link.split_once('#')).map(|(_, token)| token.to_owned());
    token.unwrap_or_else(|| unreachable!("a link: {}", mail.body))
}

fn invite(email: &str) -> InviteUser {
    InviteUser { email: email.to_owned(), name: "Sam".to_owned(), role: Role::Support, tenant_id: None }
}

/// The last invitation.
async fn last(fixture: &Fixture) -> Invitation {
    let all = invitation::InvitationFilter::default();
    let page = invitation::list(&fixture.operator, &all, Direction::Descending, &super::page(1)).await;
    page.expect("a page").edges.remove(0).node
}

async fn state(fixture: &Fixture) -> Option<MailState> {
    last(fixture).await.mail
}

fn failure(refused: bool) -> MailFailure {
    MailFailure { error: "no answer".to_owned(), refused }
}

#[tokio::test]
async fn one_of_several_workers_sends_a_mail_and_it_goes_once() {
    let fixture = Fixture::new().await;
    invitation::invite(&fixture.operator, invite("sam@example.com")).await.expect("invited");
    assert_eq!(state(&fixture).await, Some(MailState::Queued));
    let (one, other) = (Background::new(fixture.app.clone()), Background::new(fixture.app.clone()));
    let (first, second) = tokio::join!(one.next_mail(), other.next_mail());
    let mut claimed: Vec<_> =
        [first, second].into_iter().filter_map(|mail| mail.expect("an answer")).collect();
    assert_eq!(claimed.len(), 1, "{claimed:#?}");
    let mail = claimed.remove(0);
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("sam@example.com", "You are invited to Trestle"));
    one.mail_sent(&mail).await.expect("stored");
    fixture.pass(TimeDelta::days(1));
    assert!(fixture.mails().await.is_empty(), "it went");
    assert_eq!(state(&fixture).await, Some(MailState::Sent));
}

#[tokio::test]
async fn a_mail_of_a_worker_that_died_is_sent_by_another_and_its_late_word_counts_for_nothing() {
    let fixture = Fixture::new().await;
    invitation::invite(&fixture.operator, invite("sam@example.com")).await.expect("invited");
    let background = Background::new(fixture.app.clone());
    let lost = background.next_mail().await.expect("an answer").expect("a mail");
    assert!(background.next_mail().await.expect("an answer").is_none(), "it is being sent");
    fixture.pass(TimeDelta::seconds(120));
    let again = background.next_mail().await.expect("an answer").expect("after the lease");
    assert_eq!((again.id, &again.body), (lost.id, &lost.body), "the same mail");
    background.mail_failed(&lost, failure(false)).await.expect("stored");
    background.mail_sent(&again).await.expect("stored");
    assert_eq!(state(&fixture).await, Some(MailState::Sent));
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_later_and_given_up_in_the_end() {
    let fixture = Fixture::new().await;
    invitation::invite(&fixture.operator, invite("sam@example.com")).await.expect("invited");
    let background = Background::new(fixture.app.clone());
    let mut attempts = 0;
    let mut waited = TimeDelta::zero();
    while let Some(mail) = background.next_mail().await.expect("an answer") {
        attempts += 1;
        background.mail_failed(&mail, failure(false)).await.expect("stored");
        assert!(background.next_mail().await.expect("an answer").is_none(), "not at once");
        let wait = TimeDelta::seconds((10 << (attempts - 1).min(20)).min(3_600));
        fixture.pass(wait - TimeDelta::milliseconds(1));
        assert!(background.next_mail().await.expect("an answer").is_none(), "after {attempts}");
        fixture.pass(TimeDelta::milliseconds(1));
        waited += wait;
    }
    assert_eq!(attempts, 33);
    assert!(waited > TimeDelta::days(1), "{waited}");
    assert_eq!(state(&fixture).await, Some(MailState::Failed));
    // Sending it again begins anew.
    invitation::resend(&fixture.operator, last(&fixture).await.id).await.expect("sent again");
    assert_eq!(state(&fixture).await, Some(MailState::Queued));
}

#[tokio::test]
async fn what_a_server_refuses_is_given_up_soon() {
    let fixture = Fixture::new().await;
    invitation::invite(&fixture.operator, invite("sam@example.com")).await.expect("invited");
    let background = Background::new(fixture.app.clone());
    for _attempt in 0..4 {
        assert_eq!(state(&fixture).await, Some(MailState::Queued));
        let mail = background.next_mail().await.expect("an answer").expect("a mail");
        background.mail_failed(&mail, failure(true)).await.expect("stored");
        fixture.pass(TimeDelta::minutes(2));
    }
    assert_eq!(state(&fixture).await, Some(MailState::Failed));
    assert!(background.next_mail().await.expect("an answer").is_none());
}

#[tokio::test]
async fn what_comes_too_late_is_not_sent() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    reset::request(&fixture.app, "ada@example.com", None).await.expect("asked");
    fixture.pass(TimeDelta::minutes(60));
    assert!(fixture.mails().await.is_empty());
}

#[tokio::test]
async fn nothing_that_waits_can_be_read_in_the_database() {
    let fixture = Fixture::new().await;
    invitation::invite(&fixture.operator, invite("sam@example.com")).await.expect("invited");
    let background = Background::new(fixture.app.clone());
    let mail = background.next_mail().await.expect("an answer").expect("a mail");
    let token = token(&mail);
    let mut stored = Vec::new();
    for entry in std::fs::read_dir(fixture.directory.path()).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            stored.extend(std::fs::read(&path).expect("a file"));
        }
    }
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("sam@example.com"), "of the invitation");
    assert!(!holds(&token) && !holds(&token[36..79]) && !holds("invites you"), "the letter is encrypted");
}

#[tokio::test]
async fn without_mail_only_what_needs_it_is_missing() {
    let fixture = Fixture::with(PeopleOptions::default()).await;
    let ada = fixture.actor("ada", Role::PlatformAdmin, None).await;
    let invited = invitation::invite(&ada, invite("sam@example.com")).await;
    assert_eq!(problems(invited), ["NotConfigured "]);
    assert_eq!(problems(reset::request(&fixture.app, "ada@example.com", None).await), ["NotConfigured "]);
    let password = super::PASSWORD.into();
    let changed = session::email::request(&ada, "new@example.com", &password, None).await;
    assert_eq!(problems(changed), ["NotConfigured "]);
    assert!(fixture.mails().await.is_empty());
}
