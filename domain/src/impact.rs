//! How much depends on what failed, by the rules of its stream, and how urgent a group of failures is by that. Deliberately
//! absent: whose it is to act, and in which order they read it (`inbox`).

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use connector::Record;
use entity::failure_group;
use entity::integration::{Stream, StreamImpact};
use pipeline::Rules;
use serde_json::Value;

pub use entity::failure::Impact;

/// What a halving of the number of failures makes, or a day, in the numbers that are stored: they are millionths.
const HALVING: f64 = 1_000_000.0;
/// A day in milliseconds: after it failures count half, for what has just come needs somebody sooner.
const DAY_MS: f64 = 86_400_000.0;
/// A step of impact is as much as a thousand times as many failures (2^10), or ten days.
const STEP: i64 = 10_000_000;
/// What is left of nothing is as much as one failure of so many days ago.
const FADED_DAYS: i64 = 20;
/// What values are stored in: ten-thousandths, which every currency can be told in.
const VALUE_PARTS: f64 = 10_000.0;

/// The rules of one stream, compiled.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    base: Impact,
    value_field: Option<String>,
    rules: Vec<(Rules, Impact, Option<String>)>,
}

/// How much depends on one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The impact.
    pub(crate) impact: Impact,
    /// The label of the rule that says so.
    pub(crate) reason: Option<String>,
    /// What is at stake, in ten-thousandths.
    pub(crate) value: Option<i64>,
}

impl Judge {
    /// Of a stream. What was stored was checked, so that a rule which can't be compiled is one of another program: it is
    /// logged, and speaks of no record.
    pub(crate) fn of(stream: &Stream) -> Self {
        let StreamImpact { base, value_field, rules } = &stream.impact;
        let mut compiled = Vec::with_capacity(rules.len());
        for rule in rules {
            match Rules::compile(&rule.when) {
                Ok(when) => compiled.push((when, rule.impact, rule.label.clone())),
                Err(error) => {
                    let stream = &stream.name;
                    tracing::warn!(%error, stream, "a rule of impact can't be used, and is left out");
                }
            }
        }
        Self { base: *base, value_field: value_field.clone(), rules: compiled }
    }

    /// Judges a record; `None` for what is none.
    pub(crate) fn judge(&self, record: Option<&Record>) -> Judged {
        let by_base = Judged { impact: self.base, ..Judged::default() };
        let Some(record) = record.filter(|_| !(self.rules.is_empty() && self.value_field.is_none())) else {
            return by_base;
        };
        let record = Value::from(record.clone());
        let value = self.value_field.as_ref().and_then(|field| parts(record.pointer(field)?));
        match self.rules.iter().find(|(when, ..)| when.holds(&record)) {
            Some((_, impact, label)) => Judged { impact: *impact, reason: label.clone(), value },
            None => Judged { value, ..by_base },
        }
    }
}

/// The impact of what is of no single record: of a stream, or where it is of none, of the one on which most depends.
pub(crate) fn of_streams(streams: &[Stream], name: Option<&str>) -> Impact {
    let base = |stream: &Stream| stream.impact.base;
    let named = name.and_then(|name| streams.iter().find(|stream| stream.name == name));
    named.map(base).or_else(|| streams.iter().map(base).max()).unwrap_or_default()
}

/// A number, or a text that is one, as it is stored. What is owed is at stake as much as what is due.
fn parts(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    // A cast of what is too large gives the largest.
    number.is_finite().then(|| (number.abs() * VALUE_PARTS).round() as i64)
}

/// What is stored as a decimal number for people: without an exponent, and without zeros at its end.
pub(crate) fn decimal(parts: i64) -> String {
    let whole = VALUE_PARTS as i64;
    let fraction = format!("{:04}", (parts % whole).abs());
    match fraction.trim_end_matches('0') {
        "" => (parts / whole).to_string(),
        fraction => format!("{}.{fraction}", parts / whole),
    }
}

/// What depends on failures together.
///
/// Their urgency is the logarithm of a product, the weight of the impact times how many there are, in which each failure
/// counts half of one that comes a day later. So the urgency of a group changes only when failures come or end: all of them
/// fade alike, and their order stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stakes {
    /// The highest.
    pub(crate) impact: Impact,
    /// The logarithm of how many there are, together with when, in millionths.
    pub(crate) frequency: i64,
    /// What is at stake, in ten-thousandths.
    pub(crate) value: Option<i64>,
}

impl Stakes {
    /// Of so many failures, at least one, that come now.
    pub(crate) fn new(impact: Impact, count: i64, value: Option<i64>, now: DateTime<Utc>) -> Self {
        let days = now.timestamp_millis() as f64 / DAY_MS;
        let halvings = (count.max(1) as f64).log2();
        Self { impact, frequency: ((days + halvings) * HALVING).round() as i64, value }
    }

    /// Of failures by when they failed, at least one.
    pub(crate) fn failed(impact: Impact, times: &BTreeMap<DateTime<Utc>, i64>, value: Option<i64>) -> Self {
        Self { impact, frequency: frequency(times).unwrap_or(i64::MIN), value }
    }

    /// Of what a group has.
    pub(crate) fn of(group: &failure_group::Model) -> Self {
        let frequency = group.urgency.saturating_sub(weight(group.impact));
        Self { impact: group.impact, frequency, value: group.value_at_stake }
    }

    /// With others.
    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            impact: self.impact.max(other.impact),
            frequency: together(self.frequency, other.frequency),
            value: sum(self.value, other.value),
        }
    }

    /// Without some that are over: how many failed when, and their values.
    pub(crate) fn without(
        self,
        over: &BTreeMap<DateTime<Utc>, i64>,
        value: Option<i64>,
        now: DateTime<Utc>,
    ) -> Self {
        let faded = Self::new(self.impact, 1, None, now - Duration::days(FADED_DAYS)).frequency;
        let left = frequency(over).map_or(self.frequency, |gone| less(self.frequency, gone).max(faded));
        Self {
            // It never grows by what goes.
            frequency: left.min(self.frequency),
            value: self.value.map(|all| all.saturating_sub(value.unwrap_or_default()).max(0)),
            ..self
        }
    }

    /// The place in the inbox: the highest comes first.
    pub(crate) fn urgency(self) -> i64 {
        self.frequency.saturating_add(weight(self.impact))
    }
}

/// How many there are together, by when they failed; `None` where there are none.
fn frequency(times: &BTreeMap<DateTime<Utc>, i64>) -> Option<i64> {
    let of = |(at, count): (&DateTime<Utc>, &i64)| Stakes::new(Impact::Low, *count, None, *at).frequency;
    times.iter().map(of).reduce(together)
}

/// Values together; none is not nothing.
pub(crate) fn sum(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

fn weight(impact: Impact) -> i64 {
    let steps = match impact {
        Impact::Low => 0,
        Impact::Medium => 1,
        Impact::High => 2,
        Impact::Critical => 3,
    };
    steps * STEP
}

/// The logarithm of a difference, of logarithms; the least number where nothing is left.
fn less(all: i64, gone: i64) -> i64 {
    let apart = all.saturating_sub(gone) as f64 / HALVING;
    if apart <= 0.0 {
        return i64::MIN;
    }
    all.saturating_add(((-(-apart).exp2()).ln_1p() / std::f64::consts::LN_2 * HALVING).round() as i64)
}

/// The logarithm of a sum, of the logarithms of what is added.
fn together(one: i64, other: i64) -> i64 {
    let (more, less) = (one.max(other), one.min(other));
    let apart = more.saturating_sub(less) as f64 / HALVING;
    more.saturating_add(((-apart).exp2().ln_1p() / std::f64::consts::LN_2 * HALVING).round() as i64)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use chrono::{DateTime, Duration, Utc};
    use connector::Record;
    use entity::integration::{ImpactRule, StreamImpact, SyncMode};
    use serde_json::{Value, json};

    use super::{Impact, Judge, Judged, Stakes, Stream, decimal, of_streams, parts};

    fn stream(name: &str, impact: StreamImpact) -> Stream {
        Stream {
            name: name.to_owned(),
            mode: SyncMode::Full,
            key_fields: vec!["id".to_owned()],
            cursor_field: None,
            source: json!({}),
            destination: json!({}),
            mapping: None,
            record_schema: None,
            overlap: None,
            on_schema_change: Default::default(),
            deletions: None,
            quality: Default::default(),
            impact,
        }
    }

    fn rule(when: Value, impact: Impact, label: &str) -> ImpactRule {
        ImpactRule { when, impact, label: Some(label.to_owned()).filter(|label| !label.is_empty()) }
    }

    fn record(value: Value) -> Record {
        let Value::Object(fields) = value else { unreachable!("records are objects") };
        fields.into()
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn urgency(impact: Impact, count: i64, days_ago: i64) -> i64 {
        Stakes::new(impact, count, None, now() - Duration::days(days_ago)).urgency()
    }

    #[test]
    fn the_first_rule_that_a_record_satisfies_decides() {
        let test = json!({"properties": {"customer": {"const": "test"}}, "required": ["customer"]});
        let total = json!({"type": "number", "minimum": 1_000_000});
        let large = json!({"properties": {"total": total}, "required": ["total"]});
        let gold = json!({"properties": {"tier": {"enum": ["gold", "platinum"]}}, "required": ["tier"]});
        let judge = Judge::of(&stream(
            "orders",
            StreamImpact {
                base: Impact::Medium,
                value_field: Some("/total".to_owned()),
                rules: vec![
                    rule(test, Impact::Low, ""),
                    rule(large, Impact::Critical, "order over 1 M"),
                    rule(gold, Impact::High, "gold customer"),
                ],
            },
        ));
        let judged = |value: Value| judge.judge(Some(&record(value)));
        let is = |impact, reason: Option<&str>, value| {
            let reason = reason.map(str::to_owned);
            Judged { impact, reason, value }
        };
        let large = is(Impact::Critical, Some("order over 1 M"), Some(10_000_000_000));
        assert_eq!(judged(json!({"total": 1_000_000, "tier": "gold"})), large);
        let gold = is(Impact::High, Some("gold customer"), Some(9_999_999_900));
        assert_eq!(judged(json!({"total": 999_999.99, "tier": "gold"})), gold);
        assert_eq!(judged(json!({"total": "12.5"})), is(Impact::Medium, None, Some(125_000)));
        assert_eq!(judged(json!({"customer": "test", "total": 2_000_000})).impact, Impact::Low);
        assert_eq!(judged(json!({"tier": "tin"})), is(Impact::Medium, None, None));
        assert_eq!(judge.judge(None), is(Impact::Medium, None, None));
    }

    #[test]
    fn what_is_of_no_record_has_the_impact_of_its_stream_or_of_the_dearest() {
        let base = |base| StreamImpact { base, ..StreamImpact::default() };
        let streams = [stream("orders", base(Impact::High)), stream("newsletter", base(Impact::Low))];
        assert_eq!(of_streams(&streams, Some("newsletter")), Impact::Low);
        assert_eq!(of_streams(&streams, None), Impact::High);
        assert_eq!(of_streams(&streams, Some("gone")), Impact::High);
        assert_eq!(of_streams(&[], None), Impact::Medium);
    }

    #[test]
    fn numbers_and_texts_that_are_numbers_are_values_and_read_as_decimals() {
        for (value, stored, told) in [
            (json!(0), Some(0), "0"),
            (json!(-1_500_000), Some(15_000_000_000), "1500000"),
            (json!(0.05), Some(500), "0.05"),
            (json!(" 12.3456 "), Some(123_456), "12.3456"),
            (json!(1e300), Some(i64::MAX), "922337203685477.5807"),
            (json!("12,50 EUR"), None, ""),
            (json!("NaN"), None, ""),
            (json!(true), None, ""),
            (json!(null), None, ""),
        ] {
            assert_eq!(parts(&value), stored, "{value}");
            assert_eq!(stored.map(decimal).unwrap_or_default(), told, "{value}");
        }
    }

    #[test]
    fn one_order_of_a_million_is_more_urgent_than_five_hundred_sign_ups() {
        assert!(urgency(Impact::Critical, 1, 0) > urgency(Impact::Low, 500, 0));
        assert!(urgency(Impact::High, 1, 0) > urgency(Impact::Medium, 500, 0));
        // A step is as much as 1,024 times as many.
        assert_eq!(urgency(Impact::High, 1, 0), urgency(Impact::Medium, 1_024, 0));
        assert!(urgency(Impact::Medium, 2_000, 0) > urgency(Impact::High, 1, 0));
        assert!(urgency(Impact::Medium, 2, 0) > urgency(Impact::Medium, 1, 0));
    }

    #[test]
    fn failures_of_a_day_ago_count_half_and_their_order_stays() {
        assert_eq!(urgency(Impact::Medium, 2, 1), urgency(Impact::Medium, 1, 0));
        assert_eq!(urgency(Impact::High, 1, 10), urgency(Impact::Medium, 1, 0));
        assert!(urgency(Impact::Critical, 1, 29) > urgency(Impact::Low, 1, 0));
    }

    #[test]
    fn what_comes_in_parts_is_as_urgent_as_what_comes_at_once() {
        let at_once = Stakes::new(Impact::Medium, 1_000, Some(10_000), now());
        let one = Stakes::new(Impact::Medium, 1, Some(10), now());
        let parts = (1..1_000).fold(one, |sum, _| sum.join(one));
        assert!((parts.urgency() - at_once.urgency()).abs() < 1_000, "{parts:?} {at_once:?}");
        assert_eq!((parts.impact, parts.value), (Impact::Medium, Some(10_000)));
        let dear = Stakes::new(Impact::Critical, 1, None, now());
        let both = at_once.join(dear);
        assert_eq!((both.impact, both.value), (Impact::Critical, Some(10_000)));
        assert!(both.urgency() > dear.urgency());
    }

    #[test]
    fn what_is_over_is_at_stake_no_more() {
        let yesterday = now() - Duration::days(1);
        let old = Stakes::new(Impact::High, 1_000, Some(5_000), yesterday);
        let all = old.join(Stakes::new(Impact::Low, 4, Some(40), now()));
        let one_left = all.without(&BTreeMap::from([(yesterday, 999), (now(), 4)]), Some(5_035), now());
        let one = urgency(Impact::High, 1, 1);
        assert!((one_left.urgency() - one).abs() < 5_000, "{one_left:?} is not {one}");
        assert_eq!((one_left.impact, one_left.value), (Impact::High, Some(5)));
        let nothing = all.without(&BTreeMap::from([(yesterday, 1_000), (now(), 5)]), Some(6_000), now());
        assert_eq!((nothing.urgency(), nothing.value), (urgency(Impact::High, 1, 20), Some(0)));
        assert_eq!(all.without(&BTreeMap::new(), None, now()), all);
        // What was as little before does not grow.
        let ancient = Stakes::new(Impact::Low, 1, None, now() - Duration::days(90));
        let gone = ancient.without(&BTreeMap::from([(yesterday, 1)]), None, now());
        assert_eq!(gone, ancient);
    }
}
