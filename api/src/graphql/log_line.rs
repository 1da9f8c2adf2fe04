//! What the program logged about a run, and beside it.

use async_graphql::{Enum, InputObject, Object};
use domain::log_line;

use super::error::{Result, filter_text};
use super::scalar::{DateTime, Json};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::log_line::Level")]
pub enum LogLevel {
    /// For whoever looks for a fault; kept where the operator says so.
    Debug,
    /// One line an operation.
    Info,
    /// Something went wrong, and recovered.
    Warn,
    /// Somebody must act.
    Error,
}

/// A line that the program logged, kept for as long as `Tenant.retention` says. Secrets, records and bodies are in none.
#[derive(Clone)]
pub struct LogLine(pub(super) log_line::LogLine);

/// A line that the program logged, kept for as long as `Tenant.retention` says. Secrets, records and bodies are in none.
#[Object]
impl LogLine {
    /// When it was logged.
    fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// How much it matters.
    fn level(&self) -> LogLevel {
        self.0.level.into()
    }

    /// The part of the program that logged it, e.g. `pipeline::stream::writer`.
    fn component(&self) -> &str {
        &self.0.component
    }

    /// In words for engineers.
    fn message(&self) -> &str {
        &self.0.message
    }

    /// Its fields, an object of texts, numbers and booleans.
    fn attributes(&self) -> Json {
        self.0.attributes.clone().into()
    }
}

/// Which lines a list has; all conditions hold at once. They are looked for among the lines of the run, in their order until
/// the page is full; a run keeps at most 600 a minute.
#[derive(Debug, Default, InputObject)]
pub struct LogFilter {
    /// Logged at or after.
    from: Option<DateTime>,
    /// Logged before.
    to: Option<DateTime>,
    /// Those that matter so much, or more.
    level: Option<LogLevel>,
    /// Whose message contains this, in upper or lower case: at most 200 characters.
    search: Option<String>,
    /// Of this part of the program, or of parts of it: `pipeline` has `pipeline::stream::writer`.
    component: Option<String>,
}

impl LogFilter {
    pub(super) fn decode(self) -> Result<log_line::LogFilter> {
        Ok(log_line::LogFilter {
            from: self.from.map(|at| at.0),
            to: self.to.map(|at| at.0),
            level: self.level.map(Into::into),
            search: self.search.map(filter_text).transpose()?,
            component: self.component.map(filter_text).transpose()?,
        })
    }
}
