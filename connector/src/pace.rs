//! How often a system may be asked. A connector waits for its turn before each request; who else asks, and where turns
//! are counted, it does not know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::Progress;

/// Takes the next turn and answers with how long to wait for it.
type Take = dyn Fn() -> BoxFuture<'static, Duration> + Send + Sync;

/// Turns at one system; without any, everybody may ask at once.
#[derive(Clone, Default)]
pub struct Pace(Option<Arc<Take>>);

impl Pace {
    /// As `take` gives them out: turns are in the order of its calls, so nobody waits for ever.
    pub fn by(take: impl Fn() -> BoxFuture<'static, Duration> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(take)))
    }

    /// Waits for the next turn. A turn that was taken is used up, also when the wait is given up.
    pub async fn turn(&self, progress: &Progress) {
        if let Some(take) = &self.0 {
            let wait = take().await;
            progress.rests(wait);
            tokio::time::sleep(wait).await;
        }
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pace").field(&self.0.is_some()).finish()
    }
}
