//! The log: readable lines on a terminal, or one JSON object a line. Always on standard error, so that standard
//! output has only what a caller asked for. What is about a tenant is kept by a worker as well.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::Settings;

/// Starts logging.
pub fn start(settings: &Settings) {
    let printed = fmt::layer().with_writer(std::io::stderr);
    // Colours are for eyes: in a file or a log collector they are noise. On a terminal NO_COLOR decides.
    let printed = if std::io::stderr().is_terminal() { printed } else { printed.with_ansi(false) };
    let printed = if settings.log_json {
        printed.json().flatten_event(true).with_span_list(false).boxed()
    } else {
        printed.compact().boxed()
    };
    let kept = worker::log_layer(settings.kept_log);
    // One filter for both: see `log_layer`.
    tracing_subscriber::registry().with(EnvFilter::new(&settings.log)).with(printed).with(kept).init();
}
