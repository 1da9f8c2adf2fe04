//! How many of something each caller has open at once: connections, operations. Counted in this process only; what
//! nobody has open takes no memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Open things, by whose they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Occupancy(Arc<Mutex<HashMap<Arc<str>, usize>>>);

/// One open thing, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    occupancy: Occupancy,
    owner: Arc<str>,
}

impl Occupancy {
    /// A place for one more of this owner's; `None` when they have `maximum` already.
    pub(crate) fn enter(&self, owner: &str, maximum: usize) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (owner, count) = match counts.get_key_value(owner) {
            Some((owner, count)) => (Arc::clone(owner), *count),
            None => (Arc::from(owner), 0),
        };
        if count >= maximum {
            return None;
        }
        counts.insert(Arc::clone(&owner), count + 1);
        drop(counts);
        Some(Place { occupancy: self.clone(), owner })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.occupancy.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Occupancy;

    #[test]
    fn each_owner_has_so_many_places_and_gets_them_back() {
        let occupancy = Occupancy::default();
        let first = occupancy.enter("ada", 2).expect("a place");
        let second = occupancy.enter("ada", 2).expect("a place");
        assert!(occupancy.enter("ada", 2).is_none());
        assert!(occupancy.enter("bob", 2).is_some());
        drop(first);
        assert!(occupancy.enter("ada", 2).is_some(), "given back at once, as nobody keeps it");
        drop(second);
        assert!(occupancy.0.lock().expect("nobody panicked").is_empty());
        assert!(occupancy.enter("ada", 0).is_none());
        assert!(occupancy.0.lock().expect("nobody panicked").is_empty(), "a refusal leaves nothing behind");
    }
}
