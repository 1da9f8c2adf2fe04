//! How many requests each endpoint may be sent: a bucket of tokens each, in this process only. It keeps one sender from
//! taking the place of the others; what may wait to be read is counted in the database.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// Requests a second in the long run: more than any vendor sends to one address.
const PER_SECOND: f64 = 200.0;
/// Requests at once after a pause.
const BURST: f64 = 2_000.0;
/// Buckets that are looked through when there are so many, and thrown away when they are full.
const BUCKETS_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Allowance(Mutex<HashMap<Uuid, Bucket>>);

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn filled(&self, now: Instant) -> f64 {
        (self.tokens + now.duration_since(self.at).as_secs_f64() * PER_SECOND).min(BURST)
    }
}

impl Allowance {
    /// Takes a token, or says how long there is none.
    pub(super) fn take(&self, owner: Uuid) -> Result<(), Duration> {
        self.take_at(owner, Instant::now())
    }

    fn take_at(&self, owner: Uuid, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_owner, bucket| bucket.filled(now) < BURST);
        }
        let bucket = buckets.entry(owner).or_insert(Bucket { tokens: BURST, at: now });
        let tokens = bucket.filled(now);
        *bucket = Bucket { tokens: if tokens < 1.0 { tokens } else { tokens - 1.0 }, at: now };
        if tokens < 1.0 { Err(Duration::from_secs_f64((1.0 - tokens) / PER_SECOND)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use uuid::Uuid;

    use super::{Allowance, BURST};

    #[test]
    fn a_burst_and_then_so_many_a_second_for_each() {
        let allowance = Allowance::default();
        let (one, other, now) = (Uuid::from_u128(1), Uuid::from_u128(2), Instant::now());
        for _ in 0..BURST as usize {
            assert_eq!(allowance.take_at(one, now), Ok(()));
        }
        let wait = allowance.take_at(one, now).expect_err("there is none left");
        assert!(wait <= Duration::from_millis(5), "{wait:?}");
        assert_eq!(allowance.take_at(other, now), Ok(()), "nobody takes another one's");
        let later = now + Duration::from_millis(52);
        let taken = (0..100).filter(|_| allowance.take_at(one, later).is_ok()).count();
        assert_eq!(taken, 10);
    }
}
