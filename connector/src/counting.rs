//! How long rows of a table may be counted. Deliberately absent: the statement, which each database has its own of.

use std::future::Future;
use std::time::Duration;

use crate::{SystemError, SystemErrorKind};

/// Counting that takes longer is not worth it.
const COUNT_TIMEOUT: Duration = Duration::from_secs(60);

/// What counting answers; `None` when it takes too long, by this limit or the server's own. The connection is to be given
/// up then.
pub(crate) async fn in_time<T>(
    counting: impl Future<Output = Result<T, SystemError>>,
) -> Result<Option<T>, SystemError> {
    match tokio::time::timeout(COUNT_TIMEOUT, counting).await {
        Err(_elapsed) => Ok(None),
        Ok(Err(error)) if error.kind == SystemErrorKind::Timeout => Ok(None),
        Ok(counted) => counted.map(Some),
    }
}
