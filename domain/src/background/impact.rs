//! How much depends on the records that fail in a run. They alone are judged, and the rules of a stream are compiled when its
//! first one comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pipeline::RecordFailure;

use super::lease::RunLease;
use crate::impact::{Judge, Judged};

/// The rules that are compiled, by stream.
#[derive(Debug, Default)]
pub(super) struct Judges(Mutex<HashMap<String, Arc<Judge>>>);

impl RunLease {
    /// By the rules of its stream: as it was mapped, where it got so far, else as it was read.
    pub(super) fn judge(&self, stream: &str, failed: &RecordFailure) -> Judged {
        self.judge_of(stream).judge(failed.mapped.as_ref().or(failed.record.as_ref()))
    }

    fn judge_of(&self, name: &str) -> Arc<Judge> {
        let mut judges = self.judges.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(judge) = judges.get(name) {
            return judge.clone();
        }
        let stream = self.integration.streams.0.iter().find(|stream| stream.name == name);
        let judge = Arc::new(stream.map(Judge::of).unwrap_or_default());
        judges.insert(name.to_owned(), judge.clone());
        judge
    }
}
