//! How a source is divided into parts that several workers read at once. Deliberately absent: whether a stream may be
//! divided, which its mode, its checks and its destination decide too (`domain`).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Cursor, SystemError, SystemErrorKind};

/// A part of a source, in the connector's own terms. Stored, and given back by
/// [`OpenSource::part`](crate::OpenSource).
pub type Part = Value;

/// Parts of a source, at most: enough for the workers of a large installation, and few enough that planning and ending
/// them costs nothing beside them.
pub const PARTS_MAX: usize = 32;

/// Records of a part, by estimate: half a minute of work, beside which a part's own costs are small. A source of fewer
/// than two such parts is not divided.
const PART_RECORDS_MIN: u64 = 100_000;
/// What a source has at least that is divided by its size.
pub(crate) const DIVIDED_ROWS_MIN: u64 = 2 * PART_RECORDS_MIN;

/// A source that is divided. Each record of it is in one part, whatever its key is, also one that comes later.
#[derive(Debug, Clone, PartialEq)]
pub struct Division {
    /// At least two.
    pub parts: Vec<Part>,
    /// INCREMENTAL: where the next run begins. What is newer may be in a part already, and comes again.
    pub watermark: Option<Cursor>,
}

impl Division {
    /// Of parts as a connector knows them; `None` of fewer than two.
    ///
    /// # Errors
    /// `Internal` when they can't be stored.
    pub(crate) fn of<P: Serialize, W: Serialize>(
        parts: &[P],
        watermark: Option<W>,
    ) -> Result<Option<Self>, SystemError> {
        if parts.len() < 2 {
            return Ok(None);
        }
        let stored = |error| {
            SystemError::new(SystemErrorKind::Internal, format!("storing the parts of a source: {error}"))
        };
        Ok(Some(Self {
            parts: parts.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(stored)?,
            watermark: watermark.map(serde_json::to_value).transpose().map_err(stored)?,
        }))
    }
}

/// How many parts a source is divided into; 1 is not at all. `asked` is the stream's option, whatever the size; 0 is by size.
pub(crate) fn part_count(asked: Option<usize>, records: u64) -> usize {
    let by_size = usize::try_from(records / PART_RECORDS_MIN).unwrap_or(PARTS_MAX);
    asked.filter(|asked| *asked > 0).unwrap_or(by_size).clamp(1, PARTS_MAX)
}

/// Whether a source with these options may be divided, as far as they say.
pub(crate) fn may_be_divided(options: &Value) -> bool {
    options.get("table").is_some_and(|table| table.as_str().is_some_and(|name| !name.is_empty()))
        && options.get("slices").and_then(Value::as_u64) != Some(1)
}

/// The schema of the option that says how many.
pub(crate) fn option_schema() -> Value {
    json!({
        "type": "integer", "title": "Slices", "minimum": 0, "maximum": PARTS_MAX, "default": 0,
        "description": "Into how many parts a table is divided that several workers read at once; 1 is never, 0 is by its size: one for each 100,000 rows, from 200,000 on.",
    })
}

/// The schema of such an option where size says nothing: it is asked for, or not done.
pub(crate) fn asked_schema(what: &str) -> Value {
    json!({
        "type": "integer", "title": "Slices", "minimum": 1, "maximum": PARTS_MAX, "default": 1,
        "description": format!("{what} A key that two parts bring is a failure of its own."),
    })
}

/// Whole numbers from one up to before another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WholeRange {
    /// The column that they are in.
    column: String,
    /// The first one, in digits; `None` begins with whatever there is, nulls included.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    from: Option<String>,
    /// The one behind the last; `None` goes on to the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    until: Option<String>,
}

impl WholeRange {
    /// Cuts the numbers of a column into ranges of one width, each open to what lies beyond its end of the column. Fewer
    /// than `count` where there are fewer numbers.
    pub(crate) fn of(column: &str, lowest: i128, highest: i128, count: usize) -> Vec<Self> {
        let width = (highest.saturating_sub(lowest)).saturating_add(1);
        let count = i128::try_from(count).unwrap_or(1).clamp(1, width.max(1));
        let bounds: Vec<String> = (1..count)
            .map(|place| (lowest + width / count * place + width % count * place / count).to_string())
            .collect();
        let from = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
        let until = bounds.iter().cloned().map(Some).chain([None]);
        from.zip(until).map(|(from, until)| Self { column: column.to_owned(), from, until }).collect()
    }

    /// A stored one.
    ///
    /// # Errors
    /// `Misconfigured` when it is of another kind of key.
    pub(crate) fn read(part: Part, key: Option<&String>) -> Result<Self, SystemError> {
        let of_another = || {
            SystemError::new(SystemErrorKind::Misconfigured, "the part was planned with other key fields")
                .with_hint("the key fields of the stream were changed; cancel the run and start it anew")
        };
        let range: Self = serde_json::from_value(part).map_err(|_| of_another())?;
        let are_whole =
            [&range.from, &range.until].into_iter().flatten().all(|bound| bound.parse::<i128>().is_ok());
        if are_whole && key == Some(&range.column) { Ok(range) } else { Err(of_another()) }
    }

    /// That a column, given as SQL, is in it.
    pub(crate) fn condition(&self, column: &str) -> String {
        match (&self.from, &self.until) {
            (None, None) => "1 = 1".to_owned(),
            (None, Some(until)) => format!("({column} < {until} OR {column} IS NULL)"),
            (Some(from), None) => format!("{column} >= {from}"),
            (Some(from), Some(until)) => format!("{column} >= {from} AND {column} < {until}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PARTS_MAX, WholeRange, part_count};

    #[test]
    fn large_sources_are_divided_by_their_size_and_others_where_somebody_says_so() {
        assert_eq!([0, 199_999, 200_000, 1_000_000].map(|rows| part_count(None, rows)), [1, 1, 2, 10]);
        assert_eq!(part_count(None, u64::MAX), PARTS_MAX);
        assert_eq!((part_count(Some(4), 7), part_count(Some(1), u64::MAX)), (4, 1));
    }

    #[test]
    fn ranges_of_whole_numbers_cover_all_of_them_once() {
        for (lowest, highest, count) in [
            (1, 10, 3),
            (-5, 5, 4),
            (7, 7, 9),
            (0, i128::from(u64::MAX), 32),
            (i128::from(i64::MIN), i128::from(i64::MAX), 7),
        ] {
            let ranges = WholeRange::of("id", lowest, highest, count);
            assert!(ranges.len() <= count && !ranges.is_empty());
            assert_eq!((&ranges[0].from, &ranges[ranges.len() - 1].until), (&None, &None));
            let bound =
                |bound: &Option<String>| bound.as_ref().map(|text| text.parse::<i128>().expect("digits"));
            for pair in ranges.windows(2) {
                assert_eq!(pair[0].until, pair[1].from);
            }
            let bounds: Vec<i128> = ranges.iter().filter_map(|range| bound(&range.from)).collect();
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{bounds:?}");
            assert!(bounds.iter().all(|bound| (lowest..=highest).contains(bound)), "{bounds:?}");
        }
        let ranges = WholeRange::of("id", 1, 9, 3);
        let conditions: Vec<String> = ranges.iter().map(|range| range.condition("id")).collect();
        assert_eq!(conditions, ["(id < 4 OR id IS NULL)", "id >= 4 AND id < 7", "id >= 7"]);
    }

    #[test]
    fn a_part_of_another_key_or_with_more_than_digits_is_refused() {
        let key = "id".to_owned();
        let read = |part| WholeRange::read(part, Some(&key));
        assert!(read(json!({"column": "id", "from": "7"})).is_ok());
        assert!(read(json!({"column": "number", "from": "7"})).is_err());
        assert!(read(json!({"column": "id", "from": "7 OR 1 = 1"})).is_err());
        assert!(read(json!({"from": "7"})).is_err());
    }
}
