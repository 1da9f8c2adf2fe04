//! Who is told of changes. Listeners stand by tenant, so that a change is looked at by those of its tenant and by staff, and
//! by nobody else; each has the ids that wait for it and no queue of changes. Whoever does not take them is bounded: past
//! that it is told that it missed some, and reads what there is.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Change, ChangeKind};
use crate::actor::Tenants;

/// Objects that wait for one listener: a page of failures is up to 5,000.
const WAITING_MAX: usize = 5_000;
/// Objects that wait for all listeners of the process together, some 50 bytes each.
const WAITING_TOTAL_MAX: usize = 1_000_000;

/// What a listener is told of.
#[derive(Clone, Copy, Debug)]
pub struct Interest {
    /// This kind of object.
    pub kind: ChangeKind,
    /// This object only.
    pub id: Option<Uuid>,
    /// Objects of this integration only.
    pub integration_id: Option<Uuid>,
}

impl Interest {
    fn concerns(&self, change: &Change) -> bool {
        change.kind == self.kind
            && self.id.is_none_or(|id| change.id == id)
            && self.integration_id.is_none_or(|id| change.integration_id == Some(id))
    }
}

/// What a listener was told since it took the last.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Objects that changed, each once, in the order in which they did.
    pub ids: Vec<Uuid>,
    /// More wait.
    pub has_more: bool,
    /// Others changed, too, and nobody knows which.
    pub has_missed: bool,
    /// And did so since this time at the earliest; `None` when it was after the last were taken.
    pub missed_since: Option<DateTime<Utc>>,
}

/// Every listener of the process.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    places: RwLock<Places>,
    /// Objects that wait for all of them.
    waiting: AtomicUsize,
    /// Since when what changes in other processes may not arrive; `None` while it does.
    doubt_from: Mutex<Option<DateTime<Utc>>>,
}

#[derive(Debug, Default)]
struct Places {
    of_tenants: HashMap<Uuid, Vec<Arc<Inbox>>>,
    of_all: Vec<Arc<Inbox>>,
}

#[derive(Debug)]
struct Inbox {
    interest: Interest,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    ids: Vec<Uuid>,
    known: HashSet<Uuid>,
    has_missed: bool,
    missed_since: Option<DateTime<Utc>>,
}

impl Listeners {
    pub(super) fn doubt(&self, from: DateTime<Utc>) {
        self.doubt_from().get_or_insert(from);
    }

    pub(super) fn be_sure(&self) {
        let from = *self.doubt_from();
        if let Some(from) = from {
            self.miss(from);
            // Last, so that each listener knows at any time that there is something it may not have heard.
            *self.doubt_from() = None;
        }
    }

    pub(super) fn miss(&self, since: DateTime<Utc>) {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        for inbox in places.of_tenants.values().flatten().chain(&places.of_all) {
            let mut waiting = inbox.lock();
            waiting.has_missed = true;
            waiting.missed_since = Some(waiting.missed_since.map_or(since, |other| other.min(since)));
            drop(waiting);
            inbox.arrived.notify_one();
        }
    }

    fn doubt_from(&self) -> MutexGuard<'_, Option<DateTime<Utc>>> {
        self.doubt_from.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, change: &Change) {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = places.of_tenants.get(&change.tenant_id).map_or(&[][..], Vec::as_slice);
        for inbox in of_tenant.iter().chain(&places.of_all) {
            if inbox.interest.concerns(change) {
                self.put(inbox, change.id);
            }
        }
    }

    fn put(&self, inbox: &Inbox, id: Uuid) {
        let mut waiting = inbox.lock();
        let is_full =
            waiting.ids.len() >= WAITING_MAX || self.waiting.load(Ordering::Relaxed) >= WAITING_TOTAL_MAX;
        if is_full && !waiting.known.contains(&id) {
            waiting.has_missed = true;
        } else if waiting.known.insert(id) {
            waiting.ids.push(id);
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
        drop(waiting);
        inbox.arrived.notify_one();
    }

    fn enter(&self, inbox: &Arc<Inbox>, tenants: &Tenants) {
        let mut places = self.write();
        match tenants {
            Tenants::All => places.of_all.push(Arc::clone(inbox)),
            Tenants::Some(tenants) => {
                for tenant_id in tenants {
                    places.of_tenants.entry(*tenant_id).or_default().push(Arc::clone(inbox));
                }
            }
        }
    }

    fn leave(&self, inbox: &Arc<Inbox>, tenants: &Tenants) {
        let remove = |inboxes: &mut Vec<Arc<Inbox>>| {
            if let Some(place) = inboxes.iter().position(|other| Arc::ptr_eq(other, inbox)) {
                inboxes.swap_remove(place);
            }
        };
        let mut places = self.write();
        match tenants {
            Tenants::All => remove(&mut places.of_all),
            Tenants::Some(tenants) => {
                for tenant_id in tenants {
                    if let Some(inboxes) = places.of_tenants.get_mut(tenant_id) {
                        remove(inboxes);
                        if inboxes.is_empty() {
                            places.of_tenants.remove(tenant_id);
                        }
                    }
                }
            }
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Places> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One listener, until it is dropped.
#[derive(Debug)]
pub struct Listening {
    listeners: Arc<Listeners>,
    inbox: Arc<Inbox>,
    tenants: Tenants,
}

impl Listening {
    pub(super) fn new(listeners: Arc<Listeners>, interest: Interest, tenants: &Tenants) -> Self {
        let inbox = Arc::new(Inbox { interest, waiting: Mutex::default(), arrived: Notify::new() });
        listeners.enter(&inbox, tenants);
        Self { listeners, inbox, tenants: tenants.clone() }
    }

    /// Waits until something changed that was not taken yet.
    pub async fn arrived(&self) {
        while !self.has_some() {
            // What arrives in between has left a permit.
            self.inbox.arrived.notified().await;
        }
    }

    fn has_some(&self) -> bool {
        let waiting = self.inbox.lock();
        !waiting.ids.is_empty() || waiting.has_missed
    }

    /// Whether others in other processes changed, of which nothing has arrived.
    pub fn has_lost(&self) -> bool {
        self.inbox.lock().missed_since.is_some()
    }

    /// Until when everything has arrived; `None` for now.
    pub fn sure_until(&self) -> Option<DateTime<Utc>> {
        // In this order: who misses something knows so before the doubt ends.
        let doubt = *self.listeners.doubt_from();
        let missed = self.inbox.lock().missed_since;
        [doubt, missed].into_iter().flatten().min()
    }

    /// Takes what changed, at most so many objects.
    pub fn take(&self, most: usize) -> Told {
        let mut waiting = self.inbox.lock();
        let has_missed = std::mem::take(&mut waiting.has_missed);
        let missed_since = waiting.missed_since.take();
        if waiting.ids.len() <= most {
            waiting.known = HashSet::new();
            let ids = std::mem::take(&mut waiting.ids);
            self.listeners.waiting.fetch_sub(ids.len(), Ordering::Relaxed);
            return Told { ids, has_more: false, has_missed, missed_since };
        }
        let ids: Vec<Uuid> = waiting.ids.drain(..most).collect();
        for id in &ids {
            waiting.known.remove(id);
        }
        self.listeners.waiting.fetch_sub(ids.len(), Ordering::Relaxed);
        Told { ids, has_more: true, has_missed, missed_since }
    }

    /// Counts as having missed something: what it took could not be read.
    pub fn miss(&self) {
        self.inbox.lock().has_missed = true;
    }

    /// From now on of these tenants: the listener's rights have changed. What changed in between counts as missed.
    pub fn follow(&mut self, tenants: &Tenants) {
        if self.tenants != *tenants {
            self.listeners.leave(&self.inbox, &self.tenants);
            self.listeners.enter(&self.inbox, tenants);
            self.tenants = tenants.clone();
            self.inbox.lock().has_missed = true;
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.listeners.leave(&self.inbox, &self.tenants);
        let left = self.inbox.lock().ids.len();
        self.listeners.waiting.fetch_sub(left, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use futures::FutureExt;
    use uuid::Uuid;

    use super::{Interest, Told, WAITING_MAX};
    use crate::actor::Tenants;
    use crate::change::{Change, ChangeKind, Changes, now};

    const RUNS: Interest = Interest { kind: ChangeKind::Run, id: None, integration_id: None };

    fn change(tenant: u128, id: u128) -> Change {
        let (tenant_id, id) = (Uuid::from_u128(tenant), Uuid::from_u128(id));
        Change { kind: ChangeKind::Run, tenant_id, id, integration_id: Some(Uuid::from_u128(9)) }
    }

    fn of(tenant: u128) -> Tenants {
        Tenants::Some(vec![Uuid::from_u128(tenant)])
    }

    fn ids(told: &Told) -> Vec<u128> {
        told.ids.iter().map(|id| id.as_u128()).collect()
    }

    #[test]
    fn each_is_told_of_its_tenants_and_interest_once_and_in_order() {
        let changes = Changes::in_process();
        let ours = changes.listen(RUNS, &of(1));
        let both = changes.listen(RUNS, &Tenants::Some(vec![Uuid::from_u128(1), Uuid::from_u128(2)]));
        let staff = changes.listen(RUNS, &Tenants::All);
        let one = changes.listen(Interest { id: Some(Uuid::from_u128(20)), ..RUNS }, &of(1));
        let elsewhere = changes.listen(Interest { integration_id: Some(Uuid::from_u128(8)), ..RUNS }, &of(1));
        let failures = changes.listen(Interest { kind: ChangeKind::Failure, ..RUNS }, &of(1));
        for change in [change(1, 10), change(2, 30), change(1, 20), change(1, 10)] {
            changes.publish(change);
        }
        assert_eq!(ids(&ours.take(10)), [10, 20]);
        assert_eq!(ids(&both.take(10)), [10, 30, 20]);
        assert_eq!(ids(&staff.take(10)), [10, 30, 20]);
        assert_eq!(ids(&one.take(10)), [20]);
        assert_eq!(elsewhere.take(10), Told::default());
        assert_eq!(failures.take(10), Told::default());
        changes.publish(change(1, 10));
        assert_eq!(ids(&ours.take(10)), [10], "again, once it was taken");
    }

    #[test]
    fn a_part_can_be_taken() {
        let changes = Changes::in_process();
        let listening = changes.listen(RUNS, &of(1));
        for id in [1, 2, 3] {
            changes.publish(change(1, id));
        }
        let first = listening.take(2);
        assert_eq!((ids(&first), first.has_more), (vec![1, 2], true));
        changes.publish(change(1, 1));
        changes.publish(change(1, 3));
        let rest = listening.take(2);
        assert_eq!((ids(&rest), rest.has_more), (vec![3, 1], false));
    }

    #[test]
    fn who_does_not_take_what_waits_is_told_that_it_missed_some() {
        let changes = Changes::in_process();
        let listening = changes.listen(RUNS, &of(1));
        for id in 0..WAITING_MAX {
            changes.publish(change(1, id as u128));
        }
        assert!(!listening.inbox.lock().has_missed);
        changes.publish(change(1, 0));
        assert!(!listening.inbox.lock().has_missed, "it waits already");
        changes.publish(change(1, u128::MAX));
        let told = listening.take(WAITING_MAX);
        assert_eq!((told.ids.len(), told.has_more, told.has_missed), (WAITING_MAX, false, true));
        assert_eq!(listening.take(1), Told::default());
    }

    #[test]
    fn what_may_not_have_arrived_counts_as_missed_by_all_and_until_then_nobody_is_sure() {
        let changes = Changes::in_process();
        let (ours, staff) = (changes.listen(RUNS, &of(1)), changes.listen(RUNS, &Tenants::All));
        assert_eq!(ours.sure_until(), None);
        changes.doubt();
        let from = ours.sure_until().expect("it is in doubt");
        assert!(from <= now());
        changes.doubt();
        assert_eq!(staff.sure_until(), Some(from), "the first time counts");
        assert!(ours.arrived().now_or_never().is_none(), "nothing can be done about it yet");
        changes.be_sure();
        for listening in [&ours, &staff] {
            assert!(listening.arrived().now_or_never().is_some() && listening.has_lost());
            assert_eq!(listening.sure_until(), Some(from), "it has not caught up yet");
            let missed = Told { has_missed: true, missed_since: Some(from), ..Told::default() };
            assert_eq!(listening.take(10), missed);
            assert_eq!((listening.sure_until(), listening.take(10)), (None, Told::default()));
        }
        let earlier = from - chrono::Duration::seconds(5);
        for since in [from, earlier, from] {
            changes.miss(since);
        }
        assert_eq!(ours.take(10).missed_since, Some(earlier));
    }

    #[test]
    fn what_arrives_wakes_and_nothing_is_left_of_who_is_gone() {
        let changes = Changes::in_process();
        let mut listening = changes.listen(RUNS, &of(1));
        assert!(listening.arrived().now_or_never().is_none());
        changes.publish(change(1, 1));
        assert!(listening.arrived().now_or_never().is_some());
        listening.follow(&of(2));
        changes.publish(change(1, 2));
        changes.publish(change(2, 3));
        let told = listening.take(10);
        assert_eq!((ids(&told), told.has_missed), (vec![1, 3], true), "what was before it is not known");
        changes.publish(change(2, 4));
        drop(listening);
        let places = changes.listeners.places.read().expect("nobody panicked");
        assert!(places.of_tenants.is_empty() && places.of_all.is_empty());
        assert_eq!(changes.listeners.waiting.load(Ordering::Relaxed), 0);
    }
}
