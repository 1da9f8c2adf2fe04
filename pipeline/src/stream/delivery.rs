//! Which records of a page are measured: those that it delivered, written and not found there as they are. A record that an
//! attempt before had delivered without its being accounted is found there as well, and is told by its receipt, which is not
//! there or is of something else. Deliberately absent: a look at receipts where nothing can have been repeated.

use std::collections::{HashMap, HashSet};

use connector::Action;

use super::StreamStop;
use super::writer::{Accounting, DestinationEnd, canceled_or};
use crate::kpi::Measures;
use crate::{Measured, NewReceipt, Receipt};

/// Pages in which records may be repeated, the first ones of an attempt behind one: of the page that was being accounted and
/// the one that was being written, each twice as large as now.
const REPEATED_PAGES_MAX: usize = 4;

/// Where a stream may bring records that were delivered before without their being accounted. Those are measured now, though
/// they are found to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// Nowhere.
    Nowhere,
    /// In its first pages: an attempt before ended behind the last page that it accounted.
    AtBegin,
    /// Anywhere: another run ended for good, and what it read is read from its begin.
    Anywhere,
}

/// What is known of the deliveries of an attempt.
pub(super) struct Deliveries {
    repeats: Repeats,
    /// So many more pages may have records that were delivered before.
    pages_left: usize,
}

/// A page whose records all have an end.
pub(super) struct Answered<'a> {
    /// What was measured of its records.
    pub(super) measures: &'a Measures,
    /// Of those that are there.
    pub(super) receipts: &'a [NewReceipt],
    /// Of each receipt the place of its record among those that were measured.
    pub(super) places: &'a [usize],
    /// Receipts from before that were looked up.
    pub(super) known: &'a HashMap<String, Receipt>,
    /// It was sent more than once: what arrived the first time is found to be there.
    pub(super) is_sent_again: bool,
}

impl Deliveries {
    pub(super) fn new(repeats: Repeats) -> Self {
        let pages_left = match repeats {
            Repeats::Nowhere => 0,
            Repeats::AtBegin | Repeats::Anywhere => REPEATED_PAGES_MAX,
        };
        Self { repeats, pages_left }
    }

    /// What counts of a page.
    pub(super) async fn measured(
        &mut self,
        page: Answered<'_>,
        end: &mut DestinationEnd<'_>,
        accounting: &mut Accounting<'_>,
    ) -> Result<Measured, StreamStop> {
        let repeated = match page.is_sent_again || self.pages_left > 0 {
            true => page.repeated(end, accounting).await?,
            false => HashSet::new(),
        };
        // Where it is not known where they begin, they end as many pages behind the first of them.
        let is_one_of_them = match self.repeats {
            Repeats::Anywhere => !page.is_sent_again && !repeated.is_empty(),
            Repeats::Nowhere | Repeats::AtBegin => true,
        };
        self.pages_left = self.pages_left.saturating_sub(usize::from(is_one_of_them));
        let receipts = page.receipts.iter().zip(page.places).enumerate();
        let delivered = receipts
            .filter(|(at, (receipt, _place))| receipt.action != Action::Unchanged || repeated.contains(at))
            .map(|(at, (_receipt, place))| (at, *place));
        Ok(page.measures.of_delivered(delivered))
    }
}

impl Answered<'_> {
    /// Places of receipts of records that are there as they are, because they were delivered and not accounted.
    async fn repeated(
        &self,
        end: &mut DestinationEnd<'_>,
        accounting: &mut Accounting<'_>,
    ) -> Result<HashSet<usize>, StreamStop> {
        let mut repeated = HashSet::new();
        let mut unknown = Vec::new();
        for (at, receipt) in self.receipts.iter().enumerate() {
            if receipt.action != Action::Unchanged {
                continue;
            }
            match self.known.get(receipt.key.canonical()) {
                Some(known) if known.confirms(receipt.payload_hash) => {}
                Some(_other) => {
                    repeated.insert(at);
                }
                None => unknown.push(at),
            }
        }
        if unknown.is_empty() {
            return Ok(repeated);
        }
        // What the page before has delivered is known once it is stored.
        accounting.done().await?;
        let keys: Vec<&str> = unknown.iter().map(|at| self.receipts[*at].key.canonical()).collect();
        let ledger = end.ledger;
        let stream = &end.open.stream.name;
        let known = canceled_or(&end.stop.now, async { Ok(ledger.receipts(stream, &keys).await?) }).await?;
        repeated.extend(unknown.into_iter().filter(|at| {
            let receipt = &self.receipts[*at];
            known.get(receipt.key.canonical()).is_none_or(|known| !known.confirms(receipt.payload_hash))
        }));
        Ok(repeated)
    }
}
