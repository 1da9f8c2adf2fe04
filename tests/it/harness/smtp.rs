//! A real mail server, `smtp-server` in Node.js, that can be killed and started again, and whose mails are read.
//! Deliberately absent: delivery; what it took is in its log.

use std::path::PathBuf;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde::Deserialize;

use super::process::Process;
use super::trestle::Setup;
use super::wait::{SOON, until};
use super::watchdog;
use crate::peer::node;

/// How long Node.js may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The sender of all mails.
pub const SENDER: &str = "trestle@example.com";
/// Where their links lead.
const PORTAL: &str = "https://portal.example/";

/// How a mail server talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In plain text only.
    Plain,
    /// Encrypted after STARTTLS; whoever sends must sign in.
    StartTls,
    /// Encrypted from the first byte; whoever sends must sign in.
    Tls,
}

/// A mail server on a port of its own, the same after a restart.
pub struct Smtp {
    mode: Mode,
    port: u16,
    directory: PathBuf,
    process: Option<Process>,
}

/// A mail as the server took it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The receivers of the envelope.
    pub to: Vec<String>,
    /// Who had signed in.
    pub user: Option<String>,
    /// Whether the connection was encrypted.
    pub secure: bool,
    /// Headers and body.
    pub raw: String,
}

impl Mail {
    /// Its text, decoded.
    pub fn text(&self) -> String {
        let (_, body) = self.raw.split_once("\r\n\r\n").expect("a mail has headers and a body");
        match self.header("Content-Transfer-Encoding").as_deref() {
            Some("7bit") => body.to_owned(),
            Some("quoted-printable") => quoted_printable(body),
            other => panic!("an encoding that this does not read, {other:?}: {}", self.raw),
        }
    }

    /// A header, on one line.
    pub fn header(&self, name: &str) -> Option<String> {
        let (headers, _) = self.raw.split_once("\r\n\r\n").expect("a mail has headers and a body");
        let headers = headers.replace("\r\n ", " ");
        let mut lines = headers.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }

    /// The token in its link.
    pub fn token(&self) -> String {
        let text = self.text();
        let link = text.lines().find_map(|line| line.strip_prefix(PORTAL));
        let token = link.and_then(|link| link.split_once('#')).map(|(_, token)| token.to_owned());
        token.unwrap_or_else(|| panic!("no link in {text}"))
    }
}

impl Smtp {
    /// Starts one.
    pub async fn start(mode: Mode) -> Self {
        let directory = watchdog::directory("smtp");
        if mode != Mode::Plain {
            make_certificate(&directory);
        }
        let mut smtp = Self { mode, port: 0, directory, process: None };
        smtp.start_again().await;
        smtp
    }

    /// Starts it again after [`kill9`](Self::kill9), on the same port.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let mode = match self.mode {
            Mode::Plain => "plain",
            Mode::StartTls => "starttls",
            Mode::Tls => "tls",
        };
        let mut command = node("smtp_server", "smtp-server", "server.mjs");
        command.arg(self.port.to_string()).arg(mode);
        command.arg(self.directory.join("server.pem")).arg(self.directory.join("server.key"));
        let mut process = Process::start("smtp", &mut command, &self.directory.join("smtp.log"), "KILL");
        self.port = process.line("listening on ", START_LIMIT).await.parse().expect("a port");
        self.process = Some(process);
    }

    /// Ends it as a crash does.
    pub fn kill9(&mut self) {
        self.process.take().expect("it runs").kill9();
    }

    /// A Trestle that sends its mails here.
    pub fn setup(&self, setup: Setup) -> Setup {
        let address = format!("localhost:{}", self.port);
        let url = match self.mode {
            Mode::Plain => format!("smtp://{address}?tls=none"),
            Mode::StartTls => format!("smtp://trestle:p%40ss%20word@{address}"),
            Mode::Tls => format!("smtps://trestle:p%40ss%20word@{address}"),
        };
        let setup = setup
            .setting("TRESTLE_SMTP_URL", url)
            .setting("TRESTLE_MAIL_FROM", format!("Trestle <{SENDER}>"))
            .setting("TRESTLE_INVITATION_URL", format!("{PORTAL}invited#{{token}}"))
            .setting("TRESTLE_PASSWORD_RESET_URL", format!("{PORTAL}reset#{{token}}"))
            .setting("TRESTLE_EMAIL_CONFIRMATION_URL", format!("{PORTAL}confirm#{{token}}"));
        // The certificates that the system trusts, as rustls-native-certs reads them.
        if self.mode == Mode::Plain {
            setup
        } else {
            setup.setting("SSL_CERT_FILE", self.directory.join("authority.pem").display())
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every mail that it took, the oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        let log = std::fs::read_to_string(self.directory.join("smtp.log")).expect("its log");
        let lines = log.lines().filter_map(|line| line.strip_prefix("mail "));
        // The last line may not be written to its end yet.
        lines.map_while(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What it complained of.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("smtp.log")).expect("its log")
    }

    /// Waits until it took so many mails for an address, and gives them.
    pub async fn mails_to(&self, address: &str, count: usize) -> Vec<Mail> {
        until(&format!("{count} mails for {address}"), SOON, async || {
            let mails: Vec<Mail> = self.mails().into_iter().filter(|mail| mail.to == [address]).collect();
            if mails.len() >= count { Ok(mails) } else { Err(self.mails()) }
        })
        .await
    }
}

/// An authority that nobody else knows, and a certificate of it for `localhost`.
fn make_certificate(directory: &std::path::Path) {
    let write = |name: &str, text: String| {
        std::fs::write(directory.join(name), text).unwrap_or_else(|error| panic!("writing {name}: {error}"));
    };
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("authority.pem", authority.self_signed(&authority_key).expect("a certificate").pem());
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    write("server.pem", server.signed_by(&key, &issuer).expect("a certificate").pem());
    write("server.key", key.serialize_pem());
}

/// RFC 2045, section 6.7, of a text whose lines end in CRLF.
fn quoted_printable(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'=' && tail.len() >= 2 {
            let digits = std::str::from_utf8(&tail[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal"));
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
