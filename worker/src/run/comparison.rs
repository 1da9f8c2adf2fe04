//! A stream of a run that compares both ends. Deliberately absent: what becomes of what is found (`domain`).

use connector::{OpenDestination, OpenSource};
use domain::background::{ClaimedStream, FinishedStream};
use domain::stream::spec;
use pipeline::{Comparison, Moved, StreamPlan, StreamStop};

use super::{Route, access};

impl Route {
    /// Reads the whole stream, whatever runs have read of it, and compares it with the destination.
    pub(super) async fn compare_one(&self, claimed: ClaimedStream) -> Result<FinishedStream, StreamStop> {
        if self.source.connector.keeps_position() {
            let name = claimed.stream.name;
            // What was read is not there for ever, and older versions of a record are there beside the latest.
            self.lease.store_comparison(&name, Comparison::Impossible).await?;
            return Ok(FinishedStream { stream: name, watermark: None, breach: None });
        }
        let plan = self.plan(&claimed, false).await?;
        let plan = StreamPlan { shape: None, ..plan };
        let ClaimedStream { stream, since, .. } = claimed;
        let spec = spec(&stream);
        let until = since.and_then(|since| self.source.connector.cursor_value(&since));
        let moved = match stream.cursor_field.zip(until) {
            Some((field, value)) => Moved::until(field, value),
            None => Moved::default(),
        };
        let name = stream.name;
        let failed = |error| StreamStop::Destination { error, attempts: 1 };
        let open_destination = OpenDestination {
            access: access(&self.destination, &self.progress.destination).await.map_err(failed)?,
            stream: spec.clone(),
            options: stream.destination,
            run: self.lease.run_id(),
            integration: self.lease.integration_id(),
            resumed: false,
        };
        let failed = |error| StreamStop::Source { error, attempts: 1 };
        let open_source = OpenSource {
            access: access(&self.source, &self.progress.source).await.map_err(failed)?,
            stream: spec,
            options: stream.source,
            since: None,
            overlap: None,
            from: None,
            only: None,
            part: None,
            resume: None,
            page_records_max: self.page_records_max,
        };
        let compared = pipeline::compare_stream(
            plan,
            self.source.connector.clone(),
            open_source,
            self.destination.connector.clone(),
            open_destination,
            moved,
            self.lease.as_ref(),
            &self.stop,
        )
        .await?;
        {
            let _waiting = self.progress.storing.wait();
            self.lease.store_comparison(&name, compared).await?;
        }
        Ok(FinishedStream { stream: name, watermark: None, breach: None })
    }
}
