//! After the last page of a FULL stream: what was written before and has not come again is deleted or marked at the
//! destination. Deliberately absent: how it is found (the ledger), and whether so much may be removed.

use connector::{Gone, Removal};
use futures::TryStreamExt;

use super::StreamStop;
use super::writer::{DestinationEnd, canceled_or};
use crate::{RecordFailure, RemovedPage};

/// Removes all that is gone, page by page, each accounted before the next.
pub(super) async fn remove_gone(end: &mut DestinationEnd<'_>, removal: &Removal) -> Result<(), StreamStop> {
    let ledger = end.ledger;
    let stop = end.stop;
    let stream = end.open.stream.name.clone();
    let mut pages = ledger.gone(&stream);
    loop {
        let next = canceled_or(&stop.after_page, async { Ok(pages.try_next().await?) });
        let Some(gone) = next.await? else { return Ok(()) };
        let page = remove_page(end, &stream, gone, removal).await?;
        ledger.account_removed(page).await?;
    }
}

async fn remove_page(
    end: &mut DestinationEnd<'_>,
    stream: &str,
    gone: Vec<Gone>,
    removal: &Removal,
) -> Result<RemovedPage, StreamStop> {
    let (outcomes, attempts) = end.remove(&gone, removal).await?;
    if outcomes.len() != gone.len() {
        return Err(StreamStop::internal(format!(
            "the destination answered for {} records of {} that are gone",
            outcomes.len(),
            gone.len()
        )));
    }
    let mut page = RemovedPage { stream: stream.to_owned(), removed: Vec::new(), failures: Vec::new() };
    for (gone, outcome) in gone.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => page.removed.push(gone.key),
            Err(error) => page.failures.push(RecordFailure::removal_refused(gone.key, error, attempts)),
        }
    }
    Ok(page)
}
