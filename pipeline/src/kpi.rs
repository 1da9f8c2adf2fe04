//! KPIs of a stream: what is measured of each record that is delivered, as it passes. Values are whole millionths, so that
//! sums are exact in whatever order they are made. Deliberately absent: what becomes of a page's totals; the ledger adds
//! them up.

mod value;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector::Record;
use serde_json::Value;
use uuid::Uuid;

use crate::Rules;

pub use self::value::{PARTS, VALUE_MAX};
use self::value::{bounded, instant, number};

/// In place of a value that is missing, or can't be read.
const SKIPPED: i64 = i64::MIN;

/// A field of a record, by JSON Pointer (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    field: String,
    /// Into its value; empty for all of it.
    rest: String,
}

impl Pointer {
    /// Reads one, like `/total/gross`.
    ///
    /// # Errors
    /// Why it is none, or names no field.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(
                "is no JSON Pointer: the field `total` is `/total`, and `gross` in it `/total/gross`",
            );
        };
        let mut chars = path.chars();
        while let Some(char) = chars.next() {
            if char == '~' && !matches!(chars.next(), Some('0' | '1')) {
                return Err("has a `~` that is neither `~0`, which is `~`, nor `~1`, which is `/`");
            }
        }
        let (field, rest) = path.find('/').map_or((path, ""), |at| path.split_at(at));
        if field.is_empty() {
            return Err("names a field without a name");
        }
        Ok(Self { field: field.replace("~1", "/").replace("~0", "~"), rest: rest.to_owned() })
    }

    fn of<'a>(&self, record: &'a Record) -> Option<&'a Value> {
        record.get(&self.field)?.pointer(&self.rest)
    }
}

/// What is measured of a record.
#[derive(Debug)]
pub enum Measure {
    /// That it is delivered.
    Count,
    /// A number: a JSON number, or a text that is one.
    Sum {
        /// Where it stands.
        field: Pointer,
    },
    /// Whether it satisfies these rules.
    Share {
        /// Of the whole record.
        rules: Rules,
    },
    /// The seconds between two times: RFC 3339 with an offset, or without one, which is UTC; a date is its first moment.
    Delay {
        /// The earlier one.
        from: Pointer,
        /// The later one; `None` for the time at which the record is accounted as delivered.
        to: Option<Pointer>,
    },
}

impl Measure {
    /// In millionths; of a delay up to now the time from which it is counted.
    fn of(&self, record: &Record) -> Option<i64> {
        match self {
            Self::Count | Self::Share { .. } => Some(PARTS),
            Self::Sum { field } => number(field.of(record)?),
            Self::Delay { from, to: None } => instant(from.of(record)?),
            Self::Delay { from, to: Some(to) } => {
                let (from, to) = (instant(from.of(record)?)?, instant(to.of(record)?)?);
                bounded(i128::from(to) - i128::from(from))
            }
        }
    }
}

/// Which KPI the values of a column are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    kpi: Uuid,
    /// They are times from which a delay is counted.
    is_until_now: bool,
}

/// The KPIs of a stream.
#[derive(Debug)]
pub struct Kpis {
    measures: Vec<Measure>,
    columns: Arc<[Column]>,
}

impl Kpis {
    /// Of these, by id; `None` where there is none, and nothing is measured then.
    pub fn new(kpis: Vec<(Uuid, Measure)>) -> Option<Self> {
        if kpis.is_empty() {
            return None;
        }
        let column = |(kpi, measure): &(Uuid, Measure)| Column {
            kpi: *kpi,
            is_until_now: matches!(measure, Measure::Delay { to: None, .. }),
        };
        let columns = kpis.iter().map(column).collect();
        Some(Self { measures: kpis.into_iter().map(|(_kpi, measure)| measure).collect(), columns })
    }

    /// Measures records, each of which stays as it is.
    pub(crate) fn measure<'a>(&self, records: impl Iterator<Item = &'a mut Record>) -> Measures {
        let judges = self.measures.iter().any(|measure| matches!(measure, Measure::Share { .. }));
        let mut values = Vec::with_capacity(records.size_hint().0 * self.measures.len());
        for record in records {
            let begin = values.len();
            values.extend(self.measures.iter().map(|measure| measure.of(record).unwrap_or(SKIPPED)));
            if judges {
                as_value(record, |whole| {
                    for (value, measure) in values[begin..].iter_mut().zip(&self.measures) {
                        if let Measure::Share { rules } = measure
                            && !rules.holds(whole)
                        {
                            *value = 0;
                        }
                    }
                });
            }
        }
        Measures { columns: self.columns.clone(), values }
    }
}

/// Looks at a record as a value. One that shares its names with others is copied, for it would not share them any more.
fn as_value(record: &mut Record, look: impl FnOnce(&Value)) {
    if record.shared_names().is_some() {
        look(&Value::from(record.clone()));
        return;
    }
    let whole = Value::from(std::mem::take(record));
    look(&whole);
    if let Value::Object(fields) = whole {
        *record = Record::from(fields);
    }
}

/// What was measured of the records of a page, before any is delivered.
pub(crate) struct Measures {
    columns: Arc<[Column]>,
    /// A row for each record.
    values: Vec<i64>,
}

impl Measures {
    /// What of it counts: `delivered` are places of receipts of the page, each with that of its record here.
    pub(crate) fn of_delivered(&self, delivered: impl Iterator<Item = (usize, usize)>) -> Measured {
        let width = self.columns.len();
        let (mut receipts, mut values) = (Vec::new(), Vec::new());
        for (receipt, place) in delivered {
            receipts.push(receipt);
            values.extend_from_slice(&self.values[place * width..(place + 1) * width]);
        }
        Measured { columns: self.columns.clone(), receipts, values }
    }
}

/// What was measured of the records of a page that were delivered: written, and not found there as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    columns: Arc<[Column]>,
    /// Places of their receipts among those of the page.
    receipts: Vec<usize>,
    /// A row for each of these.
    values: Vec<i64>,
}

/// What a page adds to a KPI. Sums and values are in millionths of its unit: of a record that is counted or satisfies the
/// rules it is one, of a delay a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Its id.
    pub kpi: Uuid,
    /// Records of which there is a value.
    pub count: i64,
    /// Records whose value is missing or can't be read.
    pub skipped: i64,
    /// Of the values.
    pub sum: i128,
    /// The smallest of the values.
    pub least: Option<i64>,
    /// The largest.
    pub most: Option<i64>,
}

impl Measured {
    /// The totals of KPIs to which the page adds anything. `counts` says which of the page's receipts do, by their place;
    /// `now` is when they were delivered.
    pub fn totals(&self, now: DateTime<Utc>, counts: impl Fn(usize) -> bool) -> Vec<Total> {
        let zero = |column: &Column| Total {
            kpi: column.kpi,
            count: 0,
            skipped: 0,
            sum: 0,
            least: None,
            most: None,
        };
        let mut totals: Vec<Total> = self.columns.iter().map(zero).collect();
        let now = i128::from(now.timestamp_micros());
        // Of none there is no KPI, which `Kpis` has not.
        let rows = self.values.chunks_exact(self.columns.len().max(1));
        for (_receipt, row) in self.receipts.iter().zip(rows).filter(|(receipt, _row)| counts(**receipt)) {
            for ((total, column), value) in totals.iter_mut().zip(&*self.columns).zip(row) {
                let value = match *value {
                    SKIPPED => None,
                    from if column.is_until_now => bounded(now - i128::from(from)),
                    value => Some(value),
                };
                total.add(value);
            }
        }
        totals.retain(|total| total.count + total.skipped > 0);
        totals
    }
}

impl Total {
    fn add(&mut self, value: Option<i64>) {
        let Some(value) = value else {
            self.skipped += 1;
            return;
        };
        self.count += 1;
        self.sum += i128::from(value);
        self.least = Some(self.least.map_or(value, |least| least.min(value)));
        self.most = Some(self.most.map_or(value, |most| most.max(value)));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use chrono::{DateTime, Utc};
    use connector::{FieldNames, Record};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{Kpis, Measure, Pointer, Total};
    use crate::Rules;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn field(path: &str) -> Pointer {
        Pointer::parse(path).unwrap()
    }

    fn sum(path: &str) -> Measure {
        Measure::Sum { field: field(path) }
    }

    fn record(value: Value) -> Record {
        let Value::Object(fields) = value else { unreachable!("tests have objects") };
        Record::from(fields)
    }

    fn totals(measures: Vec<Measure>, records: &mut [Record], now: DateTime<Utc>) -> Vec<Total> {
        let ids = (1..).map(id);
        let kpis = Kpis::new(ids.zip(measures).collect()).unwrap();
        let measures = kpis.measure(records.iter_mut());
        let delivered = (0..records.len()).map(|place| (place, place));
        measures.of_delivered(delivered).totals(now, |_receipt| true)
    }

    fn total(count: i64, skipped: i64, sum: i128, least: i64, most: i64) -> Total {
        Total { kpi: id(1), count, skipped, sum, least: Some(least), most: Some(most) }
    }

    fn now() -> DateTime<Utc> {
        "2026-11-26T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn sums_of_decimals_are_exact_and_bad_values_are_counted_apart() {
        let mut records: Vec<Record> =
            (0..30_000).map(|_number| record(json!({"order": {"total": 0.1}}))).collect();
        records.extend((0..30_000).map(|_number| record(json!({"order": {"total": "0.2"}}))));
        for bad in [json!(null), json!("n/a"), json!(true), json!([1]), json!(""), json!(1e300)] {
            records.push(record(json!({"order": {"total": bad}})));
        }
        records.push(record(json!({"order": 7})));
        records.push(record(json!({})));
        let found = totals(vec![sum("/order/total")], &mut records, now());
        assert_eq!(found, [total(60_000, 8, 9_000_000_000, 100_000, 200_000)]);
    }

    #[test]
    fn shares_leave_records_as_they_are() {
        let names = FieldNames::new(["status".to_owned(), "id".to_owned()]).unwrap();
        let mut records = vec![
            record(json!({"status": "PAID", "id": 1})),
            Record::of(&names, vec![json!("OPEN"), json!(2)]),
            Record::of(&names, vec![json!("PAID"), json!(3)]),
            record(json!({"id": 4})),
        ];
        let before = records.clone();
        let rules = json!({"properties": {"status": {"const": "PAID"}}, "required": ["status"]});
        let share = Measure::Share { rules: Rules::compile(&rules).unwrap() };
        let found = totals(vec![share, Measure::Count, sum("/id")], &mut records, now());
        assert_eq!(found[0], total(4, 0, 2_000_000, 0, 1_000_000));
        assert_eq!((found[1].sum, found[2].sum), (4_000_000, 10_000_000));
        assert_eq!(records, before);
        assert!(records[1].shared_names().is_some(), "it shares its names as before");
        assert_eq!(records[0].keys().collect::<Vec<_>>(), ["status", "id"]);
    }

    #[test]
    fn delays_know_time_zones_and_may_be_negative() {
        let mut records = vec![
            record(json!({"made": "2026-11-26T09:00:00+02:00", "sent": "2026-11-26T07:00:30.5Z"})),
            record(json!({"made": "2026-11-26 07:00:00", "sent": "2026-11-26T06:59:59Z"})),
            record(json!({"made": "2026-11-26", "sent": "2026-11-26T00:00:01-00:00"})),
            record(json!({"made": "yesterday", "sent": "2026-11-26T07:00:00Z"})),
            record(json!({"made": 1_764_140_400, "sent": "2026-11-26T07:00:00Z"})),
            record(json!({"made": "2026-11-26T07:00:00Z"})),
        ];
        let delay = Measure::Delay { from: field("/made"), to: Some(field("/sent")) };
        let found = totals(vec![delay], &mut records, now());
        assert_eq!(found, [total(3, 3, 30_500_000, -1_000_000, 30_500_000)]);

        let until_now = Measure::Delay { from: field("/made"), to: None };
        let found = totals(vec![until_now], &mut records, now());
        let hours = |hours: i64| hours * 3_600_000_000;
        assert_eq!(found, [total(4, 2, i128::from(hours(27)), hours(5), hours(12))]);
    }

    #[test]
    fn only_what_counts_is_counted() {
        let mut records: Vec<Record> = (1..=4).map(|number| record(json!({"n": number}))).collect();
        let kpis = Kpis::new(vec![(id(1), sum("/n")), (id(2), sum("/none"))]).unwrap();
        let measures = kpis.measure(records.iter_mut());
        // The record of place 3 has the second receipt; that of place 0 was not delivered.
        let measured = measures.of_delivered([(0, 1), (1, 3), (2, 2)].into_iter());
        let found = measured.totals(now(), |receipt| receipt != 1);
        assert_eq!(found[0], total(2, 0, 5_000_000, 2_000_000, 3_000_000));
        let skipped = Total { kpi: id(2), count: 0, skipped: 2, sum: 0, least: None, most: None };
        assert_eq!(found[1..], [skipped]);
        assert!(measured.totals(now(), |_receipt| false).is_empty());
        assert!(Kpis::new(Vec::new()).is_none());
    }

    #[test]
    fn pointers_are_those_of_the_standard() {
        let record = record(json!({"a/b": {"c": [1, {"~": 2}]}, "plain": 3}));
        for (path, value) in [
            ("/plain", Some(json!(3))),
            ("/a~1b/c/0", Some(json!(1))),
            ("/a~1b/c/1/~0", Some(json!(2))),
            ("/a~1b/c/9", None),
            ("/none", None),
        ] {
            assert_eq!(field(path).of(&record), value.as_ref(), "{path}");
        }
        for bad in ["", "plain", "/", "//a", "/a~", "/a~2"] {
            assert!(Pointer::parse(bad).is_err(), "{bad}");
        }
    }
}
