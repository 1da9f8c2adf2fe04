//! Waiting with a bound. Deliberately absent: waiting for a fixed time.

use std::fmt::Debug;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Long enough for anything that should happen soon, on a busy machine with two cores.
pub const SOON: Duration = Duration::from_secs(60);

/// Asks `probe` until it answers `Ok`, and gives that. Panics at the `limit` with the last `Err`, the state it saw.
pub async fn until<T, S: Debug>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, S>,
) -> T {
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(state) => {
                assert!(Instant::now() < deadline, "not within {limit:?}: {what}; last seen: {state:#?}");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
