//! Spans: what the program does, one within the other, across tasks, processes and the queue. They are OpenTelemetry's own
//! and not made of `tracing`'s, so that a span costs a branch while traces are off, and a look at a thread's context while
//! its trace is not sampled. Deliberately absent: what a span is called and says, which is its caller's.

mod context;

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context as TaskContext, Poll};
use std::time::SystemTime;

use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;
use pin_project_lite::pin_project;

use self::context::{parsed, written};

/// How a process takes part in traces.
#[derive(Debug)]
pub(crate) struct Tracing {
    pub(crate) tracer: SdkTracer,
    /// Hosts of outside systems that are told which trace a request belongs to: `erp.example`, `.example` for all below it,
    /// `*` for all.
    pub(crate) told_hosts: Vec<String>,
    /// Whether a caller chooses the trace, and with it whether it is recorded.
    pub(crate) follows_parent: bool,
}

/// In a list of hosts that may be told of traces: all. Asked for as a host, it is told where every one may be.
pub const EVERY_HOST: &str = "*";

static TRACING: OnceLock<Tracing> = OnceLock::new();

/// Switches traces on, once in a process.
pub(crate) fn switch_on(tracing: Tracing) {
    TRACING.get_or_init(|| tracing);
}

/// Who takes part in what a span is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This program alone.
    Internal,
    /// It answers somebody.
    Server,
    /// It asks somebody.
    Client,
    /// It leaves work for somebody, or for itself, to do later.
    Producer,
    /// It does such work.
    Consumer,
}

impl From<Kind> for SpanKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Internal => Self::Internal,
            Kind::Server => Self::Server,
            Kind::Client => Self::Client,
            Kind::Producer => Self::Producer,
            Kind::Consumer => Self::Consumer,
        }
    }
}

/// Something that is done, from here until this is dropped. What is not recorded does nothing, whatever is asked of it.
#[derive(Debug, Default)]
pub struct Span {
    /// What happens within it; `None` leaves everything as it is.
    context: Option<Context>,
    is_recorded: bool,
}

impl Span {
    /// Whether it will be seen: what is dear to find out need not be found out for one that is not.
    pub fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// Calls it otherwise.
    pub fn rename(&self, name: impl Into<Cow<'static, str>>) {
        if let (true, Some(context)) = (self.is_recorded, &self.context) {
            context.span().update_name(name);
        }
    }

    /// Says something of it. No credential, no token, no record, no body.
    pub fn set(&self, name: &'static str, value: impl Into<Value>) {
        if let (true, Some(context)) = (self.is_recorded, &self.context) {
            context.span().set_attribute(KeyValue::new(name, value));
        }
    }

    /// Says that it went wrong, by a name of few (`error.type`): a code, a status.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>) {
        if let (true, Some(context)) = (self.is_recorded, &self.context) {
            context.span().set_attribute(KeyValue::new("error.type", error_type.into()));
            context.span().set_status(Status::error(""));
        }
    }

    /// Which trace it belongs to, in 32 hex digits.
    pub fn trace_id(&self) -> Option<String> {
        Some(self.context.as_ref()?.span().span_context().trace_id().to_string())
    }

    /// Its `traceparent`, for what is done because of it elsewhere.
    pub fn traceparent(&self) -> Option<String> {
        Some(written(self.context.as_ref()?.span().span_context()))
    }

    /// The `traceparent` to send to this host with what is done here; `None` unless the operator lets it know of traces.
    /// [`EVERY_HOST`] stands for whoever may get it.
    pub fn traceparent_for(&self, host: &str) -> Option<String> {
        TRACING.get().filter(|tracing| tells(&tracing.told_hosts, host))?;
        self.traceparent().or_else(|| current(written))
    }

    /// What a future does happens within it. It need not live as long as the future.
    pub fn within<F: Future>(&self, future: F) -> Carried<F> {
        Carried { inner: future, context: self.context.clone() }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let (true, Some(context)) = (self.is_recorded, &self.context) {
            context.span().end();
        }
    }
}

pin_project! {
    /// A future whose work happens within a span.
    #[derive(Debug)]
    pub struct Carried<F> {
        #[pin]
        inner: F,
        context: Option<Context>,
    }
}

impl<F: Future> Future for Carried<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.context {
            Some(context) => {
                let _attached = context.clone().attach();
                this.inner.poll(task)
            }
            None => this.inner.poll(task),
        }
    }
}

/// Whether this process takes part in traces at all.
pub fn is_on() -> bool {
    TRACING.get().is_some()
}

/// Whether what is done here will be seen.
pub fn is_recorded() -> bool {
    is_on() && current(SpanContext::is_sampled).unwrap_or_default()
}

/// The future in the trace in which it is made here, wherever it is spawned.
pub fn carried<F: Future>(future: F) -> Carried<F> {
    let context = TRACING.get().and_then(|_on| current(|_context| ()).map(|()| Context::current()));
    Carried { inner: future, context }
}

/// Something within what is done here; not recorded where that is not.
pub fn child(kind: Kind, name: &'static str) -> Span {
    begun(kind, name, None)
}

/// The same of something that began a while ago.
pub fn child_since(kind: Kind, name: &'static str, began_at: SystemTime) -> Span {
    begun(kind, name, Some(began_at))
}

fn begun(kind: Kind, name: &'static str, began_at: Option<SystemTime>) -> Span {
    let Some(tracing) = TRACING.get() else { return Span::default() };
    if !is_recorded() {
        return Span::default();
    }
    let mut builder = builder(kind, name);
    builder.start_time = began_at;
    start(tracing, builder, &Context::current())
}

/// Something that goes on with the trace of a `traceparent`, or with what is done here where there is none, or else begins
/// a trace of its own, which is sampled as the operator says. Of a caller ([`Kind::Server`]) whom the sampler does not
/// follow there is a link, and no more.
pub fn root(kind: Kind, name: &'static str, traceparent: Option<&str>) -> Span {
    TRACING.get().map(|tracing| root_in(tracing, kind, name, traceparent)).unwrap_or_default()
}

fn root_in(tracing: &Tracing, kind: Kind, name: &'static str, traceparent: Option<&str>) -> Span {
    match traceparent.and_then(parsed) {
        // The sampler goes by the trace's id, which is not for strangers to choose.
        Some(caller) if kind == Kind::Server && !tracing.follows_parent => {
            let builder = builder(kind, name).with_links(vec![Link::with_context(caller)]);
            start(tracing, builder, &Context::new())
        }
        Some(parent) => start(tracing, builder(kind, name), &Context::new().with_remote_span_context(parent)),
        None => match current(SpanContext::is_sampled) {
            // It stays as unsampled as what it is part of.
            Some(false) => Span { context: Some(Context::current()), is_recorded: false },
            Some(true) | None => start(tracing, builder(kind, name), &Context::current()),
        },
    }
}

fn builder(kind: Kind, name: &'static str) -> SpanBuilder {
    SpanBuilder::from_name(name).with_kind(kind.into())
}

fn start(tracing: &Tracing, builder: SpanBuilder, parent: &Context) -> Span {
    let span = tracing.tracer.build_with_context(builder, parent);
    if span.is_recording() {
        return Span { context: Some(parent.with_span(span)), is_recorded: true };
    }
    // Whoever comes next knows by it that the trace is not sampled, and lines of the log have its id.
    let unsampled = Context::new().with_remote_span_context(span.span_context().clone());
    Span { context: Some(unsampled), is_recorded: false }
}

/// Something of the span within which this is asked; `None` without one.
fn current<T>(of: impl FnOnce(&SpanContext) -> T) -> Option<T> {
    Context::map_current(|context| {
        let span = context.span();
        span.span_context().is_valid().then(|| of(span.span_context()))
    })
}

/// Trace and span within which this is asked, in hex digits, for a line of the log.
pub fn current_ids() -> Option<(String, String)> {
    TRACING.get()?;
    current(|context| (context.trace_id().to_string(), context.span_id().to_string()))
}

fn tells(told: &[String], host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    told.iter().any(|told| match told.strip_prefix('.') {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => told == EVERY_HOST || *told == host,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::SpanId;
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};

    use super::{
        EVERY_HOST, Kind, Tracing, carried, child, current_ids, is_on, is_recorded, root, root_in, tells,
    };

    /// Spans that ended.
    #[derive(Clone, Debug, Default)]
    struct Ended(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Ended {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().expect("nobody panics").extend(batch);
            Ok(())
        }
    }

    #[test]
    fn a_caller_chooses_the_trace_only_where_the_sampler_follows_callers() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let traceparent = format!("00-{trace}-{span}-01");
        let began = |kind, follows_parent| {
            let ended = Ended::default();
            let provider = SdkTracerProvider::builder()
                .with_sampler(Sampler::AlwaysOn)
                .with_simple_exporter(ended.clone())
                .build();
            let tracing = Tracing { tracer: provider.tracer("test"), told_hosts: Vec::new(), follows_parent };
            drop(root_in(&tracing, kind, "root", Some(&traceparent)));
            let span = ended.0.lock().expect("nobody panics").pop().expect("it ended");
            let links: Vec<String> =
                span.links.iter().map(|link| link.span_context.trace_id().to_string()).collect();
            (span.span_context.trace_id().to_string(), span.parent_span_id, links)
        };
        let within = (trace.to_owned(), SpanId::from_hex(span).expect("an id"), Vec::<String>::new());
        assert_eq!(began(Kind::Server, true), within);
        assert_eq!(began(Kind::Consumer, true), within);
        assert_eq!(began(Kind::Consumer, false), within, "what waited for a worker is our own");
        let (own, parent, links) = began(Kind::Server, false);
        assert_ne!(own, trace);
        assert_eq!((parent, links), (SpanId::INVALID, vec![trace.to_owned()]));
    }

    #[tokio::test]
    async fn while_traces_are_off_nothing_is_known_and_nothing_is_done() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let span = root(Kind::Server, "request", Some(parent));
        span.set("name", "value");
        span.fail("timeout");
        assert!(!span.is_recorded());
        assert_eq!((span.traceparent(), span.trace_id(), span.context.is_none()), (None, None, true));
        let within = span.within(async { (child(Kind::Client, "call").is_recorded(), current_ids()) });
        assert_eq!(carried(within).await, (false, None));
        assert!(child(Kind::Client, "call").traceparent_for("erp.example").is_none());
        assert!(!is_on() && !is_recorded());
    }

    #[test]
    fn a_host_is_told_by_its_name_by_a_domain_above_it_or_with_all() {
        let told = |list: &[&str], host| {
            tells(&list.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>(), host)
        };
        assert!(told(&["erp.example"], "ERP.example") && !told(&["erp.example"], "a.erp.example"));
        assert!(told(&[".example"], "a.erp.example") && !told(&[".example"], "example"));
        assert!(!told(&[".example"], "badexample") && told(&["*"], "anything") && !told(&[], "anything"));
        assert!(told(&["*"], EVERY_HOST) && !told(&["erp.example", ".example"], EVERY_HOST));
    }
}
