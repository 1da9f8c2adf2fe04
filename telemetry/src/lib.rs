//! What the program says of itself to whoever runs it: spans of what it does, instruments that count, and where both go.
//! Off, a span is a branch; instruments always count, for `GET /metrics`. Deliberately absent: what is said (callers), the
//! environment (`trestle`), and tenants, of whom no instrument knows.

mod export;
mod instrument;
mod instruments;
mod process;
mod prometheus;
pub mod trace;

use std::sync::{Arc, LazyLock};

pub use opentelemetry::logs::AnyValue;

pub use self::export::{
    Exporters, Log, Logger, OtlpOptions, Protocol, Sampling, Severity, Signals, StartError, start,
};
pub use self::instrument::{Counter, Definition, Gauge, Histogram, Label};
pub use self::instruments::Instruments;

/// The instruments of this process, which everything that runs in it counts with.
pub fn instruments() -> &'static Arc<Instruments> {
    static INSTRUMENTS: LazyLock<Arc<Instruments>> = LazyLock::new(|| Arc::new(Instruments::of_process()));
    &INSTRUMENTS
}
