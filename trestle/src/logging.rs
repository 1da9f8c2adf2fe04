//! The log: readable lines on a terminal, or one JSON object a line. Always on standard error, so that standard
//! output has only what a caller asked for. What is about a tenant is kept by a worker as well.

use std::io::IsTerminal;

use telemetry::{Logger, trace};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{self, FmtContext, FormatEvent};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::Settings;

/// Starts logging; `logger` takes lines for a collector, where there is one.
pub fn start(settings: &Settings, logger: Option<Logger>) {
    let printed = fmt::layer().with_writer(std::io::stderr);
    // Colours are for eyes: in a file or a log collector they are noise. On a terminal NO_COLOR decides.
    let printed = if std::io::stderr().is_terminal() { printed } else { printed.with_ansi(false) };
    let printed = if settings.log_json {
        let format = fmt::format().json().flatten_event(true).with_span_list(false);
        printed.fmt_fields(JsonFields::new()).event_format(Traced(format)).boxed()
    } else {
        printed.compact().boxed()
    };
    let kept = worker::log_layer(settings.kept_log, logger);
    // One filter for both: see `log_layer`.
    tracing_subscriber::registry().with(EnvFilter::new(&settings.log)).with(printed).with(kept).init();
}

/// JSON lines with the trace and span in which they were written, by the names under which log collectors look for them.
struct Traced(Format<Json>);

impl<S> FormatEvent<S, JsonFields> for Traced
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let Some((trace_id, span_id)) = trace::current_ids() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let Some(object) = line.trim_end().strip_suffix('}') else { return writer.write_str(&line) };
        writeln!(writer, "{object},\"trace_id\":\"{trace_id}\",\"span_id\":\"{span_id}\"}}")
    }
}
