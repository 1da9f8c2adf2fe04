//! Storing of log lines, many at once and of many tenants.

use entity::log_line;

use super::Background;
use super::transaction::BatchTx;
use crate::error::Result;
use crate::id::new_id;
use crate::log_line::{NewLogLine, row};

impl Background {
    /// Stores these, in their order.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; none of them is stored then.
    pub async fn store_log_lines(&self, lines: Vec<NewLogLine>) -> Result<()> {
        let tx = BatchTx::begin(self.app()).await?;
        let rows = lines.into_iter().map(|line| row(new_id(), line)).collect();
        tx.insert_many::<log_line::Entity>(rows, "storing log lines").await?;
        tx.commit().await
    }
}
