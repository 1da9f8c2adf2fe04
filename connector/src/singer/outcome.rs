//! How a tap ended, as its launcher tells it: the last line of its standard error, behind all that the tap itself wrote.

use serde::{Deserialize, Serialize};

/// No tap begins a line like this by accident. One that does so on purpose is not the last to speak.
const MARK: &str = "\u{1e}tap ended: ";

/// How a tap ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal that was not ours.
    Signaled(i32),
    /// It took more memory than it may.
    TooMuchMemory,
    /// It started more processes than it may.
    TooManyProcesses,
    /// Nobody wanted it any more.
    Stopped,
    /// It could not be started.
    NotStarted,
}

impl Outcome {
    #[cfg(target_os = "linux")]
    pub(super) fn line(self) -> String {
        format!("{MARK}{}\n", serde_json::to_string(&self).unwrap_or_default())
    }

    /// Of a line of standard error; `None` when the tap wrote it.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line.strip_prefix(MARK.as_bytes())?).ok()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Outcome;

    #[test]
    fn an_outcome_is_told_from_what_a_tap_says() {
        for outcome in [Outcome::Exited(3), Outcome::Signaled(9), Outcome::TooMuchMemory, Outcome::NotStarted]
        {
            let line = outcome.line();
            assert_eq!(Outcome::parse(line.trim_end_matches('\n').as_bytes()), Some(outcome));
        }
        assert_eq!(Outcome::parse(b"tap ended: {\"exited\":0}"), None);
    }
}
