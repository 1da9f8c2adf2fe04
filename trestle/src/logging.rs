//! The log: readable lines on a terminal, or one JSON object a line. Always on standard error, so that standard
//! output has only what a caller asked for.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::settings::Settings;

/// Starts logging.
pub fn start(settings: &Settings) {
    let filter = EnvFilter::new(&settings.log);
    let mut builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Colours are for eyes: in a file or a log collector they are noise. On a terminal NO_COLOR decides.
    if !std::io::stderr().is_terminal() {
        builder = builder.with_ansi(false);
    }
    if settings.log_json {
        builder.json().flatten_event(true).with_span_list(false).init();
    } else {
        builder.compact().init();
    }
}
