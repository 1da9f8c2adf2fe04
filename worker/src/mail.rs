//! Sends the mails that wait, over SMTP. Which are due, and what becomes of them, stands in `domain`; here is when, and
//! the wire. The mail server is the operator's own, so the egress guard of connectors is not asked.

use std::error::Error as _;
use std::fmt;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use domain::background::{Background, MAIL_LEASE_SECONDS, MailFailure, OutgoingMail};
use lettre::address::AddressError;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MessageBuilder, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;

/// How long a mail waits at most before the first attempt. Each look costs one indexed query.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Longest wait for one answer of the mail server; RFC 5321, section 4.5.3.2, allows it minutes, which nobody has here.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest attempt, connecting and all: shorter than the lease, so that no other worker sends the same meanwhile.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(MAIL_LEASE_SECONDS as u64 / 2);
/// How long an attempt may go on at the end of the worker.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// Replies that speak of the mail or its address, not of us (RFC 5321, section 4.2.3): trying again hardly helps.
const REFUSALS: [u16; 6] = [550, 551, 552, 553, 554, 556];

/// The way to the operator's mail server. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    is_encrypted: bool,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}

/// A notice as a mail.
pub(crate) struct NoticeMail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) created_at: DateTime<Utc>,
    /// The same at each attempt; no domain.
    pub(crate) message_id: String,
}

/// Why a URL names no mail server.
#[derive(Debug, thiserror::Error)]
pub enum SmtpUrlError {
    /// Not one of ours.
    #[error(
        "must begin with smtp:// (STARTTLS, port 587) or smtps:// (TLS, port 465); smtp://…?tls=none sends in plain text"
    )]
    Scheme,
    /// The rest of it.
    #[error("is not a URL like smtp://user:password@mail.example:587")]
    Form,
}

impl Mailer {
    /// To a server by its URL, from a sender like `Trestle <trestle@example.com>`. Nothing is connected to yet.
    ///
    /// # Errors
    /// When the URL can't be used.
    pub fn new(url: &str, from: Mailbox) -> Result<Self, SmtpUrlError> {
        let (url, is_encrypted) = match url.split_once("://") {
            Some(("smtps", rest)) if !rest.contains(['?', '#']) => (url.to_owned(), true),
            Some(("smtp", rest)) => match rest.split_once(['?', '#']) {
                None => (format!("{url}?tls=required"), true),
                Some((rest, "tls=none")) => (format!("smtp://{rest}"), false),
                Some(_other) => return Err(SmtpUrlError::Scheme),
            },
            _ => return Err(SmtpUrlError::Scheme),
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url)
            .map_err(|_detail| SmtpUrlError::Form)?
            .timeout(Some(ANSWER_TIMEOUT))
            .build();
        Ok(Self { transport, from, is_encrypted })
    }

    /// Reads a sender: an address, or a name and an address in angle brackets.
    ///
    /// # Errors
    /// When it is neither.
    pub fn sender(text: &str) -> Result<Mailbox, AddressError> {
        text.parse()
    }

    /// False for a server that the operator wants to be talked to in plain text.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// One attempt.
    async fn send(&self, mail: &OutgoingMail) -> Result<(), MailFailure> {
        let message = self.message(mail);
        self.send_to(&mail.to, message).await
    }

    /// One attempt at a notice, in text and HTML.
    pub(crate) async fn send_notice(&self, mail: NoticeMail) -> Result<(), MailFailure> {
        let NoticeMail { to, subject, text, html, created_at, message_id } = mail;
        let builder = self.builder(&to, subject, created_at, &message_id);
        let message = builder.and_then(|builder| {
            builder
                .multipart(MultiPart::alternative_plain_html(text, html))
                .map_err(|error| error.to_string())
        });
        self.send_to(&to, message).await
    }

    async fn send_to(&self, to: &str, message: Result<Message, String>) -> Result<(), MailFailure> {
        let failure = |error: String, refused| MailFailure { error, refused };
        let message = message.map_err(|error| failure(error, true))?;
        match timeout(ATTEMPT_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_taken)) => Ok(()),
            Ok(Err(error)) => {
                let refused = error.status().is_some_and(|code| REFUSALS.contains(&u16::from(code)));
                let mut text = error.to_string();
                // Its own text has its cause already.
                let mut source = error.source().and_then(std::error::Error::source);
                while let Some(cause) = source {
                    text += &format!(": {cause}");
                    source = cause.source();
                }
                // Servers repeat whom a mail is for, which is nothing for a log.
                Err(failure(text.replace(to, "the address"), refused))
            }
            Err(_elapsed) => Err(failure("the mail server took too long".to_owned(), false)),
        }
    }

    fn message(&self, mail: &OutgoingMail) -> Result<Message, String> {
        let id = mail.id.simple().to_string();
        self.builder(&mail.to, mail.subject.clone(), mail.created_at, &id)?
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body.clone())
            .map_err(|error| error.to_string())
    }

    fn builder(
        &self,
        to: &str,
        subject: String,
        created_at: DateTime<Utc>,
        id: &str,
    ) -> Result<MessageBuilder, String> {
        let to = to.parse().map_err(|_error| "the address can't be written to".to_owned())?;
        // The same at each attempt: a mail server that took one whose answer was lost can tell the second.
        let message_id = format!("<{id}@{}>", self.from.email.domain());
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(SystemTime::from(created_at))
            .message_id(Some(message_id))
            // RFC 3834: nobody's out-of-office answers it.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        Ok(builder)
    }
}

/// Sends what is due until `shutdown`. An outage of the mail server or the database is logged and waited out.
pub(crate) async fn run(background: Background, mailer: Option<Mailer>, shutdown: CancellationToken) {
    let Some(mailer) = mailer else { return shutdown.cancelled().await };
    let database = Outage::new("the database, for mails,");
    let server = Outage::new("the mail server");
    let mut look = interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = look.tick() => {}
        }
        let sent = tokio::select! {
            sent = send_due(&background, &mailer, &server, &shutdown) => sent,
            // What is cut off here is sent by the next worker, after its lease.
            () = patience(&shutdown) => return,
        };
        match sent {
            Ok(()) => database.answered(),
            Err(error) => database.failed(&error),
        }
    }
}

async fn patience(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    sleep(LAST_PATIENCE).await;
}

async fn send_due(
    background: &Background,
    mailer: &Mailer,
    server: &Outage,
    shutdown: &CancellationToken,
) -> domain::Result<()> {
    while !shutdown.is_cancelled() {
        let Some(mail) = background.next_mail().await? else { return Ok(()) };
        match mailer.send(&mail).await {
            Ok(()) => {
                server.answered();
                background.mail_sent(&mail).await?;
            }
            Err(failure) => {
                if failure.refused {
                    tracing::warn!(mail.id = %mail.id, error = failure.error, "the mail server refused a mail");
                } else {
                    server.failed(&Unsent(failure.error.clone()));
                }
                background.mail_failed(&mail, failure).await?;
            }
        }
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unsent(String);

#[cfg(test)]
mod tests {
    use super::Mailer;

    fn mailer(url: &str) -> Result<Mailer, String> {
        let from = Mailer::sender("Trestle <trestle@example.com>").expect("a sender");
        Mailer::new(url, from).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_url_that_says_so_is_plain_text() {
        for url in
            ["smtp://mail.example", "smtp://ada:p%40ss@mail.example:2525", "smtps://ada:x@mail.example"]
        {
            assert!(mailer(url).expect(url).is_encrypted(), "{url}");
        }
        assert!(!mailer("smtp://mail.example:25?tls=none").expect("plain").is_encrypted());
        for url in [
            "",
            "mail.example",
            "http://mail.example",
            "smtp://mail.example?tls=opportunistic",
            "smtps://mail.example?tls=none",
            "smtp://mail.example#tls=none&x",
            "smtp://",
        ] {
            assert!(mailer(url).is_err(), "{url}");
        }
    }

    #[test]
    fn senders_have_an_address() {
        assert!(Mailer::sender("trestle@example.com").is_ok());
        for wrong in ["", "Trestle", "a@b, c@d", "Trestle <trestle@example.com\r\nBcc: x@y>"] {
            assert!(Mailer::sender(wrong).is_err(), "{wrong}");
        }
    }
}
