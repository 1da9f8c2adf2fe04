//! `traceparent` as <https://www.w3.org/TR/trace-context/#traceparent-header> has it. Deliberately absent: `tracestate`,
//! in which vendors tell each other what nobody here needs.

use opentelemetry::trace::{SpanContext, TraceState};
use opentelemetry::{SpanId, TraceFlags, TraceId};

/// What a header says; `None` where it is not valid.
pub(super) fn parsed(header: &str) -> Option<SpanContext> {
    let mut parts = header.trim().split('-');
    let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || parts.next().is_none())
        && is_hex(trace_id, 32)
        && is_hex(span_id, 16)
        && is_hex(flags, 2);
    if !is_valid {
        return None;
    }
    let flags = TraceFlags::default().with_sampled(u8::from_str_radix(flags, 16).ok()? & 1 == 1);
    let (trace_id, span_id) = (TraceId::from_hex(trace_id).ok()?, SpanId::from_hex(span_id).ok()?);
    let context = SpanContext::new(trace_id, span_id, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// The header of a span.
pub(super) fn written(context: &SpanContext) -> String {
    let flags = u8::from(context.is_sampled());
    format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id())
}

#[cfg(test)]
mod tests {
    use super::{parsed, written};

    #[test]
    fn a_valid_header_is_written_as_it_was_read_and_no_other_is_taken() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        for flags in ["00", "01"] {
            let header = format!("00-{trace}-{span}-{flags}");
            let context = parsed(&header).expect("it is valid");
            assert_eq!((written(&context), context.is_remote()), (header, true));
        }
        let later = parsed(&format!("cc-{trace}-{span}-03-what-comes")).expect("a later version");
        assert!(later.is_sampled());
        for wrong in [
            String::new(),
            format!("00-{trace}-{span}"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{trace}-{span}-01-more"),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{trace}-{span}-zz"),
            format!("00-{trace}-{span}-+1"),
        ] {
            assert!(parsed(&wrong).is_none(), "{wrong}");
        }
    }
}
