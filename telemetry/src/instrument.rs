//! Instruments: a counter, a gauge, a histogram, each with a cell for every combination of its labels' values. All values
//! are named where the instrument is, so that no caller can make series without end, and each is there from the start.
//! Deliberately absent: which instruments there are (`instruments`), and how they are written.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;

/// What an instrument is.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// As OpenTelemetry has it, with dots; Prometheus' name follows from it, the unit and the kind.
    pub name: &'static str,
    /// A unit of <https://ucum.org/ucum>: `s`, `By`, or what is counted, like `{run}`.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// By what it is told apart.
    pub labels: &'static [Label],
}

/// A label with all the values that it can have. What is none of them counts as the last one.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// As OpenTelemetry has it; Prometheus' has `_` in place of dots.
    pub name: &'static str,
    /// In the order in which they are written.
    pub values: &'static [&'static str],
}

impl Definition {
    /// How many combinations of values there are.
    pub(crate) fn cell_count(&self) -> usize {
        self.labels.iter().map(|label| label.values.len()).product()
    }

    /// The cell of these values, one a label, in their order.
    fn cell(&self, values: &[&str]) -> usize {
        debug_assert_eq!(values.len(), self.labels.len(), "{} has other labels", self.name);
        self.labels.iter().zip(values).fold(0, |cell, (label, value)| {
            let last = label.values.len() - 1;
            let place = label.values.iter().position(|known| known == value).unwrap_or(last);
            cell * label.values.len() + place
        })
    }

    /// The labels of a cell with their values.
    pub(crate) fn labels_of(&self, mut cell: usize) -> Vec<(&'static str, &'static str)> {
        let mut labels = Vec::with_capacity(self.labels.len());
        for label in self.labels.iter().rev() {
            labels.push((label.name, label.values[cell % label.values.len()]));
            cell /= label.values.len();
        }
        labels.reverse();
        labels
    }

    /// The same as OpenTelemetry has it.
    pub(crate) fn attributes_of(&self, cell: usize) -> Vec<KeyValue> {
        self.labels_of(cell).into_iter().map(|(name, value)| KeyValue::new(name, value)).collect()
    }
}

fn numbers(count: usize, bits: u64) -> Box<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(bits)).collect()
}

/// Counts up.
#[derive(Debug)]
pub struct Counter {
    pub(crate) definition: Definition,
    cells: Box<[AtomicU64]>,
}

impl Counter {
    pub(crate) fn new(definition: Definition) -> Self {
        Self { cells: numbers(definition.cell_count(), 0), definition }
    }

    /// Counts so many with these values of its labels.
    pub fn add(&self, values: &[&str], number: u64) {
        self.cells[self.definition.cell(values)].fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = (usize, u64)> {
        self.cells.iter().map(|cell| cell.load(Ordering::Relaxed)).enumerate()
    }
}

/// What a [`Gauge`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// How it is: sums of several say nothing.
    Measure,
    /// How many there are.
    Level,
    /// How much there was since the start.
    Total,
}

/// Holds a number. One that was never set is not there.
#[derive(Debug)]
pub struct Gauge {
    pub(crate) definition: Definition,
    pub(crate) meaning: Meaning,
    cells: Box<[AtomicU64]>,
}

impl Gauge {
    /// Not there until it is set.
    pub(crate) fn new(definition: Definition, meaning: Meaning) -> Self {
        Self { cells: numbers(definition.cell_count(), f64::NAN.to_bits()), definition, meaning }
    }

    /// How many there are, from none on.
    pub(crate) fn level(definition: Definition) -> Self {
        Self { cells: numbers(definition.cell_count(), 0_f64.to_bits()), definition, meaning: Meaning::Level }
    }

    /// Sets it.
    pub fn set(&self, values: &[&str], number: f64) {
        self.cells[self.definition.cell(values)].store(number.to_bits(), Ordering::Relaxed);
    }

    /// Nothing is known of it any more.
    pub fn forget(&self, values: &[&str]) {
        self.set(values, f64::NAN);
    }

    /// Adds to it, or takes from it.
    pub fn add(&self, values: &[&str], number: f64) {
        let cell = &self.cells[self.definition.cell(values)];
        let more = |bits| Some((f64::from_bits(bits) + number).to_bits());
        // The function always gives a number, so this never fails.
        cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).unwrap_or_default();
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = (usize, f64)> {
        let values = self.cells.iter().map(|cell| f64::from_bits(cell.load(Ordering::Relaxed))).enumerate();
        values.filter(|(_, value)| !value.is_nan())
    }
}

/// How long things took, in seconds.
#[derive(Debug)]
pub struct Histogram {
    pub(crate) definition: Definition,
    /// Upper bounds, which belong to their buckets; above the last one there is another.
    pub(crate) bounds: &'static [f64],
    cells: Box<[Distribution]>,
    /// The same for whoever gets it over OTLP: OpenTelemetry asks for no histogram, it is told.
    mirror: OnceLock<Mirror>,
}

#[derive(Debug)]
struct Distribution {
    buckets: Box<[AtomicU64]>,
    micros: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) histogram: opentelemetry::metrics::Histogram<f64>,
    /// Of each cell.
    pub(crate) attributes: Vec<Vec<KeyValue>>,
}

/// What a cell of a histogram holds.
pub(crate) struct Distributed {
    /// How many in each bucket, the one above the last bound at the end.
    pub(crate) buckets: Vec<u64>,
    /// In seconds.
    pub(crate) sum: f64,
}

impl Histogram {
    pub(crate) fn new(definition: Definition, bounds: &'static [f64]) -> Self {
        let distribution =
            |_| Distribution { buckets: numbers(bounds.len() + 1, 0), micros: AtomicU64::new(0) };
        let cells = (0..definition.cell_count()).map(distribution).collect();
        Self { definition, bounds, cells, mirror: OnceLock::new() }
    }

    /// Notes that something took so long.
    pub fn record(&self, values: &[&str], duration: Duration) {
        let (place, seconds) = (self.definition.cell(values), duration.as_secs_f64());
        let cell = &self.cells[place];
        let bucket = self.bounds.iter().position(|bound| seconds <= *bound).unwrap_or(self.bounds.len());
        cell.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        cell.micros.fetch_add(micros, Ordering::Relaxed);
        if let Some(mirror) = self.mirror.get() {
            mirror.histogram.record(seconds, &mirror.attributes[place]);
        }
    }

    /// From now on it is told here, too. The first mirror stays.
    pub(crate) fn tell(&self, mirror: Mirror) {
        self.mirror.get_or_init(|| mirror);
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = (usize, Distributed)> {
        self.cells.iter().enumerate().map(|(place, cell)| {
            let buckets = cell.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
            let micros = cell.micros.load(Ordering::Relaxed);
            (place, Distributed { buckets, sum: Duration::from_micros(micros).as_secs_f64() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, Definition, Gauge, Label};

    const LABELS: &[Label] =
        &[Label { name: "a", values: &["1", "2", "other"] }, Label { name: "b", values: &["x", "y"] }];
    const COUNTED: Definition = Definition { name: "counted", unit: "{it}", help: "It.", labels: LABELS };

    #[test]
    fn each_combination_has_a_cell_and_what_nobody_named_counts_as_the_last() {
        let counter = Counter::new(COUNTED);
        counter.add(&["2", "x"], 3);
        counter.add(&["tenant-17", "y"], 1);
        let found: Vec<_> = counter.values().filter(|(_, value)| *value > 0).collect();
        assert_eq!(found, [(2, 3), (5, 1)]);
        assert_eq!(COUNTED.cell_count(), 6);
        assert_eq!(COUNTED.labels_of(2), [("a", "2"), ("b", "x")]);
        assert_eq!(COUNTED.labels_of(5), [("a", "other"), ("b", "y")]);
    }

    #[test]
    fn a_gauge_is_there_from_when_it_is_set_until_it_is_forgotten() {
        let gauge = Gauge::new(Definition { labels: &[], ..COUNTED }, super::Meaning::Measure);
        assert_eq!(gauge.values().count(), 0);
        gauge.set(&[], 2.0);
        gauge.add(&[], -0.5);
        assert_eq!(gauge.values().collect::<Vec<_>>(), [(0, 1.5)]);
        gauge.forget(&[]);
        assert_eq!(gauge.values().count(), 0);
    }
}
