//! Lines of the log on their way to a collector, with the trace in which they were written. Deliberately absent: which lines
//! and fields may leave the process, and how what is secret is blanked in them, which `worker` decides for all that keep lines.

use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord, Logger as _};
use opentelemetry_sdk::logs::SdkLogger;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// For whoever looks closely.
    Debug,
    /// What happens.
    Info,
    /// It recovered.
    Warn,
    /// Somebody must act.
    Error,
}

/// A line.
#[derive(Debug)]
pub struct Log {
    /// How much it matters.
    pub severity: Severity,
    /// What wrote it: a module.
    pub target: &'static str,
    /// What it says.
    pub message: String,
    /// What else it says: names with values.
    pub attributes: Vec<(String, AnyValue)>,
}

/// Takes lines; clones take them for the same collector.
#[derive(Clone, Debug)]
pub struct Logger(SdkLogger);

impl Logger {
    pub(super) fn new(logger: SdkLogger) -> Self {
        Self(logger)
    }

    /// Sends a line later, with others. It never waits: where there is no room for it, it is dropped.
    pub fn log(&self, line: Log) {
        use opentelemetry::logs::Severity as Number;
        let (number, text) = match line.severity {
            Severity::Debug => (Number::Debug, "DEBUG"),
            Severity::Info => (Number::Info, "INFO"),
            Severity::Warn => (Number::Warn, "WARN"),
            Severity::Error => (Number::Error, "ERROR"),
        };
        let mut record = self.0.create_log_record();
        record.set_timestamp(SystemTime::now());
        record.set_severity_number(number);
        record.set_severity_text(text);
        record.set_target(line.target);
        record.set_body(AnyValue::from(line.message));
        record.add_attributes(line.attributes);
        self.0.emit(record);
    }
}
