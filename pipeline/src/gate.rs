//! The quality gate: what a run has counted of a stream, and whether a page of it may be written. Deliberately absent:
//! what becomes of a page that may not; the writer keeps its records, and whoever runs the stream holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// When the gate closes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GateRules {
    /// More records than so many percent failed by themselves, from 0 to 100; `None` never closes it for that.
    pub failed_percent_max: Option<f64>,
    /// Records that are judged before it may close for a rate.
    pub records_min: u64,
    /// Fields that may be null in so many percent of the records at most, which have passed mapping and rules.
    pub null_rates: Vec<NullRate>,
    /// How many records a run reads; `None` where that is not judged.
    pub volume: Option<Volume>,
}

/// How often a field may be null.
#[derive(Debug, Clone, PartialEq)]
pub struct NullRate {
    /// Its name in the mapped record; absent is null.
    pub field: String,
    /// From 0 to 100.
    pub percent_max: f64,
}

/// How many records a run may read, in percent of what runs before it have read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Volume {
    /// What they read.
    pub usual: u64,
    /// At least so many percent of it, judged at the end.
    pub percent_min: Option<f64>,
    /// At most so many percent of it, judged page by page.
    pub percent_max: Option<f64>,
}

/// What a run has counted of a stream, in all its attempts. Kept with the checkpoint of the last page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GateCounts {
    /// Items read.
    pub read: u64,
    /// Of these, since somebody last decided to leave a page out.
    pub judged: u64,
    /// Of the judged ones, those that failed before they would have been written: malformed, without a key, not to be
    /// mapped, against the rules, or twice.
    pub failed: u64,
    /// Of the judged ones, those that passed mapping and rules.
    pub passed: u64,
    /// Of the passed ones, those in which a field is null, for the fields of [`GateRules::null_rates`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub nulls: BTreeMap<String, u64>,
    /// Somebody has let a page of this run pass: the gate stays open until its end.
    pub is_released: bool,
}

impl GateCounts {
    /// Begins to judge anew, behind a page that was left out.
    pub fn begin_anew(&mut self) {
        *self = Self { read: self.read, is_released: self.is_released, ..Self::default() };
    }

    /// With what another part of the stream has counted.
    pub fn plus(mut self, other: &Self) -> Self {
        let add = |sum: &mut u64, number: u64| *sum = sum.saturating_add(number);
        add(&mut self.read, other.read);
        add(&mut self.judged, other.judged);
        add(&mut self.failed, other.failed);
        add(&mut self.passed, other.passed);
        for (field, nulls) in &other.nulls {
            add(self.nulls.entry(field.clone()).or_default(), *nulls);
        }
        self.is_released |= other.is_released;
        self
    }

    /// In how many percent of the records a field is null; `None` where none passed.
    pub fn null_percent(&self, field: &str) -> Option<f64> {
        let nulls = self.nulls.get(field)?;
        (self.passed > 0).then(|| percent(*nulls, self.passed))
    }
}

/// What a page adds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PageCounts {
    pub(crate) read: u64,
    pub(crate) failed: u64,
    pub(crate) passed: u64,
    /// Of [`GateRules::null_rates`], in their order.
    pub(crate) nulls: Vec<u64>,
}

/// What the gate found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreachRule {
    /// [`GateRules::failed_percent_max`], in percent of the judged records.
    FailedRecords,
    /// [`GateRules::null_rates`], in percent of the records that passed.
    NullRate,
    /// [`Volume::percent_max`].
    VolumeHigh,
    /// [`Volume::percent_min`].
    VolumeLow,
}

/// Why a page may not be written, or a stream is not what it usually is.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// What was found.
    pub rule: BreachRule,
    /// The field that it is about.
    pub field: Option<String>,
    /// What was measured, in the unit of the rule.
    pub measured: f64,
    /// What is allowed, in the same unit.
    pub allowed: f64,
}

impl Breach {
    fn of_records(rule: BreachRule, measured: f64, allowed: f64) -> Self {
        Self { rule, field: None, measured, allowed }
    }
}

/// The gate of one stream of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    rules: GateRules,
    counts: GateCounts,
}

impl Gate {
    /// With what earlier attempts of the run have counted.
    pub fn new(rules: GateRules, counts: GateCounts) -> Self {
        Self { rules, counts }
    }

    /// Lets everything pass, because a person has decided so.
    pub fn release(&mut self) {
        self.counts.is_released = true;
    }

    /// What was counted so far.
    pub(crate) fn counts(&self) -> &GateCounts {
        &self.counts
    }

    /// The fields whose nulls are to be counted.
    pub(crate) fn null_fields(&self) -> Vec<String> {
        self.rules.null_rates.iter().map(|rate| rate.field.clone()).collect()
    }

    /// Counts a page that is about to be written; a breach when it may not be.
    pub(crate) fn judge(&mut self, page: &PageCounts) -> Option<Breach> {
        let counts = &mut self.counts;
        let add = |sum: &mut u64, number: u64| *sum = sum.saturating_add(number);
        add(&mut counts.read, page.read);
        add(&mut counts.judged, page.read);
        add(&mut counts.failed, page.failed);
        add(&mut counts.passed, page.passed);
        for (rate, nulls) in self.rules.null_rates.iter().zip(&page.nulls) {
            add(counts.nulls.entry(rate.field.clone()).or_default(), *nulls);
        }
        if self.counts.is_released {
            return None;
        }
        self.too_many().or_else(|| {
            let is_enough = self.counts.judged >= self.rules.records_min;
            is_enough.then(|| self.too_bad()).flatten()
        })
    }

    /// At the end of the stream: a breach when it was less than usual.
    pub(crate) fn at_the_end(&self) -> Option<Breach> {
        let volume = self.rules.volume.filter(|_volume| !self.counts.is_released)?;
        let (measured, allowed) = (percent(self.counts.read, volume.usual), volume.percent_min?);
        (measured < allowed).then(|| Breach::of_records(BreachRule::VolumeLow, measured, allowed))
    }

    fn too_many(&self) -> Option<Breach> {
        let volume = self.rules.volume?;
        let (measured, allowed) = (percent(self.counts.read, volume.usual), volume.percent_max?);
        (measured > allowed).then(|| Breach::of_records(BreachRule::VolumeHigh, measured, allowed))
    }

    fn too_bad(&self) -> Option<Breach> {
        let measured = percent(self.counts.failed, self.counts.judged);
        if let Some(allowed) = self.rules.failed_percent_max.filter(|allowed| measured > *allowed) {
            return Some(Breach::of_records(BreachRule::FailedRecords, measured, allowed));
        }
        self.rules.null_rates.iter().find_map(|rate| {
            let (measured, allowed) = (self.counts.null_percent(&rate.field)?, rate.percent_max);
            let field = Some(rate.field.clone());
            (measured > allowed).then_some(Breach { rule: BreachRule::NullRate, field, measured, allowed })
        })
    }
}

/// 0 of nothing.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::{BreachRule, Gate, GateCounts, GateRules, NullRate, PageCounts, Volume};

    fn gate(percent: Option<f64>, records_min: u64) -> Gate {
        let rules = GateRules { failed_percent_max: percent, records_min, ..GateRules::default() };
        Gate::new(rules, GateCounts::default())
    }

    fn page(read: u64, failed: u64) -> PageCounts {
        PageCounts { read, failed, passed: read - failed, nulls: Vec::new() }
    }

    #[test]
    fn it_closes_past_the_threshold_and_not_at_it() {
        assert_eq!(gate(Some(5.0), 100).judge(&page(100, 5)), None);
        let breach = gate(Some(5.0), 100).judge(&page(100, 6)).expect("6 % are more than 5 %");
        assert_eq!((breach.rule, breach.measured, breach.allowed), (BreachRule::FailedRecords, 6.0, 5.0));
        assert_eq!(gate(Some(5.0), 100).judge(&page(99, 99)), None, "too few to judge by");
        assert_eq!(gate(None, 1).judge(&page(100, 100)), None);
        assert!(gate(Some(0.0), 1).judge(&page(1_000_000, 1)).is_some());
        assert_eq!(gate(Some(100.0), 1).judge(&page(10, 10)), None);
        assert_eq!(gate(Some(0.0), 0).judge(&page(0, 0)), None);
    }

    #[test]
    fn it_counts_over_pages_and_attempts_and_anew_behind_a_page_that_was_left_out() {
        let mut first = gate(Some(5.0), 100);
        assert_eq!(first.judge(&page(60, 4)), None);
        let mut resumed = Gate::new(first.rules.clone(), first.counts().clone());
        assert!(resumed.judge(&page(40, 2)).is_some(), "6 of 100");
        assert_eq!((resumed.counts().read, resumed.counts().judged, resumed.counts().failed), (100, 100, 6));
        let mut better = Gate::new(first.rules.clone(), first.counts().clone());
        assert_eq!(better.judge(&page(60, 0)), None, "4 of 120");
        resumed.counts.begin_anew();
        assert_eq!(resumed.judge(&page(100, 5)), None);
        assert_eq!((resumed.counts().read, resumed.counts().judged), (200, 100));
    }

    #[test]
    fn once_somebody_let_it_pass_it_stays_open() {
        let mut gate = gate(Some(0.0), 1);
        gate.rules.volume = Some(Volume { usual: 100, percent_min: Some(90.0), percent_max: Some(1.0) });
        gate.counts.is_released = true;
        assert_eq!(gate.judge(&page(10, 10)), None);
        assert_eq!((gate.counts().read, gate.at_the_end()), (10, None));
    }

    #[test]
    fn a_field_that_is_null_too_often_closes_it_and_an_absent_one_is_null() {
        let rate = |field: &str, percent_max| NullRate { field: field.to_owned(), percent_max };
        let mut gate = gate(None, 10);
        gate.rules.null_rates = vec![rate("email", 50.0), rate("phone", 10.0)];
        let nulls = |nulls: [u64; 2]| PageCounts { read: 10, failed: 0, passed: 10, nulls: nulls.to_vec() };
        assert_eq!(gate.judge(&nulls([5, 1])), None);
        let breach = gate.judge(&nulls([5, 2])).expect("3 of 20 are more than 10 %");
        assert_eq!((breach.rule, breach.field.as_deref()), (BreachRule::NullRate, Some("phone")));
        assert_eq!((breach.measured, breach.allowed), (15.0, 10.0));
        assert_eq!(gate.counts().null_percent("email"), Some(50.0));
        assert_eq!(gate.counts().null_percent("other"), None);
    }

    #[test]
    fn the_volume_is_judged_by_what_is_usual() {
        let volume = Volume { usual: 1_000, percent_min: Some(50.0), percent_max: Some(150.0) };
        let with = |read: u64| {
            let mut gate = gate(None, 1_000_000);
            gate.rules.volume = Some(volume);
            let breach = gate.judge(&page(read, 0));
            (breach.map(|breach| breach.rule), gate.at_the_end().map(|breach| breach.rule))
        };
        assert_eq!(with(499), (None, Some(BreachRule::VolumeLow)));
        assert_eq!(with(500), (None, None));
        assert_eq!(with(1_500), (None, None));
        assert_eq!(with(1_501), (Some(BreachRule::VolumeHigh), None));
    }
}
