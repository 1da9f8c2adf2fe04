//! Partitions of the months to come, until when there are some, and those of months that nobody keeps. How long rows are kept
//! stands in `domain/src/retention.rs`.

use chrono::{DateTime, Duration, Utc};
use migration::partition::{Contents, PartitionedTable};

use super::Background;
use crate::error::Result;
use crate::retention::RetentionKind;

/// What becomes of whole months. Events go with their runs, some of which are kept for longer; lines go by their age alone.
const MONTHS: [(PartitionedTable, RetentionKind, Contents); 2] = [
    (PartitionedTable::RunEvent, RetentionKind::Runs, Contents::Gone),
    (PartitionedTable::LogLine, RetentionKind::LogLines, Contents::Expired),
];

impl Background {
    /// Makes the partitions of this month and the next two that are missing, on PostgreSQL; of several processes one does.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used, who signs in does not own its tables, or it
    /// does not let go what is needed within a moment. What was made stays.
    pub async fn make_partitions(&self) -> Result<()> {
        self.app().database().make_partitions().await
    }

    /// Drops the partitions of months that no tenant keeps any more, on PostgreSQL; of several processes one does. Answers with
    /// their names.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used, or who signs in does not own its tables.
    /// What was dropped is gone; rows of the others are deleted in small steps all the same ([`retain`](Self::retain)).
    pub async fn drop_partitions(&self) -> Result<Vec<String>> {
        let mut dropped = Vec::new();
        for (table, kind, contents) in MONTHS {
            let Some(days) = self.kept_longest(kind).await? else { continue };
            let before = self.app().clock().now() - Duration::days(days.into());
            dropped.extend(self.app().database().drop_expired(table, before, contents).await?);
        }
        Ok(dropped)
    }

    /// Until when there are partitions for what is written; `None` on SQLite, which has none.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be read.
    pub async fn partitioned_until(&self) -> Result<Option<DateTime<Utc>>> {
        self.app().database().partitioned_until().await
    }
}
