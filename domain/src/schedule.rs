//! When a scheduled integration runs: a cron expression in a time zone. Deliberately absent: seconds, years,
//! and who ticks.

use chrono::{DateTime, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use uuid::Uuid;

use crate::error::{Problem, ProblemCode};

/// Longest expression, in bytes; every minute of an hour, listed one by one, has 169.
pub const CRON_BYTES_MAX: usize = 256;
/// Short forms that stand for five fields.
const NICKNAMES: [&str; 6] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"];
/// The fields in their order, each with what it takes.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, L for the last, 15W for the working day nearest to the 15th"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT, 5#2 for the second Friday, 5L for the last"),
];

/// A cron expression in a time zone.
///
/// When clocks go forward, an expression of one time of day whose time is left out happens right after the gap; when
/// they go back it happens once, at the first of the two. Expressions with several times of day follow the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    cron: Cron,
    expression: String,
    time_zone: Tz,
}

impl Schedule {
    /// Reads five fields (minute, hour, day of the month, month, day of the week) or a short form like
    /// `@daily`, and an IANA time zone.
    ///
    /// # Errors
    /// Everything that is wrong, at `["cron"]` and `["timeZone"]`.
    pub fn parse(cron: &str, time_zone: &str) -> Result<Self, Vec<Problem>> {
        match (parse_cron(cron), parse_time_zone(time_zone)) {
            (Ok((cron, expression)), Ok(time_zone)) => Ok(Self { cron, expression, time_zone }),
            (cron, time_zone) => Err(cron.err().into_iter().flatten().chain(time_zone.err()).collect()),
        }
    }

    /// Of an integration's row, which was read when it was stored. One that can't be read any more is logged, and never ticks.
    pub(crate) fn stored(integration_id: Uuid, cron: &str, time_zone: &str) -> Option<Self> {
        Self::parse(cron, time_zone)
            .inspect_err(|problems| {
                tracing::error!(integration.id = %integration_id, ?problems, "a stored schedule can't be read");
            })
            .ok()
    }

    /// The first time after another one; `None` when there is none before the year 5000.
    pub fn next_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.cron.find_next_occurrence(&at.with_timezone(&self.time_zone), false);
        next.ok().map(|next| next.with_timezone(&Utc))
    }

    /// The expression, its fields separated by single spaces.
    pub fn cron(&self) -> &str {
        &self.expression
    }

    /// Name of the time zone.
    pub fn time_zone(&self) -> &'static str {
        self.time_zone.name()
    }
}

fn parse_cron(text: &str) -> Result<(Cron, String), Vec<Problem>> {
    let one = |problem| Err(vec![problem]);
    if text.trim().is_empty() {
        return one(Problem::required(["cron"], "must not be empty"));
    }
    if text.len() > CRON_BYTES_MAX {
        let message = format!("must have at most {CRON_BYTES_MAX} bytes");
        return one(Problem::new(ProblemCode::TooLong, ["cron"], message));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let expression = fields.join(" ");
    if expression.starts_with('@') {
        if !NICKNAMES.iter().any(|nickname| nickname.eq_ignore_ascii_case(&expression)) {
            return one(invalid(format!("is not known; it can be {}, or five fields", NICKNAMES.join(", "))));
        }
    } else if fields.len() != FIELDS.len() {
        return one(invalid(format!(
            "must have five fields: minute, hour, day of the month, month, day of the week; it has {} (seconds and \
             years are not taken)",
            fields.len()
        )));
    } else {
        let problems: Vec<Problem> =
            fields.iter().enumerate().filter_map(|(at, field)| check_field(at, field)).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
    }
    let cron = parser()
        .parse(&expression)
        .map_err(|error| vec![invalid(format!("can't be read: {}", words(&error)))])?;
    if cron.find_next_occurrence(&last_cycle(), false).is_err() {
        return one(invalid("never happens: no day fits all its fields".to_owned()));
    }
    Ok((cron, expression))
}

/// The calendar repeats after 400 years, and the search for a time ends with the year 4999: what does not happen
/// from here on never does, and is found out in a tenth of the time that a search from today takes.
fn last_cycle() -> DateTime<Utc> {
    const DECEMBER_31_4599: i64 = 82_994_716_800;
    DateTime::from_timestamp(DECEMBER_31_4599, 0).expect("the year is one that chrono can hold")
}

fn check_field(at: usize, field: &str) -> Option<Problem> {
    let (name, takes) = FIELDS.get(at)?;
    let problem =
        |why: &str| Some(invalid(format!("has no usable {name}: `{field}` {why}; it takes {takes}")));
    // The parser lets these pass, and they match nothing.
    let mut items = field.trim_start_matches('+').split(',');
    if items.clone().any(str::is_empty) {
        return problem("has an empty entry");
    }
    if at == FIELDS.len() - 1 && items.any(|item| item.eq_ignore_ascii_case("L")) {
        return problem("names no day");
    }
    let mut alone = ["*"; FIELDS.len()];
    alone[at] = field;
    parser()
        .parse(&alone.join(" "))
        .err()
        .and_then(|error| problem(&format!("can't be read ({})", words(&error))))
}

fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build()
}

/// The parser's reason, as a clause.
fn words(error: &CronError) -> String {
    let text = match error {
        CronError::InvalidPattern(text) | CronError::ComponentError(text) => text.clone(),
        CronError::IllegalCharacters(_) => "a character that does not belong there".to_owned(),
        other => other.to_string(),
    };
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Reads an IANA time zone.
pub(crate) fn parse_time_zone(text: &str) -> Result<Tz, Problem> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Problem::required(["timeZone"], "must not be empty; e.g. `Europe/Berlin`"));
    }
    name.parse().map_err(|_unknown| {
        let near = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name));
        let hint =
            near.map_or("e.g. `Europe/Berlin`".to_owned(), |zone| format!("is `{}` meant?", zone.name()));
        Problem::invalid(["timeZone"], format!("is not a time zone of the IANA database; {hint}"))
    })
}

fn invalid(message: String) -> Problem {
    Problem::invalid(["cron"], message)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::Schedule;
    use crate::error::ProblemCode;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn next(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(cron, zone).unwrap();
        let mut at = time(after);
        (0..count)
            .map(|_| {
                at = schedule.next_after(at).unwrap();
                at.format("%m-%dT%H:%M").to_string()
            })
            .collect()
    }

    fn problems(cron: &str, zone: &str) -> Vec<(ProblemCode, String, String)> {
        let problems = Schedule::parse(cron, zone).unwrap_err();
        problems.into_iter().map(|problem| (problem.code, problem.path.join("."), problem.message)).collect()
    }

    #[test]
    fn what_was_stored_and_cannot_be_read_any_more_never_ticks() {
        let stored = |cron| Schedule::stored(Uuid::nil(), cron, "UTC");
        assert_eq!(stored("61 * * * *"), None);
        assert_eq!(stored("@daily"), Schedule::parse("@daily", "UTC").ok());
    }

    #[test]
    fn fields_short_forms_and_names_are_taken() {
        assert_eq!(
            next("*/20 8-9 * * MON-FRI", "UTC", "2026-11-20T09:00:30Z", 3),
            ["11-20T09:20", "11-20T09:40", "11-23T08:00"]
        );
        assert_eq!(next("@daily", "Asia/Tokyo", "2026-11-20T00:00:00Z", 2), ["11-20T15:00", "11-21T15:00"]);
        assert_eq!(next("0 9 L * *", "UTC", "2026-02-01T00:00:00Z", 2), ["02-28T09:00", "03-31T09:00"]);
        assert_eq!(next("0 9 * * 5L", "UTC", "2026-11-01T00:00:00Z", 1), ["11-27T09:00"]);
        assert_eq!(next("0 0 29 2 *", "UTC", "2026-11-01T00:00:00Z", 1), ["02-29T00:00"]);
        let schedule = Schedule::parse("  0   9 * *\t1 ", " Europe/Berlin ").unwrap();
        assert_eq!((schedule.cron(), schedule.time_zone()), ("0 9 * * 1", "Europe/Berlin"));
    }

    #[test]
    fn the_next_time_is_after_the_given_one() {
        assert_eq!(next("0 9 * * *", "UTC", "2026-11-20T09:00:00Z", 1), ["11-21T09:00"]);
        assert_eq!(next("0 9 * * *", "UTC", "2026-11-20T08:59:59.999Z", 1), ["11-20T09:00"]);
        assert_eq!(next("0 9 * * *", "UTC", "2026-11-20T09:00:00.001Z", 1), ["11-21T09:00"]);
    }

    #[test]
    fn clocks_that_go_forward_leave_no_day_out() {
        // Berlin, 2026-03-29: 02:00 becomes 03:00 (01:00 UTC).
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
            ["03-28T01:30", "03-29T01:00", "03-30T00:30"]
        );
        assert_eq!(
            next("0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", 3),
            ["03-29T00:00", "03-29T01:00", "03-29T02:00"]
        );
        assert_eq!(
            next("0 9 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 2),
            ["03-28T08:00", "03-29T07:00"]
        );
    }

    #[test]
    fn clocks_that_go_back_repeat_no_day_and_leave_no_hour_out() {
        // Berlin, 2026-10-25: 03:00 becomes 02:00 (01:00 UTC).
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3),
            ["10-24T00:30", "10-25T00:30", "10-26T01:30"]
        );
        assert_eq!(
            next("@hourly", "Europe/Berlin", "2026-10-24T23:30:00Z", 4),
            ["10-25T00:00", "10-25T01:00", "10-25T02:00", "10-25T03:00"]
        );
    }

    #[test]
    fn times_always_go_on() {
        for zone in
            ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Gaza"]
        {
            for cron in ["30 2 * * *", "*/30 * * * *", "0 0 * * *", "15 1-3 * * *", "45 23 L * *"] {
                let schedule = Schedule::parse(cron, zone).unwrap();
                let mut at = time("2018-01-01T00:00:00Z");
                while at < time("2019-02-01T00:00:00Z") {
                    let next = schedule.next_after(at).unwrap();
                    assert!(next > at, "{cron} in {zone} after {at}: {next}");
                    at = next;
                }
            }
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        let found = problems("61 25 * JANUARY *", "europe/berlin");
        let paths: Vec<&str> = found.iter().map(|(_, path, _)| path.as_str()).collect();
        assert_eq!(paths, ["cron", "cron", "cron", "timeZone"]);
        assert_eq!(
            found[0].2,
            "has no usable minute: `61` can't be read (number out of bounds); it takes 0 to 59"
        );
        assert!(found[1].2.starts_with("has no usable hour: `25`"));
        assert!(found[2].2.starts_with("has no usable month: `JANUARY`"));
        assert_eq!(found[3].2, "is not a time zone of the IANA database; is `Europe/Berlin` meant?");
        for (cron, words) in [
            ("0 0 9 * * *", "it has 6 (seconds"),
            ("* * * *", "it has 4"),
            ("@reboot", "is not known"),
            ("@daily 1", "is not known"),
            ("0,, 9 * * *", "has an empty entry"),
            ("0 9 * * +", "has an empty entry"),
            ("0 9 * * L", "names no day"),
            ("*/0 9 * * *", "has no usable minute"),
            ("0 9 * * ä", "has no usable day of the week"),
            ("0 9\0 * * *", "has no usable hour"),
            ("0 9 30 2 *", "never happens"),
            ("0 9 31 4,6,9,11 *", "never happens"),
        ] {
            let found = problems(cron, "UTC");
            assert_eq!((found.len(), found[0].0), (1, ProblemCode::Invalid), "{cron}: {found:?}");
            assert!(found[0].2.contains(words), "{cron}: {found:?}");
        }
        assert_eq!(problems(" ", "")[0].0, ProblemCode::Required);
        assert_eq!(problems(" ", "")[1].0, ProblemCode::Required);
        assert_eq!(problems(&"1,".repeat(200), "UTC")[0].0, ProblemCode::TooLong);
        assert_eq!(
            problems("@daily", "Mars/Olympus")[0].2,
            "is not a time zone of the IANA database; e.g. `Europe/Berlin`"
        );
    }
}
