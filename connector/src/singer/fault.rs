//! What it means that a tap has failed. Taps have one exit code for everything, so that what they last said must tell:
//! whether waiting helps, or somebody has to do something. Deliberately absent: any of their words in a customer's.

use std::collections::VecDeque;

use super::outcome::Outcome;
use crate::{SystemError, SystemErrorKind};

/// What taps say, in small letters, by what it means. The first that is found counts, from the last line upwards.
const WORDS: [(SystemErrorKind, &[&str]); 6] = [
    (
        SystemErrorKind::Misconfigured,
        &[
            "config is missing",
            "is a required property",
            "missing required",
            "config validation failed",
            "configvalidationerror",
            "unrecognized arguments",
            "arguments are required",
            "usage:",
        ],
    ),
    (
        SystemErrorKind::Unauthorized,
        &[
            "unauthorized",
            "forbidden",
            "authentication failed",
            "invalid credentials",
            "invalid_grant",
            "invalid_client",
            "invalid api key",
            "access denied",
            "permission denied",
        ],
    ),
    (
        SystemErrorKind::Unavailable,
        &[
            "connection refused",
            "connection reset",
            "connection aborted",
            "could not connect",
            "name resolution",
            "unreachable",
        ],
    ),
    (SystemErrorKind::RateLimited, &["too many requests", "rate limit", "ratelimit", "throttl"]),
    (SystemErrorKind::Timeout, &["timed out", "timeout"]),
    (SystemErrorKind::NotFound, &["no such file", "does not exist", "filenotfounderror"]),
];

/// Statuses of HTTP, where a line speaks of one.
const STATUSES: [(SystemErrorKind, &[&str]); 4] = [
    (SystemErrorKind::Unauthorized, &["401", "403"]),
    (SystemErrorKind::RateLimited, &["429"]),
    (SystemErrorKind::NotFound, &["404", "410"]),
    (SystemErrorKind::Unavailable, &["500", "502", "503", "504"]),
];

/// A log line says how grave it is among its first words, behind the time.
const LEVEL_WORDS: usize = 16;

/// Of what a tap said last, in bytes.
const SAID_BYTES_MAX: usize = 3 * 1024;

const MEMORY_HINT: &str = "the tap needs more memory than the operator of this installation allows";

/// Of a tap that did not end well; `None` when nobody knows how.
pub(super) fn of(outcome: Option<Outcome>, tail: &VecDeque<String>) -> SystemError {
    let said = said(tail);
    let (kind, how, hint) = match outcome {
        Some(Outcome::TooMuchMemory) => {
            (SystemErrorKind::Misconfigured, "it took more memory than it may".to_owned(), MEMORY_HINT)
        }
        Some(Outcome::TooManyProcesses) => (
            SystemErrorKind::Misconfigured,
            "it started more processes than it may".to_owned(),
            "the tap starts more processes than it may",
        ),
        Some(Outcome::NotStarted) => {
            (SystemErrorKind::Internal, "it could not be started".to_owned(), "the tap could not be started")
        }
        // Nobody let go of it here.
        Some(Outcome::Stopped) | None => (
            SystemErrorKind::Unavailable,
            "its launcher has ended".to_owned(),
            "the tap was ended from outside",
        ),
        Some(Outcome::Signaled(signal)) => {
            (meaning(tail), format!("it was ended by signal {signal}"), "the tap was ended from outside")
        }
        Some(Outcome::Exited(_)) if tail.iter().any(|line| line.contains("MemoryError")) => {
            (SystemErrorKind::Misconfigured, "it took more memory than it may".to_owned(), MEMORY_HINT)
        }
        Some(Outcome::Exited(127)) if said.contains("the tap can't be started") => {
            (SystemErrorKind::Internal, "it could not be started".to_owned(), "the tap could not be started")
        }
        Some(Outcome::Exited(code)) => {
            (meaning(tail), format!("it ended with code {code}"), "the tap ended with an error")
        }
    };
    SystemError::new(kind, format!("{how}; the last that it said:\n{said}")).with_hint(hint)
}

/// The last lines, as far as there is room for them: details are cut at their end.
pub(super) fn said(tail: &VecDeque<String>) -> String {
    let text = tail.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
    let begin = text.ceil_char_boundary(text.len().saturating_sub(SAID_BYTES_MAX));
    text[begin..].to_owned()
}

/// Where nothing is known, waiting may help: most of what ends a tap is the system behind it.
fn meaning(tail: &VecDeque<String>) -> SystemErrorKind {
    tail.iter().rev().find_map(|line| of_line(line)).unwrap_or(SystemErrorKind::Unavailable)
}

fn of_line(line: &str) -> Option<SystemErrorKind> {
    // What goes well is told in the same words.
    let mut first_words = line.split(|char: char| !char.is_ascii_alphanumeric()).take(LEVEL_WORDS);
    if first_words.any(|word| matches!(word, "INFO" | "DEBUG")) {
        return None;
    }
    let line = line.to_lowercase();
    let speaks_of_status = ["http", "status", "error", "response"].iter().any(|word| line.contains(word));
    let has_number = |numbers: &[&str]| {
        line.split(|char: char| !char.is_ascii_alphanumeric()).any(|word| numbers.contains(&word))
    };
    let by_words = WORDS.iter().find(|(_kind, words)| words.iter().any(|word| line.contains(word)));
    let by_status = || {
        STATUSES
            .iter()
            .find(|(_kind, numbers)| speaks_of_status && has_number(numbers))
            .map(|(kind, _)| *kind)
    };
    by_words.map(|(kind, _words)| *kind).or_else(by_status)
}

#[cfg(test)]
mod tests {
    use super::{Outcome, of};
    use crate::SystemErrorKind;

    #[test]
    fn the_last_words_of_a_tap_say_what_it_means() {
        use SystemErrorKind::{Misconfigured, NotFound, RateLimited, Timeout, Unauthorized, Unavailable};
        for (said, kind) in [
            (
                "requests.exceptions.HTTPError: 401 Client Error for url: https://api.example.com/v1",
                Unauthorized,
            ),
            (
                "psycopg2.OperationalError: FATAL:  password authentication failed for user \"u\"",
                Unauthorized,
            ),
            ("CRITICAL Config is missing required keys: ['host']", Misconfigured),
            ("singer_sdk.exceptions.ConfigValidationError: Config validation failed", Misconfigured),
            ("tap-x: error: unrecognized arguments: --discover", Misconfigured),
            ("HTTP-error-code: 429, Error: slow down", RateLimited),
            ("ERROR 503 Server Error: Service Unavailable for url: https://api.example.com", Unavailable),
            ("socket.timeout: timed out", Timeout),
            ("FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'", NotFound),
            ("connection to server at \"127.0.0.1\", port 1 failed: Connection refused", Unavailable),
            ("INFO 401 records of orders", Unavailable),
            ("(1045, \"Access denied for user 'tap'@'localhost' (using password: YES)\")", Unauthorized),
            ("", Unavailable),
        ] {
            let tail =
                ["time=2026-11-26 07:54:15 name=tap_mysql level=INFO message=Forbidden is a word", said]
                    .map(str::to_owned);
            let tail = if said.starts_with("INFO") || said.is_empty() {
                vec![said.to_owned()]
            } else {
                tail.to_vec()
            };
            let error = of(Some(Outcome::Exited(1)), &tail.into());
            assert_eq!(error.kind, kind, "{said}");
            assert!(error.detail.contains(said) && !error.hint.is_some_and(|hint| hint.contains("example")));
        }
    }

    #[test]
    fn limits_say_which() {
        let memory = of(Some(Outcome::Exited(1)), &vec!["MemoryError".to_owned()].into());
        let killed = of(Some(Outcome::TooMuchMemory), &Vec::new().into());
        assert_eq!((memory.kind, &memory.hint), (SystemErrorKind::Misconfigured, &killed.hint));
        assert_eq!(of(Some(Outcome::Signaled(9)), &Vec::new().into()).kind, SystemErrorKind::Unavailable);
        assert_eq!(of(None, &Vec::new().into()).kind, SystemErrorKind::Unavailable);
    }
}
