//! Mails to people: what is to be sent is stored, encrypted, in the transaction of the change that it tells of. Workers
//! send it (`background::mail`); a mail server that is down loses nothing.
//!
//! Deliberately absent: SMTP (the worker's), and HTML.

mod words;

use chrono::{DateTime, Duration, Utc};
use entity::mail::{self, MailKind, MailStatus};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::identity;

pub(crate) use words::Words;

/// How long rows of mails are kept: a month of answers to "did it go out?".
const KEPT_DAYS: i64 = 30;
/// How long a notice is worth sending: whoever reads it later can still act.
const NOTICE_DAYS: i64 = 3;

/// A page to which a mail leads: a URL with `{token}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTemplate(String);

/// Why a text is no template of a link.
#[derive(Debug, thiserror::Error)]
#[error("must be one http:// or https:// URL with `{{token}}` in it, once")]
pub struct NotALink;

impl LinkTemplate {
    /// What stands for the token.
    const PLACE: &str = "{token}";

    /// A URL with one place for the token.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> std::result::Result<Self, NotALink> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(NotALink)?;
        let (host, _path) = rest.split_once(['/', '?', '#']).ok_or(NotALink)?;
        let is_plain = text.chars().all(|char| char.is_ascii_graphic() && !"<>\"\\^`".contains(char));
        if host.is_empty() || host.contains('{') || !is_plain || text.matches(Self::PLACE).count() != 1 {
            return Err(NotALink);
        }
        Ok(Self(text.to_owned()))
    }

    /// The link for a token, all of whose characters may stand in a URL.
    pub(crate) fn link(&self, token: &str) -> String {
        self.0.replace(Self::PLACE, token)
    }
}

/// Where mails lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailLinks {
    /// Where an invitation is accepted.
    pub invitation: LinkTemplate,
    /// Where a new password is chosen.
    pub password_reset: LinkTemplate,
    /// Where a new mail address is confirmed.
    pub email_confirmation: LinkTemplate,
}

/// What is to be sent, to whom. It is stored encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Letter {
    /// To somebody who is to come.
    Invitation { email: String, name: String, inviter: String, tenant: Option<String>, token: String },
    /// To whoever has this address, if anybody: that is looked up when it is sent, so that the request takes as long
    /// for an address that nobody has.
    PasswordReset { email: String, token: String },
    /// To an address that somebody wants to have. Whether it is free is looked up when it is sent.
    EmailConfirmation { user_id: Uuid, email: String, token: String },
    /// To a person, about their access.
    Notice { email: String, notice: Notice },
}

/// What people are told of their access, so that they notice when it was not them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notice {
    /// Somebody asked to change the mail address to another one.
    EmailChange { new_email: String },
    /// A mail led to a new password.
    PasswordReset,
    /// A second factor is asked for from now on.
    SecondFactorOn,
    /// The person turned it off.
    SecondFactorOff,
    /// An administrator took it away.
    SecondFactorReset,
}

impl Letter {
    fn kind(&self) -> MailKind {
        match self {
            Self::Invitation { .. } => MailKind::Invitation,
            Self::PasswordReset { .. } => MailKind::PasswordReset,
            Self::EmailConfirmation { .. } => MailKind::EmailConfirmation,
            Self::Notice { .. } => MailKind::Notice,
        }
    }
}

/// Whether a mail went out, as far as people who wait for its effect should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// It waits, or is tried again.
    Queued,
    /// The mail server took it.
    Sent,
    /// It did not go out, and is tried no more.
    Failed,
}

impl From<MailStatus> for MailState {
    fn from(status: MailStatus) -> Self {
        match status {
            MailStatus::Queued => Self::Queued,
            MailStatus::Sent => Self::Sent,
            MailStatus::GivenUp => Self::Failed,
        }
    }
}

/// Where mails lead.
///
/// # Errors
/// Rejected with `NOT_CONFIGURED` where no mail is sent.
pub(crate) fn links<'a>(app: &'a App, what: &str) -> Result<&'a MailLinks> {
    app.people().mail.as_ref().ok_or_else(|| Error::no_mail(what))
}

/// Stores a letter in the transaction of what it tells of.
pub(crate) async fn queue(
    app: &App,
    connection: &impl ConnectionTrait,
    letter: &Letter,
    subject_id: Option<Uuid>,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    let id = new_id();
    let text = serde_json::to_vec(letter).doing("writing a letter")?;
    let row = mail::Model {
        id,
        kind: letter.kind(),
        subject_id,
        status: MailStatus::Queued,
        sealed_letter: Some(app.seal(Uuid::nil(), id, &text)?),
        attempt_count: 0,
        available_at: now,
        expires_at,
        created_at: now,
        finished_at: None,
        last_error: None,
    };
    identity::insert::<mail::Entity>(connection, row, "storing a mail").await
}

/// Tells a person of a change of their access, where mail is sent at all.
pub(crate) async fn notify(
    app: &App,
    connection: &impl ConnectionTrait,
    email: &str,
    notice: Notice,
    now: DateTime<Utc>,
) -> Result<()> {
    if app.people().mail.is_none() {
        return Ok(());
    }
    let letter = Letter::Notice { email: email.to_owned(), notice };
    queue(app, connection, &letter, None, now, now + Duration::days(NOTICE_DAYS)).await
}

/// Forgets what is still to be sent about something that ended.
pub(crate) async fn withdraw(connection: &impl ConnectionTrait, subject_id: Uuid) -> Result<()> {
    identity::delete::<mail::Entity>()
        .filter(mail::Column::SubjectId.eq(subject_id))
        .filter(mail::Column::Status.eq(MailStatus::Queued))
        .exec(connection)
        .await
        .doing("withdrawing a mail")?;
    Ok(())
}

/// Deletes rows of mails that are old. Returns how many.
pub(crate) async fn purge(connection: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    let deleted = identity::delete::<mail::Entity>()
        .filter(mail::Column::CreatedAt.lt(now - Duration::days(KEPT_DAYS)))
        .exec(connection)
        .await
        .doing("deleting old mails")?;
    Ok(deleted.rows_affected)
}

#[cfg(test)]
mod tests {
    use super::LinkTemplate;

    #[test]
    fn a_link_has_one_place_for_the_token() {
        let template =
            LinkTemplate::parse("https://portal.example/invited?token={token}&x=1").expect("a link");
        assert_eq!(template.link("tri_7"), "https://portal.example/invited?token=tri_7&x=1");
        for good in ["http://localhost:8080/graphql#acceptInvitation={token}", "https://p.example/{token}"] {
            assert!(LinkTemplate::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "{token}",
            "https://portal.example/",
            "https://portal.example/{token}/{token}",
            "https://{token}/",
            "https:///{token}",
            "javascript:alert({token})",
            "https://portal.example/a b{token}",
            "https://portal.example/\n{token}",
        ] {
            assert!(LinkTemplate::parse(bad).is_err(), "{bad}");
        }
    }
}
