//! Sees every event that is logged, and keeps those that name a tenant, by themselves or by the spans that they are in.

use domain::log_line::Level;
use serde_json::Value;
use telemetry::{AnyValue, Log, Logger, Severity};
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::fields::Found;
use super::queue::{Line, QUEUE, Subject};

/// The program's own crates: what libraries log may hold what they were given.
const OWN: [&str; 9] =
    ["api", "connector", "domain", "migration", "pipeline", "redis_client", "trestle", "worker", "entity"];

/// Keeps lines about tenants, while a worker of the process stores them, and sends all to a collector where there is one.
#[derive(Debug)]
pub struct LogLayer {
    level: LevelFilter,
    logger: Option<Logger>,
}

/// The layer: it keeps events of such a level and those that matter more, of the program's own crates, as far as the
/// subscriber's filter lets them through. One of a process; a worker of it stores the lines. `logger` gets them as well,
/// also those about no tenant, and whatever the level; what may be said in them is the same.
///
/// It looks at each event itself and is no filtered layer: what `sqlx` asks before it logs a statement leaves the filters of
/// `tracing-subscriber` 0.3 as they were for that statement, and the next event of the thread is then lost if it is one
/// that all filters always want.
pub fn log_layer(level: LevelFilter, logger: Option<Logger>) -> LogLayer {
    LogLayer { level, logger }
}

impl LogLayer {
    /// Whether somebody may want the lines of this process.
    fn is_wanted(&self) -> bool {
        self.logger.is_some() || QUEUE.is_taken()
    }

    fn keeps(&self, metadata: &Metadata<'_>) -> bool {
        QUEUE.is_taken() && *metadata.level() <= self.level
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        // A process without a worker pays nothing for it.
        if let Some(span) = ctx.span(id).filter(|_span| self.is_wanted()) {
            let mut found = Found::default();
            attributes.record(&mut found);
            span.extensions_mut().insert(found);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id)
            && let Some(found) = span.extensions_mut().get_mut::<Found>()
        {
            values.record(found);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let keeps = self.keeps(event.metadata());
        if !is_own(event.metadata()) || !keeps && self.logger.is_none() {
            return;
        }
        let mut found = Found::default();
        event.record(&mut found);
        for span in ctx.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Found>() {
                found.within(outer);
            }
        }
        if let Some(logger) = &self.logger {
            logger.log(exported(event.metadata(), &found));
        }
        let Some(tenant_id) = found.tenant_id.filter(|_id| keeps) else { return };
        let subject = Subject {
            tenant_id,
            run_id: found.run_id,
            integration_id: found.integration_id,
            system_id: found.system_id,
        };
        let metadata = event.metadata();
        let level = match *metadata.level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG | tracing::Level::TRACE => Level::Debug,
        };
        let message = std::mem::take(&mut found.message);
        let attributes = found.into_attributes();
        let component = metadata.target();
        QUEUE.push(Line { subject, at: Instant::now(), level, component, message, attributes });
    }
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    OWN.contains(&metadata.target().split("::").next().unwrap_or_default())
}

/// A line as a collector gets it: what is kept of lines, and whose they are.
fn exported(metadata: &Metadata<'static>, found: &Found) -> Log {
    let severity = match *metadata.level() {
        tracing::Level::ERROR => Severity::Error,
        tracing::Level::WARN => Severity::Warn,
        tracing::Level::INFO => Severity::Info,
        tracing::Level::DEBUG | tracing::Level::TRACE => Severity::Debug,
    };
    let ids = [
        ("tenant.id", found.tenant_id),
        ("run.id", found.run_id),
        ("integration.id", found.integration_id),
        ("system.id", found.system_id),
    ];
    let ids =
        ids.into_iter().filter_map(|(name, id)| Some((name.to_owned(), AnyValue::from(id?.to_string()))));
    let others = found.attributes.iter().filter_map(|(name, value)| Some((name.clone(), plain(value)?)));
    let attributes = ids.chain(others).collect();
    Log { severity, target: metadata.target(), message: found.message.clone(), attributes }
}

/// Fields are numbers, booleans and texts.
fn plain(value: &Value) -> Option<AnyValue> {
    match value {
        Value::Bool(value) => Some(AnyValue::Boolean(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Some(AnyValue::Int(number)),
            None => number.as_f64().map(AnyValue::Double),
        },
        Value::String(text) => Some(AnyValue::from(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;
    use uuid::Uuid;

    use super::log_layer;
    use crate::log_line::queue::QUEUE;

    #[test]
    fn lines_say_what_they_are_about_and_nothing_that_nobody_decided_to_keep() {
        let subscriber = tracing_subscriber::registry().with(log_layer(LevelFilter::INFO, None));
        let (tenant, run) = (Uuid::from_u128(0xa11), Uuid::from_u128(0xb22));
        tracing::subscriber::with_default(subscriber, || {
            let log = || {
                let job = tracing::info_span!("job", tenant.id = %tenant, job.id = "j1");
                let _job = job.enter();
                let span = tracing::info_span!("run", run.id = %run, attempt = 2);
                let _span = span.enter();
                let error = std::io::Error::other("no: password=hunter2&x=1");
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, body = "a record", wait_ms = 5_u64, "it is {}", "tried again");
                tracing::debug!("too much");
            };
            tracing::info!("about nobody");
            log();
            let _taking = QUEUE.taken();
            log();
            tracing::info!("about nobody");
            tracing::info!(target: "sqlx::query", { tenant.id = %tenant }, "of a library");
        });
        let lines = QUEUE.take(usize::MAX);
        let [line] = &lines[..] else { unreachable!("one line: {lines:?}") };
        assert_eq!((line.subject.tenant_id, line.subject.run_id), (tenant, Some(run)));
        assert_eq!((line.message.as_str(), line.component), ("it is tried again", module_path!()));
        let wanted = json!({
            "attempt": 2, "error": "no: password=[hidden]&x=1", "job.id": "j1", "wait_ms": 5,
        });
        assert_eq!(Value::Object(line.attributes.clone()), wanted);
    }
}
