//! Schedules: `expression\ntime zone`.

#![no_main]

use domain::schedule::Schedule;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (cron, time_zone) = text.split_once('\n').unwrap_or((text, "Europe/Berlin"));
    let schedule = match Schedule::parse(cron, time_zone) {
        Ok(schedule) => schedule,
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal says why");
            return;
        }
    };
    let again =
        Schedule::parse(schedule.cron(), schedule.time_zone()).expect("what was taken is taken again");
    assert_eq!(again, schedule);
    // The evening before clocks go back in Europe.
    let mut at = "2026-10-24T23:59:59Z".parse().expect("a time");
    for _ in 0..4 {
        let next = schedule.next_after(at).expect("what never happens is refused");
        assert!(next > at, "{next} is not after {at}");
        at = next;
    }
});
