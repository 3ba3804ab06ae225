//! What several share by name, for as long as anybody holds it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Things by name, none of which is kept for its own sake.
pub struct Shared<K, T>(Mutex<Named<K, T>>);

struct Named<K, T> {
    all: HashMap<K, Weak<T>>,
    /// With so many names it is time to look which of them are still in use.
    tidy_at: usize,
}

impl<K: Eq + Hash, T> Shared<K, T> {
    /// What is known by this name; made if nobody holds it.
    pub fn get_or_make(&self, name: K, make: impl FnOnce() -> T) -> Arc<T> {
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = named.all.get(&name).and_then(Weak::upgrade) {
            return known;
        }
        if named.all.len() >= named.tidy_at {
            named.all.retain(|_, known| known.strong_count() > 0);
            named.tidy_at = 2 * named.all.len().max(32);
        }
        let new = Arc::new(make());
        named.all.insert(name, Arc::downgrade(&new));
        new
    }
}

impl<K, T> Default for Shared<K, T> {
    fn default() -> Self {
        let (all, tidy_at) = (HashMap::new(), 0);
        Self(Mutex::new(Named { all, tidy_at }))
    }
}

impl<K, T> fmt::Debug for Shared<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_holds_is_shared_and_the_rest_is_forgotten() {
        let shared = Shared::default();
        let held = shared.get_or_make(0, || "first");
        for name in 1..1_000 {
            shared.get_or_make(name, || "nobody's");
        }
        assert!(Arc::ptr_eq(&held, &shared.get_or_make(0, || "second")));
        assert!(shared.0.lock().unwrap().all.len() <= 64);
        assert_eq!(*shared.get_or_make(1, || "anew"), "anew");
    }
}
