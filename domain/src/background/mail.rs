//! The mails that wait: who may send which next, what it says, and what became of it. Deliberately absent: SMTP.

use chrono::{DateTime, Duration, Utc};
use entity::mail::{self, MailStatus};
use entity::user;
use entity::user_token::{self, TokenPurpose};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Background;
use crate::error::{Doing, Error, Result};
use crate::identity;
use crate::mail::{Letter, MailLinks, Words};
use crate::one_time_token::{EMAIL_CONFIRMATION_START, parse};
use crate::user_token as tokens;

/// Due mails that are looked at together; of several workers each gets another one.
const DUE_ROWS: u64 = 10;
/// How long a worker has for one mail, in seconds; then another one takes it.
pub const MAIL_LEASE_SECONDS: i64 = 120;
/// First wait after an attempt that failed, in seconds; it doubles each time.
const FIRST_WAIT_SECONDS: i64 = 10;
/// Longest wait between two attempts, in seconds.
const LONGEST_WAIT_SECONDS: i64 = 3_600;
/// Attempts before a mail is given up: with these waits a bit more than a day.
const ATTEMPTS_MAX: i64 = 33;
/// Attempts for a mail that the server refuses: some refuse a stranger's first on purpose, and take the second.
const REFUSED_ATTEMPTS_MAX: i64 = 4;
/// Longest error that is kept, in characters.
const ERROR_CHARS_MAX: usize = 300;

/// A mail that this worker may send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMail {
    /// The row; the same at each attempt.
    pub id: Uuid,
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text, lines end in `\n`.
    pub body: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Which attempt it is, from 1: the fence of this worker.
    attempt: i64,
}

/// Why a mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFailure {
    /// For the operator; never the mail.
    pub error: String,
    /// The server refused this mail, and will do so again.
    pub refused: bool,
}

impl Background {
    /// The next mail that is due, claimed for this worker; `None` when there is none, or no mail is sent here. What is
    /// of no use any more is dropped on the way.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used.
    pub async fn next_mail(&self) -> Result<Option<OutgoingMail>> {
        let app = self.app();
        let Some(links) = &app.people().mail else { return Ok(None) };
        loop {
            let now = app.clock().now();
            let due = identity::find::<mail::Entity>()
                .filter(mail::Column::Status.eq(MailStatus::Queued))
                .filter(mail::Column::AvailableAt.lte(now))
                .order_by_asc(mail::Column::AvailableAt)
                .limit(DUE_ROWS)
                .all(app.across_tenants().writer())
                .await
                .doing("reading mails that are due")?;
            if due.is_empty() {
                return Ok(None);
            }
            for row in due {
                if let Some(claimed) = self.claim_mail(row, links, now).await? {
                    return Ok(Some(claimed));
                }
            }
        }
    }

    /// Stores that the mail server took a mail. What it said is forgotten.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; then the mail is sent once more.
    pub async fn mail_sent(&self, mail: &OutgoingMail) -> Result<()> {
        self.finish_mail(mail.id, mail.attempt, MailStatus::Sent, None).await?;
        tracing::info!(mail.id = %mail.id, attempt = mail.attempt, "a mail was sent");
        Ok(())
    }

    /// Stores that a mail could not be sent: it is tried again later, or given up.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; then it is tried again after the lease.
    pub async fn mail_failed(&self, mail: &OutgoingMail, failure: MailFailure) -> Result<()> {
        let error: String =
            failure.error.chars().filter(|char| !char.is_control()).take(ERROR_CHARS_MAX).collect();
        let attempts_max = if failure.refused { REFUSED_ATTEMPTS_MAX } else { ATTEMPTS_MAX };
        if mail.attempt >= attempts_max {
            tracing::error!(
                mail.id = %mail.id,
                attempt = mail.attempt,
                error,
                "a mail could not be sent and is given up"
            );
            return self.finish_mail(mail.id, mail.attempt, MailStatus::GivenUp, Some(error)).await;
        }
        let now = self.app().clock().now();
        identity::update::<mail::Entity>()
            .col_expr(mail::Column::AvailableAt, Expr::value(now + wait_after(mail.attempt)))
            .col_expr(mail::Column::LastError, Expr::value(Some(error)))
            .filter(mail::Column::Id.eq(mail.id))
            .filter(mail::Column::Status.eq(MailStatus::Queued))
            .filter(mail::Column::AttemptCount.eq(mail.attempt))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("storing that a mail was not sent")?;
        Ok(())
    }

    /// One conditional update: of several workers one has the mail.
    async fn claim_mail(
        &self,
        row: mail::Model,
        links: &MailLinks,
        now: DateTime<Utc>,
    ) -> Result<Option<OutgoingMail>> {
        let attempt = row.attempt_count + 1;
        let claimed = identity::update::<mail::Entity>()
            .col_expr(mail::Column::AttemptCount, Expr::value(attempt))
            .col_expr(mail::Column::AvailableAt, Expr::value(now + Duration::seconds(MAIL_LEASE_SECONDS)))
            .filter(mail::Column::Id.eq(row.id))
            .filter(mail::Column::Status.eq(MailStatus::Queued))
            .filter(mail::Column::AttemptCount.eq(row.attempt_count))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("claiming a mail")?;
        if claimed.rows_affected == 0 {
            return Ok(None);
        }
        // A worker that dies at a mail again and again must not do so for ever.
        if row.expires_at <= now || attempt > ATTEMPTS_MAX {
            tracing::error!(
                mail.id = %row.id,
                attempt = row.attempt_count,
                error = row.last_error.as_deref().unwrap_or("no attempt came to an end"),
                "a mail was not sent in time and is given up"
            );
            self.finish_mail(row.id, attempt, MailStatus::GivenUp, row.last_error).await?;
            return Ok(None);
        }
        let letter = match self.open_letter(&row) {
            Ok(letter) => letter,
            Err(error) => {
                tracing::error!(
                    mail.id = %row.id,
                    error = &error as &dyn std::error::Error,
                    "a mail can't be read and is given up"
                );
                let reason = Some("the stored mail can't be read".to_owned());
                self.finish_mail(row.id, attempt, MailStatus::GivenUp, reason).await?;
                return Ok(None);
            }
        };
        let Some((to, words)) = self.address(letter, links, &row, now).await? else {
            identity::delete::<mail::Entity>()
                .filter(mail::Column::Id.eq(row.id))
                .exec(self.app().across_tenants().writer())
                .await
                .doing("dropping a mail that nobody gets")?;
            return Ok(None);
        };
        let Words { subject, body } = words;
        Ok(Some(OutgoingMail { id: row.id, to, subject, body, created_at: row.created_at, attempt }))
    }

    fn open_letter(&self, row: &mail::Model) -> Result<Letter> {
        let sealed = row.sealed_letter.as_deref();
        let sealed = sealed.ok_or_else(|| Error::internal("reading a mail", "it has no letter"))?;
        serde_json::from_slice(&self.app().unseal(Uuid::nil(), row.id, sealed)?).doing("reading a letter")
    }

    /// Who gets a letter, and in which words; `None` for nobody. What must not take time at the request is done here.
    async fn address(
        &self,
        letter: Letter,
        links: &MailLinks,
        row: &mail::Model,
        now: DateTime<Utc>,
    ) -> Result<Option<(String, Words)>> {
        let (app, mut words) = (self.app(), Words::of(&letter, links));
        let with_address = async |email: &str| {
            identity::find::<user::Entity>()
                .filter(user::Column::Email.eq(email))
                .one(app.across_tenants().writer())
                .await
                .doing("reading a user by mail address")
        };
        let email = match letter {
            Letter::Invitation { email, .. } | Letter::Notice { email, .. } => email,
            Letter::PasswordReset { email, token } => {
                let user = with_address(&email).await?;
                let Some(user) = user.filter(|user| user.disabled_at.is_none()) else { return Ok(None) };
                let purpose = TokenPurpose::PasswordReset;
                let times = (now, row.expires_at);
                tokens::store(app.across_tenants().writer(), &token, purpose, user.id, None, times).await?;
                email
            }
            Letter::EmailConfirmation { user_id, email, token } => {
                let id = parse(EMAIL_CONFIRMATION_START, &token).map(|(id, _hash)| id);
                let is_good = identity::find::<user_token::Entity>()
                    .filter(user_token::Column::Id.eq(id.unwrap_or(Uuid::nil())))
                    .filter(user_token::Column::UsedAt.is_null())
                    .one(app.across_tenants().writer())
                    .await
                    .doing("reading a token")?;
                if is_good.is_none() {
                    return Ok(None);
                }
                if with_address(&email).await?.is_some_and(|user| user.id != user_id) {
                    words = Words::address_taken();
                }
                email
            }
        };
        Ok(Some((email, words)))
    }

    async fn finish_mail(
        &self,
        id: Uuid,
        attempt: i64,
        status: MailStatus,
        error: Option<String>,
    ) -> Result<()> {
        identity::update::<mail::Entity>()
            .col_expr(mail::Column::Status, Expr::value(status))
            .col_expr(mail::Column::SealedLetter, Expr::value(None::<Vec<u8>>))
            .col_expr(mail::Column::FinishedAt, Expr::value(Some(self.app().clock().now())))
            .col_expr(mail::Column::LastError, Expr::value(error))
            .filter(mail::Column::Id.eq(id))
            .filter(mail::Column::Status.eq(MailStatus::Queued))
            .filter(mail::Column::AttemptCount.eq(attempt))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("storing the end of a mail")?;
        Ok(())
    }
}

/// The wait after so many attempts: 10 s, 20 s, 40 s … an hour.
pub(super) fn wait_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or_default();
    Duration::seconds(std::cmp::min(FIRST_WAIT_SECONDS << doublings, LONGEST_WAIT_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::{ATTEMPTS_MAX, wait_after};

    #[test]
    fn waits_double_up_to_an_hour_and_come_to_a_day() {
        let seconds = |attempt| wait_after(attempt).num_seconds();
        assert_eq!([1, 2, 3, 8, 9, 10, 33].map(seconds), [10, 20, 40, 1_280, 2_560, 3_600, 3_600]);
        let all: i64 = (1..ATTEMPTS_MAX).map(seconds).sum();
        assert!((24..26).contains(&(all / 3_600)), "{all}");
    }
}
