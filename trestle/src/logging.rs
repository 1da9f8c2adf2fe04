//! The log: readable lines on a terminal, or one JSON object a line. Always on standard error, so that standard
//! output has only what a caller asked for.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::settings::Settings;

/// Starts logging.
pub fn start(settings: &Settings) {
    let filter = EnvFilter::new(&settings.log);
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if settings.log_json {
        builder.json().flatten_event(true).with_span_list(false).init();
    } else {
        builder.compact().init();
    }
}
