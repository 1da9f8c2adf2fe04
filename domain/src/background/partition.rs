//! Partitions of the months to come, and until when there are some. Deliberately absent: dropping old ones, which whoever knows
//! how long rows are kept does (`log_line::purge`).

use chrono::{DateTime, Utc};

use super::Background;
use crate::error::Result;

impl Background {
    /// Makes the partitions of this month and the next two that are missing, on PostgreSQL; of several processes one does.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used, who signs in does not own its tables, or it
    /// does not let go what is needed within a moment. What was made stays.
    pub async fn make_partitions(&self) -> Result<()> {
        self.app().database().make_partitions().await
    }

    /// Until when there are partitions for what is written; `None` on SQLite, which has none.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be read.
    pub async fn partitioned_until(&self) -> Result<Option<DateTime<Utc>>> {
        self.app().database().partitioned_until().await
    }
}
