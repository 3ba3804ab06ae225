//! What the calls of one plugin in one app took, hook by hook. Counted with every call, so nothing here
//! waits for anything but, when a call failed, for another that failed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::plugins::{FaultKind, Hook, Usage};

/// What the calls of a plugin took since the host started, over all its versions.
#[derive(Debug, Default)]
pub struct Consumption([HookConsumption; Hook::ALL.len()]);

/// What the calls of one hook took.
#[derive(Debug, Default)]
pub struct HookConsumption {
    pub calls: AtomicU64,
    /// CPU time in microseconds.
    pub cpu_us: AtomicU64,
    /// Time in microseconds, waiting included.
    pub wall_us: AtomicU64,
    /// Host functions called.
    pub host_calls: AtomicU64,
    /// The most memory of one call.
    pub memory_peak_bytes: AtomicU64,
    faults: Mutex<BTreeMap<&'static str, u64>>,
}

impl Consumption {
    /// Adds a call.
    pub fn add(&self, hook: Hook, usage: &Usage, fault: Option<FaultKind>) {
        let of = &self.0[hook as usize];
        of.calls.fetch_add(1, Relaxed);
        of.cpu_us.fetch_add(usage.cpu_us, Relaxed);
        of.wall_us.fetch_add(usage.wall_us, Relaxed);
        of.host_calls.fetch_add(usage.host_calls.into(), Relaxed);
        of.memory_peak_bytes
            .fetch_max(usage.memory_peak_bytes, Relaxed);
        if let Some(kind) = fault {
            let mut faults = of.faults.lock().unwrap_or_else(PoisonError::into_inner);
            *faults.entry(kind.code()).or_default() += 1;
        }
    }

    /// The hooks that were called.
    pub fn hooks(&self) -> impl Iterator<Item = (Hook, &HookConsumption)> {
        let called = |(_, of): &(Hook, &HookConsumption)| of.calls.load(Relaxed) > 0;
        Hook::ALL.into_iter().zip(&self.0).filter(called)
    }
}

impl HookConsumption {
    /// How many calls ended in which fault.
    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.clone()
    }
}
