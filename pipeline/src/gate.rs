//! The quality gate: what a run has counted of a stream, and whether a page of it may be written. Deliberately absent:
//! what becomes of a page that may not; the writer keeps its records, and whoever runs the stream holds it.

use serde::{Deserialize, Serialize};

/// When the gate closes.
#[derive(Debug, Clone, PartialEq)]
pub struct GateRules {
    /// More records than so many percent failed by themselves, from 0 to 100; `None` never closes it for that.
    pub failed_percent_max: Option<f64>,
    /// Records that are judged before it may close.
    pub records_min: u64,
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
    /// Somebody has let a page of this run pass: the gate stays open until its end.
    pub is_released: bool,
}

/// What the gate found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreachRule {
    /// [`GateRules::failed_percent_max`], in percent of the judged records.
    FailedRecords,
}

/// Why a page may not be written.
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

    /// What was counted so far.
    pub(crate) fn counts(&self) -> &GateCounts {
        &self.counts
    }

    /// Counts a page that is about to be written; a breach when it may not be.
    pub(crate) fn judge(&mut self, read: u64, failed: u64) -> Option<Breach> {
        let counts = &mut self.counts;
        counts.read = counts.read.saturating_add(read);
        counts.judged = counts.judged.saturating_add(read);
        counts.failed = counts.failed.saturating_add(failed);
        if counts.is_released || counts.judged < self.rules.records_min {
            return None;
        }
        let allowed = self.rules.failed_percent_max?;
        let measured = percent(counts.failed, counts.judged);
        (measured > allowed).then_some(Breach {
            rule: BreachRule::FailedRecords,
            field: None,
            measured,
            allowed,
        })
    }
}

/// 0 of nothing.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::{BreachRule, Gate, GateCounts, GateRules};

    fn gate(percent: Option<f64>, records_min: u64) -> Gate {
        Gate::new(GateRules { failed_percent_max: percent, records_min }, GateCounts::default())
    }

    #[test]
    fn it_closes_past_the_threshold_and_not_at_it() {
        assert_eq!(gate(Some(5.0), 100).judge(100, 5), None);
        let breach = gate(Some(5.0), 100).judge(100, 6).expect("6 % are more than 5 %");
        assert_eq!((breach.rule, breach.measured, breach.allowed), (BreachRule::FailedRecords, 6.0, 5.0));
        assert_eq!(gate(Some(5.0), 100).judge(99, 99), None, "too few to judge by");
        assert_eq!(gate(None, 1).judge(100, 100), None);
        assert!(gate(Some(0.0), 1).judge(1_000_000, 1).is_some());
        assert_eq!(gate(Some(100.0), 1).judge(10, 10), None);
        assert_eq!(gate(Some(0.0), 0).judge(0, 0), None);
    }

    #[test]
    fn it_counts_over_pages_and_attempts() {
        let mut first = gate(Some(5.0), 100);
        assert_eq!(first.judge(60, 4), None);
        let mut resumed = Gate::new(first.rules.clone(), first.counts().clone());
        assert!(resumed.judge(40, 2).is_some(), "6 of 100");
        assert_eq!((resumed.counts().read, resumed.counts().judged, resumed.counts().failed), (100, 100, 6));
        let mut better = Gate::new(first.rules.clone(), first.counts().clone());
        assert_eq!(better.judge(60, 0), None, "4 of 120");
    }

    #[test]
    fn once_somebody_let_it_pass_it_stays_open() {
        let released = GateCounts { is_released: true, ..GateCounts::default() };
        let mut gate = Gate::new(GateRules { failed_percent_max: Some(0.0), records_min: 1 }, released);
        assert_eq!(gate.judge(10, 10), None);
        assert_eq!(gate.counts().read, 10);
    }
}
