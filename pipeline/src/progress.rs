//! What a stream waits for, and since when. Deliberately absent: how long is too long, which is for whoever runs it to
//! say.

use std::fmt;

use connector::Progress;
use tokio::time::Instant;

use crate::Side;

/// What a stream waits for now; clones are of one stream.
#[derive(Clone, Debug, Default)]
pub struct StreamProgress {
    /// The next page, or that the source opens.
    pub source: Progress,
    /// The outcomes of a batch, or that the destination opens or finishes.
    pub destination: Progress,
    /// A record of a page, on the thread that maps.
    pub mapping: Progress,
    /// That results are stored.
    pub storing: Progress,
}

/// Who or what a stream waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// A page.
    Source,
    /// The outcomes of a batch.
    Destination,
    /// A record's way through mapping and rules.
    Mapping,
    /// Results are stored.
    Storing,
}

impl Waited {
    /// The system that is waited for; `None` where it is us.
    pub fn side(self) -> Option<Side> {
        match self {
            Self::Source => Some(Side::Source),
            Self::Destination => Some(Side::Destination),
            Self::Mapping | Self::Storing => None,
        }
    }
}

/// After "waited for".
impl fmt::Display for Waited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Source => "the source",
            Self::Destination => "the destination",
            Self::Mapping => "the mapping of a record",
            Self::Storing => "the storing of results",
        })
    }
}

impl StreamProgress {
    /// What has been silent for longest, and since when; `None` while nothing is waited for.
    pub fn silent(&self) -> Option<(Waited, Instant)> {
        [
            (Waited::Source, &self.source),
            (Waited::Destination, &self.destination),
            (Waited::Mapping, &self.mapping),
            (Waited::Storing, &self.storing),
        ]
        .into_iter()
        .filter_map(|(waited, progress)| Some((waited, progress.silent_since()?)))
        .min_by_key(|(_, since)| *since)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{StreamProgress, Waited};

    #[test]
    fn whoever_is_silent_for_longest_is_told() {
        let progress = StreamProgress::default();
        assert_eq!(progress.silent(), None);
        let told = || progress.silent().map(|(waited, _since)| waited);
        let source = progress.source.wait();
        let _destination = progress.destination.wait();
        assert_eq!(told(), Some(Waited::Source));
        progress.source.rests(Duration::from_secs(60));
        assert_eq!(told(), Some(Waited::Destination));
        progress.destination.rests(Duration::from_secs(90));
        assert_eq!(told(), Some(Waited::Source));
        drop(source);
        assert_eq!(told(), Some(Waited::Destination));
    }
}
