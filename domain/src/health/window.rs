//! Which hours or days metrics are of: a window that ends now, or a series of points. Both are bounded.

use chrono::{DateTime, Utc};
use entity::health_rollup::HealthPeriod;

use super::Period;
use super::rollup::{self, Span, begin, length};
use crate::error::{Error, Result};

/// The longest window, in hours: as long as hours are kept.
pub const WINDOW_HOURS_MAX: i32 = 90 * 24;
/// Windows up to so many hours are of whole hours, longer ones of whole days.
const WINDOW_OF_HOURS_MAX: i32 = 7 * 24;
/// Hours of one series: a month, as many points as a chart is wide.
const SERIES_HOURS_MAX: i64 = 31 * 24;
/// Days of one series: as many as are kept.
const SERIES_DAYS_MAX: i64 = rollup::DAYS_KEPT_DAYS;
/// Hours and days of a series whose begin nobody says.
const SERIES_HOURS_DEFAULT: i64 = 24;
const SERIES_DAYS_DEFAULT: i64 = 30;

/// Which hours or days a series has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    /// Hours or days.
    pub by: Period,
    /// From the one that has this time; a day or a month before `to` by default.
    pub from: Option<DateTime<Utc>>,
    /// To the one that has this time; now by default.
    pub to: Option<DateTime<Utc>>,
}

impl Series {
    pub(crate) fn span(self, now: DateTime<Utc>) -> Result<Span> {
        let (longest, usual, name) = match self.by {
            HealthPeriod::Hour => (SERIES_HOURS_MAX, SERIES_HOURS_DEFAULT, "hours"),
            HealthPeriod::Day => (SERIES_DAYS_MAX, SERIES_DAYS_DEFAULT, "days"),
        };
        let step = length(self.by);
        let out_of_range =
            |argument| Error::Argument { argument, message: "is a time that is too far away".to_owned() };
        let last = begin(self.by, self.to.unwrap_or(now));
        let before = last.checked_add_signed(step).ok_or_else(|| out_of_range("to"))?;
        let from = match self.from {
            Some(from) => begin(self.by, from),
            None => last
                .checked_sub_signed(step * i32::try_from(usual - 1).unwrap_or(0))
                .ok_or_else(|| out_of_range("to"))?,
        };
        let points = (before - from).num_seconds() / step.num_seconds();
        if points < 1 {
            let message = "is after `to`".to_owned();
            return Err(Error::Argument { argument: "from", message });
        }
        if points > longest {
            let message = format!("is {points} {name} before the end; a series has at most {longest}");
            return Err(Error::Argument { argument: "from", message });
        }
        Ok(Span { period: self.by, from, before })
    }
}

/// Whether a window has so many hours.
///
/// # Errors
/// [`Error::Argument`] for one that is too short or too long.
pub fn check_window(hours: i32) -> Result<()> {
    if (1..=WINDOW_HOURS_MAX).contains(&hours) {
        return Ok(());
    }
    let message = format!("is {hours}; it must be from 1 to {WINDOW_HOURS_MAX}");
    Err(Error::Argument { argument: "windowHours", message })
}

/// The hours or days of a window that ends now: the present one included.
pub(crate) fn window(now: DateTime<Utc>, hours: i32) -> Result<Span> {
    check_window(hours)?;
    let (period, count) = match hours {
        0..=WINDOW_OF_HOURS_MAX => (HealthPeriod::Hour, hours),
        _ => (HealthPeriod::Day, (hours + 23) / 24),
    };
    let before = begin(period, now) + length(period);
    Ok(Span { period, from: before - length(period) * count, before })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use chrono::{DateTime, Utc};

    use super::{Period, Series, window};

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn windows_are_of_whole_hours_and_from_a_week_on_of_whole_days() {
        let now = time("2026-11-26T18:30:00Z");
        let of = |hours| {
            let span = window(now, hours).unwrap();
            (span.from.to_rfc3339(), span.before.to_rfc3339())
        };
        let utc = |text: &str| time(text).to_rfc3339();
        assert_eq!(of(1), (utc("2026-11-26T18:00:00Z"), utc("2026-11-26T19:00:00Z")));
        assert_eq!(of(24), (utc("2026-11-25T19:00:00Z"), utc("2026-11-26T19:00:00Z")));
        assert_eq!(of(2_160), (utc("2026-08-29T00:00:00Z"), utc("2026-11-27T00:00:00Z")));
        assert!(window(now, 0).is_err() && window(now, 2_161).is_err());
    }

    #[test]
    fn series_are_bounded() {
        let now = time("2026-11-26T18:30:00Z");
        let of = |by, from: Option<&str>, to: Option<&str>| {
            Series { by, from: from.map(time), to: to.map(time) }.span(now)
        };
        let usual = of(Period::Hour, None, None).unwrap();
        assert_eq!((usual.before - usual.from).num_hours(), 24);
        assert_eq!((of(Period::Day, None, None).unwrap().from), time("2026-10-28T00:00:00Z"));
        assert!(of(Period::Hour, Some("2026-10-26T00:00:00Z"), None).is_err());
        assert!(of(Period::Hour, Some("2026-11-26T18:59:00Z"), None).is_ok());
        assert!(of(Period::Day, Some("2026-11-27T00:00:00Z"), None).is_err());
        assert!(of(Period::Day, Some("0001-01-01T00:00:00Z"), Some("9999-01-01T00:00:00Z")).is_err());
    }
}
