//! How many requests each may send: a bucket of tokens each, in this process only. It keeps one sender from taking the
//! place of the others; what they may take altogether is bounded elsewhere.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Buckets that are looked through when there are so many, and thrown away when they are full.
const BUCKETS_MAX: usize = 10_000;

/// The buckets of all who send, by whose they are.
pub(crate) struct Allowance<K> {
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Eq + Hash> Allowance<K> {
    /// So many requests a second in the long run, and so many at once after a pause.
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, buckets: Mutex::default() }
    }

    /// Takes a token, or says how long there is none.
    pub(crate) fn take(&self, owner: K) -> Result<(), Duration> {
        self.take_at(owner, Instant::now())
    }

    fn take_at(&self, owner: K, now: Instant) -> Result<(), Duration> {
        let filled = |bucket: &Bucket| {
            let since = now.duration_since(bucket.at).as_secs_f64();
            (bucket.tokens + since * self.per_second).min(self.burst)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_owner, bucket| filled(bucket) < self.burst);
        }
        let bucket = buckets.entry(owner).or_insert(Bucket { tokens: self.burst, at: now });
        let tokens = filled(bucket);
        *bucket = Bucket { tokens: if tokens < 1.0 { tokens } else { tokens - 1.0 }, at: now };
        if tokens < 1.0 { Err(Duration::from_secs_f64((1.0 - tokens) / self.per_second)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Allowance;

    #[test]
    fn a_burst_and_then_so_many_a_second_for_each() {
        let (allowance, now) = (Allowance::new(200.0, 2_000.0), Instant::now());
        for _ in 0..2_000 {
            assert_eq!(allowance.take_at("one", now), Ok(()));
        }
        let wait = allowance.take_at("one", now).expect_err("there is none left");
        assert!(wait <= Duration::from_millis(5), "{wait:?}");
        assert_eq!(allowance.take_at("other", now), Ok(()), "nobody takes another one's");
        let later = now + Duration::from_millis(52);
        let taken = (0..100).filter(|_| allowance.take_at("one", later).is_ok()).count();
        assert_eq!(taken, 10);
    }
}
