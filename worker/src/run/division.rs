//! Whether a stream is read in slices: its source says how it can be cut, and its destination whether several may write
//! to it. Deliberately absent: what becomes of the slices (`domain`).

use std::error::Error;

use domain::background::ClaimedStream;
use pipeline::StreamStop;

use super::{Route, spec};

impl Route {
    /// Gives the stream to jobs of its slices, where it is worth it. False when this worker reads it, also when that can't
    /// be found out: reading tells what is wrong.
    pub(super) async fn divide(&self, claimed: &ClaimedStream) -> Result<bool, StreamStop> {
        let stream = &claimed.stream;
        if !(self.source.connector.may_be_divided(&stream.source)
            && self
                .destination
                .connector
                .takes_parts(&stream.destination, self.source.connector.parts_may_repeat_keys()))
        {
            return Ok(false);
        }
        let looking = async {
            let open = self.open_source(claimed.clone()).await?;
            let _waiting = self.progress.source.wait();
            self.source.connector.divide(&open).await
        };
        let division = tokio::select! {
            () = self.stop.after_page.cancelled() => return Err(StreamStop::Canceled),
            division = looking => division,
        };
        let division = match division {
            Ok(Some(division)) if division.parts.len() > 1 => division,
            Ok(_) => return Ok(false),
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(
                    error,
                    stream = spec(claimed).name,
                    "a stream could not be divided; it is read whole"
                );
                return Ok(false);
            }
        };
        let _waiting = self.progress.storing.wait();
        Ok(self.lease.divide(&claimed.stream.name, &division, claimed.fresh).await?)
    }
}
