//! What a system has sent by itself, in the order in which it came. A connector reads it as a source; where it is kept, and
//! for whom else, it does not know.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::SystemError;

/// One thing that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Its place: 1, 2, 3 … without gaps, in the order of arrival.
    pub sequence: i64,
    /// The sender's own id for it, where there is one.
    pub event_id: Option<String>,
    /// What happened, in the sender's words.
    pub event_type: Option<String>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// As it was sent.
    pub body: Vec<u8>,
}

/// The inbox of one system.
#[async_trait]
pub trait Inbox: Debug + Send + Sync {
    /// The place of what came last; 0 when nothing came yet. Nothing comes later in front of it.
    async fn last(&self) -> Result<i64, SystemError>;

    /// What came after a place, up to and including another, in order: at most `events_max`, and one at least of up to
    /// `bytes_max` altogether. Empty when there is nothing, or nothing any more.
    async fn after(
        &self,
        sequence: i64,
        until: i64,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Arrived>, SystemError>;
}
