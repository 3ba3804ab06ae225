//! Instances that wait for another call, for plugins whose manifest asks for it: those that are dear
//! to start, or that prepare much from their settings. Each serves one install, one call at a time,
//! and goes with its first fault, with its install, or when others need its place.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Store;
use wasmtime::component::Instance;

use super::limits::Limits;
use super::state::State;

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
    waiting: Mutex<VecDeque<(u64, Live)>>,
    shelves: AtomicU64,
}

/// An install's own part of what is kept; what is on it goes with it.
pub(super) struct Shelf {
    kept: Arc<Kept>,
    number: u64,
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

    pub(super) fn shelf(self: &Arc<Self>) -> Shelf {
        Shelf {
            kept: Arc::clone(self),
            number: self.shelves.fetch_add(1, Relaxed),
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<(u64, Live)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// The instance that was put here last: its memory is the likeliest to be in a cache.
    pub(super) fn take(&self) -> Option<Live> {
        let mut waiting = self.kept.waiting();
        let at = waiting
            .iter()
            .rposition(|(number, _)| *number == self.number)?;
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
        waiting.push_back((self.number, live));
        let surplus = (waiting.len() > self.kept.instances_max)
            .then(|| waiting.pop_front())
            .flatten();
        drop(waiting); // Freeing memory takes its time.
        drop(surplus);
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let mut waiting = self.kept.waiting();
        let (mine, others): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut *waiting)
            .into_iter()
            .partition(|(number, _)| *number == self.number);
        *waiting = others;
        drop(waiting);
        drop(mine);
    }
}
