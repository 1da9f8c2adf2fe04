//! When a policy tells of something: at once, in quiet hours after them, or together with others at a full hour or an
//! hour of the day, which is put off until quiet hours are over. Deliberately absent: the clock.

use chrono::{DateTime, Duration, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use entity::notice::NoticeWait;
use entity::notice_policy::{self, NoticeTiming};
use entity::occasion::OccasionKind;

use crate::notice_policy::HOURLY_MAX;

/// How long the span is in which notices are counted.
pub(crate) const WINDOW_MINUTES: i64 = 60;

/// What becomes of an occasion that is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// It goes out.
    Now,
    /// It waits for others, until then.
    At(DateTime<Utc>, NoticeWait),
}

/// What becomes of an occasion of a kind, if its policy has sent so many notices since its window began.
pub(crate) fn when(policy: &notice_policy::Model, kind: OccasionKind, now: DateTime<Utc>) -> When {
    let is_loud = policy.quiet_override.0.contains(&kind);
    let after_quiet_hours = |at| if is_loud { at } else { quiet_until(policy, at).unwrap_or(at) };
    match policy.delivery {
        NoticeTiming::Instant => {}
        NoticeTiming::Hourly => return When::At(after_quiet_hours(next_hour(now)), NoticeWait::Digest),
        NoticeTiming::Daily => {
            // Today's may be put off still.
            let last = after_quiet_hours(next_hour_of_day(policy, now - Duration::days(1)));
            let next = || after_quiet_hours(next_hour_of_day(policy, now));
            return When::At(if last > now { last } else { next() }, NoticeWait::Digest);
        }
    }
    let at = after_quiet_hours(now);
    if at > now {
        return When::At(at, NoticeWait::QuietHours);
    }
    if is_full(policy, now) {
        return When::At(after_quiet_hours(window_end(policy).unwrap_or(now)), NoticeWait::Cap);
    }
    When::Now
}

/// Counts a notice that goes out.
pub(crate) fn count(policy: &mut notice_policy::Model, now: DateTime<Utc>) {
    if window_end(policy).is_none_or(|end| end <= now) {
        policy.window_from = Some(now);
        policy.window_count = 0;
    }
    policy.window_count += 1;
}

fn is_full(policy: &notice_policy::Model, now: DateTime<Utc>) -> bool {
    let is_open = window_end(policy).is_some_and(|end| end > now);
    is_open && policy.window_count >= policy.hourly_max.unwrap_or(HOURLY_MAX)
}

fn window_end(policy: &notice_policy::Model) -> Option<DateTime<Utc>> {
    policy.window_from.map(|from| from + Duration::minutes(WINDOW_MINUTES))
}

/// The end of the quiet hours that a time is in.
fn quiet_until(policy: &notice_policy::Model, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let from = parse_time(policy.quiet_from.as_deref()?)?;
    let until = parse_time(policy.quiet_until.as_deref()?)?;
    let local = at.with_timezone(&time_zone(policy)).naive_local();
    let time = local.time();
    let spans_midnight = from >= until;
    let is_quiet = if spans_midnight { time >= from || time < until } else { (from..until).contains(&time) };
    if !is_quiet {
        return None;
    }
    let days = if spans_midnight && time >= from { 1 } else { 0 };
    let end = (local.date() + Duration::days(days)).and_time(until);
    // Where the clock went back in between, the time may have been before.
    Some(instant(policy, end)).filter(|end| *end > at).or(Some(at + Duration::hours(1)))
}

fn next_hour(now: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = i64::from(now.minute() * 60 + now.second());
    now - Duration::seconds(seconds) - Duration::nanoseconds(i64::from(now.nanosecond())) + Duration::hours(1)
}

fn next_hour_of_day(policy: &notice_policy::Model, now: DateTime<Utc>) -> DateTime<Utc> {
    let hour = policy.digest_hour.and_then(|hour| u32::try_from(hour).ok()).unwrap_or_default();
    let time = NaiveTime::from_hms_opt(hour.min(23), 0, 0).unwrap_or_default();
    let today = now.with_timezone(&time_zone(policy)).date_naive();
    let next = (0..3).map(|days| instant(policy, (today + Duration::days(days)).and_time(time)));
    next.into_iter().find(|at| *at > now).unwrap_or(now + Duration::days(1))
}

/// A time of day that clocks leave out is an hour later; of one that comes twice it is the first.
fn instant(policy: &notice_policy::Model, local: NaiveDateTime) -> DateTime<Utc> {
    let zone = time_zone(policy);
    let found = zone
        .from_local_datetime(&local)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(local + Duration::hours(1))).earliest());
    found.map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}

fn time_zone(policy: &notice_policy::Model) -> Tz {
    policy.time_zone.parse().unwrap_or(Tz::UTC)
}

/// Reads `HH:MM`.
pub(crate) fn parse_time(text: &str) -> Option<NaiveTime> {
    let is_plain = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    if is_plain { NaiveTime::parse_from_str(text, "%H:%M").ok() } else { None }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use entity::notice::NoticeWait;
    use entity::notice_policy::{self, NoticeSelectors, NoticeTiming, OccasionKindList, UuidList};
    use entity::occasion::OccasionKind;
    use uuid::Uuid;

    use super::{HOURLY_MAX, When, count, parse_time, when};

    fn policy(delivery: NoticeTiming, quiet: Option<(&str, &str)>) -> notice_policy::Model {
        notice_policy::Model {
            id: Uuid::nil(),
            tenant_id: None,
            name: "policy".to_owned(),
            is_enabled: true,
            is_default: false,
            selectors: NoticeSelectors::default(),
            channel_ids: UuidList::default(),
            delivery,
            digest_hour: Some(8),
            time_zone: "Europe/Berlin".to_owned(),
            quiet_from: quiet.map(|(from, _)| from.to_owned()),
            quiet_until: quiet.map(|(_, until)| until.to_owned()),
            quiet_override: OccasionKindList(vec![OccasionKind::Held]),
            hourly_max: Some(2),
            window_from: None,
            window_count: 0,
            created_at: at("2026-01-01T00:00:00Z"),
            updated_at: at("2026-01-01T00:00:00Z"),
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    const FAILED: OccasionKind = OccasionKind::RunFailed;

    #[test]
    fn quiet_hours_may_have_a_midnight_in_them() {
        let night = policy(NoticeTiming::Instant, Some(("22:00", "06:30")));
        let quiet = |until: &str| When::At(at(until), NoticeWait::QuietHours);
        // Berlin is an hour ahead in November, two in summer.
        assert_eq!(when(&night, FAILED, at("2026-11-26T20:59:59Z")), When::Now);
        assert_eq!(when(&night, FAILED, at("2026-11-26T21:00:00Z")), quiet("2026-11-27T05:30:00Z"));
        assert_eq!(when(&night, FAILED, at("2026-11-27T05:29:59Z")), quiet("2026-11-27T05:30:00Z"));
        assert_eq!(when(&night, FAILED, at("2026-11-27T05:30:00Z")), When::Now);
        assert_eq!(when(&night, FAILED, at("2026-07-01T20:00:00Z")), quiet("2026-07-02T04:30:00Z"));
        assert_eq!(when(&night, OccasionKind::Held, at("2026-11-26T22:00:00Z")), When::Now);
        let noon = policy(NoticeTiming::Instant, Some(("12:00", "13:00")));
        assert_eq!(when(&noon, FAILED, at("2026-11-26T11:30:00Z")), quiet("2026-11-26T12:00:00Z"));
        assert_eq!(when(&noon, FAILED, at("2026-11-26T12:00:00Z")), When::Now);
    }

    #[test]
    fn clocks_that_change_lose_no_notice() {
        // 02:30 is left out on 29 March and comes twice on 25 October.
        let night = policy(NoticeTiming::Instant, Some(("00:00", "02:30")));
        let quiet = |until: &str| When::At(at(until), NoticeWait::QuietHours);
        assert_eq!(when(&night, FAILED, at("2026-03-29T00:00:00Z")), quiet("2026-03-29T01:30:00Z"));
        assert_eq!(when(&night, FAILED, at("2026-10-24T23:00:00Z")), quiet("2026-10-25T00:30:00Z"));
        assert_eq!(when(&night, FAILED, at("2026-10-25T01:10:00Z")), quiet("2026-10-25T02:10:00Z"));
    }

    #[test]
    fn digests_come_at_full_hours_and_hours_of_the_day() {
        let digest = |until: &str| When::At(at(until), NoticeWait::Digest);
        let hourly = policy(NoticeTiming::Hourly, None);
        assert_eq!(when(&hourly, FAILED, at("2026-11-26T20:00:00Z")), digest("2026-11-26T21:00:00Z"));
        assert_eq!(when(&hourly, FAILED, at("2026-11-26T20:59:59.5Z")), digest("2026-11-26T21:00:00Z"));
        let daily = policy(NoticeTiming::Daily, None);
        assert_eq!(when(&daily, FAILED, at("2026-11-26T06:59:00Z")), digest("2026-11-26T07:00:00Z"));
        assert_eq!(when(&daily, FAILED, at("2026-11-26T07:00:00Z")), digest("2026-11-27T07:00:00Z"));
        // A digest that would fall into quiet hours comes after them.
        let quiet = policy(NoticeTiming::Daily, Some(("07:30", "09:00")));
        assert_eq!(when(&quiet, FAILED, at("2026-11-26T05:00:00Z")), digest("2026-11-26T08:00:00Z"));
        assert_eq!(when(&quiet, FAILED, at("2026-11-26T07:30:00Z")), digest("2026-11-26T08:00:00Z"));
        assert_eq!(when(&quiet, FAILED, at("2026-11-26T08:00:00Z")), digest("2026-11-27T08:00:00Z"));
        // What comes in quiet hours waits for its hour, and not for their end only.
        let night = policy(NoticeTiming::Daily, Some(("22:00", "06:30")));
        assert_eq!(when(&night, FAILED, at("2026-11-26T22:00:00Z")), digest("2026-11-27T07:00:00Z"));
        let night = policy(NoticeTiming::Hourly, Some(("22:00", "06:30")));
        assert_eq!(when(&night, FAILED, at("2026-11-26T22:00:00Z")), digest("2026-11-27T05:30:00Z"));
        // What is loud is in a digest of the night.
        let late = at("2026-11-26T22:00:00Z");
        assert_eq!(when(&night, OccasionKind::Held, late), digest("2026-11-26T23:00:00Z"));
    }

    #[test]
    fn what_exceeds_the_cap_waits_for_the_end_of_its_hour() {
        let mut capped = policy(NoticeTiming::Instant, None);
        for minute in [0, 30] {
            let now = at("2026-11-26T20:00:00Z") + chrono::Duration::minutes(minute);
            assert_eq!(when(&capped, FAILED, now), When::Now);
            count(&mut capped, now);
        }
        let cap = When::At(at("2026-11-26T21:00:00Z"), NoticeWait::Cap);
        assert_eq!(when(&capped, FAILED, at("2026-11-26T20:59:59Z")), cap);
        assert_eq!(when(&capped, FAILED, at("2026-11-26T21:00:00Z")), When::Now);
        count(&mut capped, at("2026-11-26T21:00:00Z"));
        assert_eq!(capped.window_count, 1);
        // One without a number has the highest.
        (capped.hourly_max, capped.window_count) = (None, HOURLY_MAX - 1);
        assert_eq!(when(&capped, FAILED, at("2026-11-26T21:30:00Z")), When::Now);
        count(&mut capped, at("2026-11-26T21:30:00Z"));
        assert!(matches!(when(&capped, FAILED, at("2026-11-26T21:30:00Z")), When::At(_, NoticeWait::Cap)));
    }

    #[test]
    fn times_of_day_have_four_digits() {
        assert!(parse_time("00:00").is_some() && parse_time("23:59").is_some());
        for bad in ["", "24:00", "7:00", "07:60", "07-00", "07:00:00", "+7:00"] {
            assert!(parse_time(bad).is_none(), "{bad}");
        }
    }
}
