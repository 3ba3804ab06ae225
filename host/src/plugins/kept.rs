//! Instances that wait for another call, for plugins whose manifest asks for it: those that are dear
//! to start, or that prepare much from their settings. Each serves one install, one call at a time,
//! and goes with its first fault, with its install, or when others need its place: of the org that has
//! most of them the one that has waited longest.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Store;
use wasmtime::component::Instance;

use super::limits::Limits;
use super::state::State;
use crate::admission::{Holder, who_has_most};

/// An instance with its store.
pub(super) struct Live {
    pub store: Store<State>,
    pub instance: Instance,
    /// Calls that it has served.
    pub calls: u32,
}

/// The instances that wait, of all installs; those that have waited longest come first.
pub(super) struct Kept {
    instances_max: usize,
    calls_max: u32,
    bytes_max: usize,
    waiting: Mutex<VecDeque<(Owner, Live)>>,
    shelves: AtomicU64,
}

/// Which shelf it is on, and whose that is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner {
    shelf: u64,
    holder: Holder,
}

/// An install's own part of what is kept; what is on it goes with it.
pub(super) struct Shelf {
    kept: Arc<Kept>,
    owner: Owner,
}

impl Kept {
    pub(super) fn new(limits: &Limits, instances_max: u32) -> Self {
        Self {
            instances_max: instances_max as usize,
            calls_max: limits.kept_instance_calls_max,
            bytes_max: limits.kept_instance_bytes_max as usize,
            waiting: Mutex::default(),
            shelves: AtomicU64::new(0),
        }
    }

    pub(super) fn shelf(self: &Arc<Self>, holder: Holder) -> Shelf {
        let shelf = self.shelves.fetch_add(1, Relaxed);
        Shelf {
            kept: Arc::clone(self),
            owner: Owner { shelf, holder },
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<(Owner, Live)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// The instance that was put here last: its memory is the likeliest to be in a cache.
    pub(super) fn take(&self) -> Option<Live> {
        let mut waiting = self.kept.waiting();
        let at = waiting
            .iter()
            .rposition(|(owner, _)| *owner == self.owner)?;
        waiting.remove(at).map(|(_, live)| live)
    }

    /// Keeps an instance that has served a call well, unless it has grown too large or too old.
    pub(super) fn put(&self, live: Live) {
        if live.calls >= self.kept.calls_max
            || live.store.data().memory.used_bytes() > self.kept.bytes_max
        {
            return;
        }
        let mut waiting = self.kept.waiting();
        waiting.push_back((self.owner, live));
        let surplus = (waiting.len() > self.kept.instances_max)
            .then(|| surplus(&mut waiting))
            .flatten();
        drop(waiting); // Freeing memory takes its time.
        drop(surplus);
    }
}

/// The one that gives way to the others.
fn surplus(waiting: &mut VecDeque<(Owner, Live)>) -> Option<(Owner, Live)> {
    let holder = who_has_most(waiting.iter().map(|(owner, _)| (owner.holder, 1)))?;
    let oldest = waiting
        .iter()
        .position(|(owner, _)| owner.holder == holder)?;
    waiting.remove(oldest)
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let mut waiting = self.kept.waiting();
        let (mine, others): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut *waiting)
            .into_iter()
            .partition(|(owner, _)| *owner == self.owner);
        *waiting = others;
        drop(waiting);
        drop(mine);
    }
}
