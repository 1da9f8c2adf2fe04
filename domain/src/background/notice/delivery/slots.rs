//! How many deliveries a worker has under way: of each channel, owner and way few, so that nobody who is slow holds up
//! anybody else. Deliberately absent: which are due.

use std::collections::HashMap;

use entity::notice_delivery::{self, Column};
use sea_orm::sea_query::{ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, Condition};
use uuid::Uuid;

/// How many at once, at most.
#[derive(Clone, Copy, Debug)]
pub struct DeliverySlots {
    /// Of a worker.
    pub all: usize,
    /// Of its requests, and of its mails.
    pub of_way: usize,
    /// Of the requests of one owner, and of its mails.
    pub of_owner: usize,
    /// Of one channel.
    pub of_channel: usize,
}

/// The place of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliverySlot {
    owner: Option<Uuid>,
    channel_id: Uuid,
    is_mail: bool,
}

/// What counts separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    All,
    Way { is_mail: bool },
    Owner { owner: Option<Uuid>, is_mail: bool },
    Channel(Uuid),
}

/// What a worker delivers now.
#[derive(Clone, Debug)]
pub struct UnderWay {
    slots: DeliverySlots,
    /// None is 0.
    counts: HashMap<Part, usize>,
}

impl DeliverySlot {
    pub(super) fn of(row: &notice_delivery::Model) -> Self {
        Self { owner: row.tenant_id, channel_id: row.channel_id, is_mail: row.recipient.is_some() }
    }

    fn parts(self) -> [Part; 4] {
        let Self { owner, channel_id, is_mail } = self;
        [Part::All, Part::Way { is_mail }, Part::Owner { owner, is_mail }, Part::Channel(channel_id)]
    }
}

impl UnderWay {
    /// Nothing yet.
    pub fn new(slots: DeliverySlots) -> Self {
        Self { slots, counts: HashMap::new() }
    }

    /// How many more there may be.
    pub fn room(&self) -> usize {
        self.slots.all.saturating_sub(self.counts.get(&Part::All).copied().unwrap_or_default())
    }

    /// A delivery begins.
    pub fn take(&mut self, slot: DeliverySlot) {
        for part in slot.parts() {
            *self.counts.entry(part).or_default() += 1;
        }
    }

    /// It is over.
    pub fn give_back(&mut self, slot: DeliverySlot) {
        for part in slot.parts() {
            if let Some(count) = self.counts.get_mut(&part) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&part);
                }
            }
        }
    }

    /// Whether there is a place for one more.
    pub(super) fn has(&self, slot: DeliverySlot) -> bool {
        slot.parts().iter().all(|part| !self.is_full(part))
    }

    /// Deliveries for which there is a place, so that those of who has none left do not stand before others.
    pub(super) fn with_room(&self) -> Condition {
        let full = self.counts.keys().filter(|part| self.is_full(part));
        full.fold(Condition::all(), |condition, part| match *part {
            // Then nobody asks.
            Part::All => condition,
            Part::Way { is_mail } => condition.add(is_way(!is_mail)),
            Part::Owner { owner, is_mail } => condition.add(is_not_of(owner).or(is_way(!is_mail))),
            Part::Channel(id) => condition.add(Column::ChannelId.ne(id)),
        })
    }

    fn is_full(&self, part: &Part) -> bool {
        let max = match part {
            Part::All => self.slots.all,
            Part::Way { .. } => self.slots.of_way,
            Part::Owner { .. } => self.slots.of_owner,
            Part::Channel(_) => self.slots.of_channel,
        };
        self.counts.get(part).is_some_and(|count| *count >= max)
    }
}

fn is_way(is_mail: bool) -> SimpleExpr {
    if is_mail { Column::Recipient.is_not_null() } else { Column::Recipient.is_null() }
}

/// Of the operator's there is no tenant, which nothing is unequal to.
fn is_not_of(owner: Option<Uuid>) -> SimpleExpr {
    match owner {
        None => Column::TenantId.is_not_null(),
        Some(id) => Column::TenantId.is_null().or(Column::TenantId.ne(id)),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{DeliverySlot, DeliverySlots, UnderWay};

    fn slot(owner: u128, channel: u128, is_mail: bool) -> DeliverySlot {
        let owner = (owner > 0).then(|| Uuid::from_u128(owner));
        DeliverySlot { owner, channel_id: Uuid::from_u128(channel), is_mail }
    }

    #[test]
    fn an_owner_and_a_channel_have_some_places_and_others_the_rest() {
        let mut under_way = UnderWay::new(DeliverySlots { all: 6, of_way: 5, of_owner: 3, of_channel: 2 });
        under_way.take(slot(1, 1, false));
        under_way.take(slot(1, 1, false));
        assert!(!under_way.has(slot(1, 1, false)) && under_way.has(slot(1, 2, false)));
        under_way.take(slot(1, 2, false));
        assert!(!under_way.has(slot(1, 3, false)), "the owner has its places");
        assert!(under_way.has(slot(1, 4, true)), "mails have their own");
        assert!(under_way.has(slot(0, 5, false)) && under_way.has(slot(2, 6, false)));
        under_way.take(slot(0, 5, false));
        under_way.take(slot(2, 6, false));
        assert!(!under_way.has(slot(3, 7, false)), "requests have theirs");
        assert!(under_way.has(slot(3, 8, true)));
        under_way.take(slot(3, 8, true));
        assert_eq!((under_way.room(), under_way.has(slot(4, 9, true))), (0, false));
        under_way.give_back(slot(1, 1, false));
        assert_eq!(under_way.room(), 1);
        assert!(under_way.has(slot(1, 1, false)));
    }
}
