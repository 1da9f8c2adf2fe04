//! How far streams have been read.

use async_graphql::{ComplexObject, Context, SimpleObject};
use domain::stream_cursor;
use uuid::Uuid;

use super::caller::loaders;
use super::error::Result;
use super::run::Run;
use super::scalar::{DateTime, Json};

/// Where the next INCREMENTAL run of a stream begins.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub struct StreamCursor {
    /// Value of the cursor field that was reached; the run that begins there takes what comes after it. Where a person set
    /// it, what is at it comes too.
    value: Option<Json>,
    /// Since when it is there.
    at: DateTime,
    #[graphql(skip)]
    run_id: Option<Uuid>,
}

#[ComplexObject]
impl StreamCursor {
    /// The run that reached it; null where a person set it.
    async fn run(&self, ctx: &Context<'_>) -> Option<Result<Run>> {
        let id = self.run_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Run))
    }
}

impl From<stream_cursor::StreamCursor> for StreamCursor {
    fn from(cursor: stream_cursor::StreamCursor) -> Self {
        Self { value: cursor.value.map(Into::into), at: cursor.at.into(), run_id: cursor.run_id }
    }
}
