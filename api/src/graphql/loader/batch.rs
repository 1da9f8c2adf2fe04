//! How keys become one batch: whoever asks first opens it, whoever asks while the request is polled joins it, and it is
//! loaded when a whole turn has brought nobody more, by whichever of them is polled next. The fields of one level of an
//! answer are polled together, so a level is a batch, without a timer and without a task of its own.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::hash::Hash;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Poll, Wake, Waker};

use futures::future::{BoxFuture, FutureExt, Shared, WeakShared};
use telemetry::trace;
use tracing::Instrument;

use super::super::error::{ResolverError, Result};

/// Keys of one statement; far below what both databases take as parameters.
const KEYS_MAX: usize = 1_000;

/// What reads by many keys at once.
pub(super) trait Loader<K>: Send + Sync + 'static {
    /// What is found by a key.
    type Value: Clone + Send + Sync + 'static;

    /// What there is of these.
    fn load(&self, keys: &[K]) -> impl Future<Output = Result<HashMap<K, Self::Value>>> + Send;
}

/// The batches of one request, one of each kind of key that is open at a time. They remember nothing: a subscription, whose
/// request lasts for hours, would keep the rows of its last event.
pub(super) struct Batches<L> {
    loader: Arc<L>,
    open: Mutex<HashMap<TypeId, Box<dyn Any + Send>>>,
}

/// What a batch has found, for all who asked.
type Found<K, V> = Arc<HashMap<K, V>>;

/// The same, for each of them who waits for it.
type Awaited<K, V> = Shared<BoxFuture<'static, Result<Found<K, V>>>>;

struct Batch<K, V> {
    waiting: Arc<Waiting<K>>,
    /// Held by those who wait for it.
    found: WeakShared<BoxFuture<'static, Result<Found<K, V>>>>,
}

/// Keys that are not loaded yet.
struct Waiting<K> {
    /// `None` from when they are.
    keys: Mutex<Option<Vec<K>>>,
    /// How many were asked for.
    asked: Arc<AtomicUsize>,
}

impl<K> Waiting<K> {
    fn of(keys: Vec<K>) -> Self {
        Self { asked: Arc::new(AtomicUsize::new(keys.len())), keys: Mutex::new(Some(keys)) }
    }

    /// Adds keys; gives them back when it is too late, or there are so many that others go into the next batch.
    fn add(&self, mut more: Vec<K>) -> Option<Vec<K>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.as_mut().filter(|keys| keys.len() < KEYS_MAX) {
            None => Some(more),
            Some(keys) => {
                self.asked.fetch_add(more.len(), Ordering::Relaxed);
                keys.append(&mut more);
                None
            }
        }
    }

    /// All of them, once.
    fn take(&self) -> Option<Vec<K>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<L: Send + Sync + 'static> Batches<L> {
    pub(super) fn new(loader: L) -> Self {
        Self { loader: Arc::new(loader), open: Mutex::default() }
    }

    /// What is found by a key, loaded with those that others ask for meanwhile.
    ///
    /// # Errors
    /// What the loader refuses, to all of a batch.
    pub(super) async fn load_one<K>(&self, key: K) -> Result<Option<L::Value>>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        L: Loader<K>,
    {
        let found = self.join(vec![key.clone()]);
        Ok(found.await?.get(&key).cloned())
    }

    /// The same of several keys.
    ///
    /// # Errors
    /// As [`load_one`](Self::load_one).
    pub(super) async fn load_many<K>(&self, keys: &[K]) -> Result<Vec<Option<L::Value>>>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        L: Loader<K>,
    {
        let mut values = Vec::with_capacity(keys.len());
        let parts: Vec<_> = keys.chunks(KEYS_MAX).map(|part| (part, self.join(part.to_vec()))).collect();
        for (part, found) in parts {
            let found = found.await?;
            values.extend(part.iter().map(|key| found.get(key).cloned()));
        }
        Ok(values)
    }

    fn join<K>(&self, keys: Vec<K>) -> Awaited<K, L::Value>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        L: Loader<K>,
    {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = open.get(&TypeId::of::<K>()).and_then(|batch| batch.downcast_ref::<Batch<K, L::Value>>());
        let keys = match batch.and_then(|batch| Some((&batch.waiting, batch.found.upgrade()?))) {
            None => keys,
            Some((waiting, found)) => match waiting.add(keys) {
                None => return found,
                Some(keys) => keys,
            },
        };
        let waiting = Arc::new(Waiting::of(keys));
        let span = tracing::debug_span!("load_batch");
        let load = load(self.loader.clone(), waiting.clone()).instrument(span);
        // In the call that opened it, whoever of those who wait is polled.
        let found = trace::carried(load).boxed().shared();
        if let Some(held) = found.downgrade() {
            open.insert(TypeId::of::<K>(), Box::new(Batch { waiting, found: held }));
        }
        found
    }
}

async fn load<K, L>(loader: Arc<L>, waiting: Arc<Waiting<K>>) -> Result<Found<K, L::Value>>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    L: Loader<K>,
{
    // Who is polled again because something else was found may ask for more, and stand behind others who do.
    while turn(&waiting.asked).await != waiting.asked.load(Ordering::Relaxed) {}
    let keys = waiting.take().ok_or_else(|| {
        ResolverError::from(domain::Error::internal("loading a batch", "somebody else has loaded it"))
    })?;
    Ok(Arc::new(loader.load(&distinct(keys)).await?))
}

/// Waits until all who are polled together have been; how many keys they had asked for by then. Each of them polls it, so it
/// is not over when it is polled again but when the scheduler has had its turn.
async fn turn(asked: &Arc<AtomicUsize>) -> usize {
    let turn = Arc::new(Turn { asked: asked.clone(), at_its_end: OnceLock::new(), waker: OnceLock::new() });
    let mut scheduler = pin!(tokio::task::yield_now());
    poll_fn(|context| {
        if let Some(asked) = turn.at_its_end.get() {
            return Poll::Ready(*asked);
        }
        if turn.waker.set(context.waker().clone()).is_ok() {
            let waker = Waker::from(turn.clone());
            let _asked = scheduler.as_mut().poll(&mut std::task::Context::from_waker(&waker));
        }
        Poll::Pending
    })
    .await
}

/// One turn, and whom its end wakes.
struct Turn {
    asked: Arc<AtomicUsize>,
    at_its_end: OnceLock<usize>,
    waker: OnceLock<Waker>,
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        let _already = self.at_its_end.set(self.asked.load(Ordering::Relaxed));
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }
}

/// Each once, in the order in which they were asked for.
fn distinct<K: Clone + Eq + Hash>(mut keys: Vec<K>) -> Vec<K> {
    let mut seen = HashSet::with_capacity(keys.len());
    keys.retain(|key| seen.insert(key.clone()));
    keys
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use futures::future::join_all;

    use super::{Batches, KEYS_MAX, Loader};
    use crate::graphql::error::{ResolverError, Result};
    use crate::http::ErrorCode;

    /// Finds the double of numbers under a thousand, fails of -1, and notes what it was asked for.
    #[derive(Default)]
    struct Doubles(Mutex<Vec<Vec<i64>>>);

    impl Loader<i64> for Doubles {
        type Value = i64;

        async fn load(&self, keys: &[i64]) -> Result<HashMap<i64, i64>> {
            self.0.lock().unwrap().push(keys.to_vec());
            tokio::task::yield_now().await;
            if keys.contains(&-1) {
                return Err(ResolverError::new(ErrorCode::NotFound, "negative"));
            }
            Ok(keys.iter().filter(|key| **key < 1_000).map(|key| (*key, key * 2)).collect())
        }
    }

    /// Finds the same whatever it is asked for, and can tell who has it.
    struct Same(Arc<()>);

    impl Loader<i64> for Same {
        type Value = Arc<()>;

        async fn load(&self, keys: &[i64]) -> Result<HashMap<i64, Arc<()>>> {
            Ok(keys.iter().map(|key| (*key, self.0.clone())).collect())
        }
    }

    fn asked(batches: &Batches<Doubles>) -> Vec<Vec<i64>> {
        std::mem::take(&mut batches.loader.0.lock().unwrap())
    }

    #[tokio::test]
    async fn who_is_polled_together_is_loaded_together_and_nothing_is_remembered() {
        let batches = Batches::new(Doubles::default());
        for _ in 0..2 {
            let found = join_all([3, 1, 3, 5_000].map(|key| batches.load_one(key))).await;
            let found: Vec<Option<i64>> = found.into_iter().map(Result::unwrap).collect();
            assert_eq!(found, [Some(6), Some(2), Some(6), None]);
            assert_eq!(asked(&batches), [vec![3, 1, 5_000]]);
        }
        let many = batches.load_many(&[7, 7, 2_000]);
        let one = batches.load_one(8);
        let (many, one) = futures::join!(many, one);
        assert_eq!((many.unwrap(), one.unwrap()), (vec![Some(14), Some(14), None], Some(16)));
        assert_eq!(asked(&batches), [vec![7, 2_000, 8]]);
    }

    #[tokio::test]
    async fn what_was_found_is_gone_when_nobody_has_it_any_more() {
        let same = Arc::new(());
        let batches = Batches::new(Same(same.clone()));
        let found = batches.load_one(1).await.unwrap();
        assert_eq!((found.is_some(), Arc::strong_count(&same)), (true, 3));
        drop(found);
        assert_eq!(Arc::strong_count(&same), 2);
    }

    #[tokio::test]
    async fn a_level_that_is_longer_than_what_is_polled_at_once_is_one_batch_still() {
        let batches = Batches::new(Doubles::default());
        let keys: Vec<i64> = (0..300).collect();
        // As lists of more than thirty are resolved.
        let found = futures::future::try_join_all(keys.iter().map(|key| batches.load_one(*key))).await;
        assert_eq!(found.unwrap().len(), 300);
        assert_eq!(asked(&batches), [keys]);
    }

    #[tokio::test]
    async fn who_asks_later_in_the_turn_that_another_was_woken_for_is_loaded_with_him() {
        let batches = Batches::new(Doubles::default());
        // The first half is there a turn before the others, who then stand before them.
        let late = |key: i64| {
            let batches = &batches;
            async move {
                if key < 5 {
                    tokio::task::yield_now().await;
                }
                batches.load_one(key).await
            }
        };
        let found = join_all((0..10).map(late)).await;
        assert!(found.iter().all(Result::is_ok), "{found:?}");
        let keys: Vec<i64> = (5..10).chain(0..5).collect();
        assert_eq!(asked(&batches), [keys]);
    }

    #[tokio::test]
    async fn a_batch_is_bounded_and_what_fails_fails_for_all_of_it() {
        let batches = Batches::new(Doubles::default());
        let keys: Vec<i64> = (0..KEYS_MAX as i64 + 500).collect();
        assert_eq!(batches.load_many(&keys).await.unwrap().len(), KEYS_MAX + 500);
        assert_eq!(asked(&batches).iter().map(Vec::len).collect::<Vec<_>>(), [KEYS_MAX, 500]);
        let both = join_all([1, -1].map(|key| batches.load_one(key))).await;
        assert!(both.iter().all(Result::is_err), "{both:?}");
        assert_eq!(batches.load_one(1).await.unwrap(), Some(2), "the next batch is another one");
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_others_their_batch() {
        let batches = Batches::new(Doubles::default());
        let (mut first, mut second) = (Box::pin(batches.load_one(1)), Box::pin(batches.load_one(2)));
        assert!(futures::poll!(first.as_mut()).is_pending());
        assert!(futures::poll!(second.as_mut()).is_pending());
        // It has opened the batch, which others wait for.
        drop(first);
        assert_eq!(second.await.unwrap(), Some(4));
        assert_eq!(asked(&batches), [vec![1, 2]]);
    }
}
