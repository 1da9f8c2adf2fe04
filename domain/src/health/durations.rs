//! How long runs took, as counts of classes: what was counted apart can be added up, over hours, integrations and tenants,
//! and asked for percentiles afterwards. Eight classes for each doubling: a percentile is off by at most 4.4 %, half the
//! width of a class. Deliberately absent: the durations themselves, which nobody could add up in a query.

/// Classes of each doubling of the milliseconds.
const CLASSES_PER_DOUBLING: f64 = 8.0;
/// The last class: 2^31.875 ms, some 45 days, and all that is longer.
const CLASS_MAX: i16 = 255;
/// The class of runs that did not go through: how long they took says nothing of how long it takes.
pub(crate) const WITHOUT_DURATION: i16 = -1;

/// The class of a duration in milliseconds; below one it counts as one.
pub(crate) fn class_of(duration_ms: i64) -> i16 {
    let class = ((duration_ms.max(1) as f64).log2() * CLASSES_PER_DOUBLING).floor();
    (class as i16).clamp(0, CLASS_MAX)
}

/// Runs by the class of their duration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Durations {
    /// In the order of the classes.
    classes: std::collections::BTreeMap<i16, i64>,
    sum_ms: i64,
}

impl Durations {
    /// Adds runs of a class, that took so long together.
    pub(crate) fn add(&mut self, class: i16, runs: i64, sum_ms: i64) {
        if class >= 0 && runs > 0 {
            *self.classes.entry(class).or_default() += runs;
            self.sum_ms += sum_ms;
        }
    }

    /// Adds all of another one.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (class, runs) in &other.classes {
            *self.classes.entry(*class).or_default() += runs;
        }
        self.sum_ms += other.sum_ms;
    }

    /// How many runs there are.
    pub(crate) fn count(&self) -> i64 {
        self.classes.values().sum()
    }

    /// How long they took together, in milliseconds.
    pub(crate) fn sum_ms(&self) -> i64 {
        self.sum_ms
    }

    /// What this share of the runs (0 to 1) did not exceed, in milliseconds; `None` without any.
    pub(crate) fn percentile_ms(&self, share: f64) -> Option<f64> {
        let rank = (share * self.count() as f64).ceil().max(1.0);
        let mut seen = 0_i64;
        for (class, runs) in &self.classes {
            seen += runs;
            if seen as f64 >= rank {
                // The middle of the class, by proportion.
                return Some(2_f64.powf((f64::from(*class) + 0.5) / CLASSES_PER_DOUBLING));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Durations, class_of};

    fn of(durations: impl IntoIterator<Item = i64>) -> Durations {
        let mut all = Durations::default();
        durations.into_iter().for_each(|ms| all.add(class_of(ms), 1, ms));
        all
    }

    #[test]
    fn percentiles_are_off_by_less_than_five_percent() {
        for shape in [
            (1..=1_000).collect::<Vec<i64>>(),
            (0..500).map(|step| 1_000 + step * step).collect(),
            vec![7],
            vec![3_600_000; 50],
        ] {
            let all = of(shape.iter().copied());
            for share in [0.5, 0.95, 1.0] {
                let mut sorted = shape.clone();
                sorted.sort_unstable();
                let place = ((share * sorted.len() as f64).ceil() as usize).max(1) - 1;
                let (exact, found) = (sorted[place] as f64, all.percentile_ms(share).unwrap());
                // A class of the smallest numbers has one number, which is not in its middle.
                assert!((found / exact - 1.0).abs() < 0.05 || exact < 12.0, "{share}: {found} for {exact}");
            }
        }
        assert_eq!(Durations::default().percentile_ms(0.95), None);
    }

    #[test]
    fn what_was_counted_apart_is_added_up_and_nothing_falls_out() {
        let (mut one, other) = (of(1..=500), of(501..=1_000));
        one.add_all(&other);
        assert_eq!(one, of(1..=1_000));
        assert_eq!((one.count(), one.sum_ms()), (1_000, 500_500));
        assert_eq!([-5, 0, 1, 2, i64::MAX].map(class_of), [0, 0, 0, 8, 255]);
    }
}
