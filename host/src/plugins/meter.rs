//! Measures one call: CPU time, memory, host calls, and what it logged. The figures outlive the
//! call's store, which a timeout throws away.
//!
//! Epoch ticks are wall time, and on a busy machine a guest gets little of it; so the budget is
//! kept in CPU time of the thread, summed over the polls of the call. Even that clock has leaps: a
//! thread that changes memory maps may spin in the kernel until the machine's other processors
//! answer, which on a virtual machine was seen to take 11 ms. So no single stretch between two looks
//! counts for more than a part of the budget, and only a guest that keeps running uses it up.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fault::{LogLine, Usage};
use super::limits::Limits;
use super::log::{Log, Stream};
use super::types::Level;

thread_local! {
    /// What this thread has put on any meter. A call may run another within its own poll (the
    /// guards of a message that a handler sends), and must not pay for it too.
    static METERED_NS: Cell<u64> = const { Cell::new(0) };
}

/// How many stretches it takes at least to use up a budget.
const STRETCHES_MIN: u64 = 3;

/// CPU time after which a call counts as one that computes for long: twenty times what a small guard takes.
/// It is looked at once a tick.
pub(super) const LONG_NS: u64 = 250_000;

/// The figures of one call. Only the thread that polls the call changes them.
pub(super) struct Meter {
    cpu_ns_max: AtomicU64,
    /// CPU time of finished polls.
    spent_ns: AtomicU64,
    /// This thread's time not metered otherwise when the poll under way began.
    poll_began_ns: AtomicU64,
    /// All CPU time at the last look.
    looked_ns: AtomicU64,
    /// What the looks so far have put on the budget.
    charged_ns: AtomicU64,
    memory_peak_bytes: AtomicUsize,
    host_calls: AtomicU32,
    /// Whether a look found that it has computed for long.
    is_long: AtomicBool,
    /// CPU time of its polls, calls within them included.
    ran_ns: AtomicU64,
    /// Whether it could go on at once: it has not begun, or it gave way or waits in the lane.
    is_ready: AtomicBool,
    log: Mutex<Log>,
}

impl Meter {
    pub(super) fn new(cpu_max: Duration, limits: &Limits) -> Self {
        Self {
            cpu_ns_max: AtomicU64::new(nanoseconds(cpu_max)),
            spent_ns: AtomicU64::new(0),
            poll_began_ns: AtomicU64::new(0),
            looked_ns: AtomicU64::new(0),
            charged_ns: AtomicU64::new(0),
            memory_peak_bytes: AtomicUsize::new(0),
            host_calls: AtomicU32::new(0),
            is_long: AtomicBool::new(false),
            ran_ns: AtomicU64::new(0),
            is_ready: AtomicBool::new(true),
            log: Mutex::new(Log::new(limits)),
        }
    }

    /// Gives the call a larger budget.
    pub(super) fn extend(&self, cpu_max: Duration) {
        self.cpu_ns_max.fetch_max(nanoseconds(cpu_max), Relaxed);
    }

    /// Runs one poll of the call and adds its CPU time.
    pub(super) fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        let (began, metered) = (thread_cpu_ns(), METERED_NS.get());
        self.poll_began_ns
            .store(began.saturating_sub(metered), Relaxed);
        self.is_ready.store(false, Relaxed);
        let outcome = poll();
        let ran = thread_cpu_ns().saturating_sub(began);
        let taken = ran.saturating_sub(METERED_NS.get() - metered);
        METERED_NS.set(METERED_NS.get() + taken);
        self.spent_ns.fetch_add(taken, Relaxed);
        self.ran_ns.fetch_add(ran, Relaxed);
        outcome
    }

    /// Looks whether the CPU budget is used up. To be asked from within a poll.
    pub(super) fn is_spent(&self) -> bool {
        let this_poll = unmetered_ns().saturating_sub(self.poll_began_ns.load(Relaxed));
        let all = self.spent_ns.load(Relaxed) + this_poll;
        if all >= LONG_NS {
            self.is_long.store(true, Relaxed);
        }
        let stretch = all.saturating_sub(self.looked_ns.swap(all, Relaxed));
        let max = self.cpu_ns_max.load(Relaxed);
        let charge = stretch.min(max.div_ceil(STRETCHES_MIN));
        self.charged_ns.fetch_add(charge, Relaxed) + charge >= max
    }

    /// Has the call count as one that computes for long from its beginning.
    pub(super) fn begin_long(&self) {
        self.is_long.store(true, Relaxed);
    }

    /// CPU time of all polls so far.
    pub(super) fn spent_ns(&self) -> u64 {
        self.spent_ns.load(Relaxed)
    }

    /// Whether the call goes by the slow lane. It becomes so while its own code runs, and at no other time.
    pub(super) fn is_long(&self) -> bool {
        self.is_long.load(Relaxed)
    }

    /// The call gives way to others, or can't have its turn yet.
    pub(super) fn note_ready(&self) {
        self.is_ready.store(true, Relaxed);
    }

    /// Whether only others keep the call from going on.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready.load(Relaxed)
    }

    /// CPU time of threads in all polls so far, calls within them included.
    pub(super) fn ran(&self) -> Duration {
        Duration::from_nanos(self.ran_ns.load(Relaxed))
    }

    /// Counts one host call and gives how many there were.
    pub(super) fn count_host_call(&self) -> u32 {
        self.host_calls.fetch_add(1, Relaxed) + 1
    }

    pub(super) fn note_memory(&self, bytes: usize) {
        self.memory_peak_bytes.fetch_max(bytes, Relaxed);
    }

    pub(super) fn add_log_line(&self, level: Level, message: String) {
        self.log().add(level, message);
    }

    /// Adds what the guest writes to a standard stream.
    pub(super) fn write_to_log(&self, stream: Stream, bytes: &[u8]) {
        self.log().write(stream, bytes);
    }

    pub(super) fn take_log(&self) -> Vec<LogLine> {
        self.log().take()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn usage(&self, wall: Duration) -> Usage {
        Usage {
            cpu_us: self.spent_ns.load(Relaxed) / 1_000,
            wall_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
            memory_peak_bytes: self.memory_peak_bytes.load(Relaxed) as u64,
            host_calls: self.host_calls.load(Relaxed),
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// This thread's CPU time without what any meter has taken already.
fn unmetered_ns() -> u64 {
    thread_cpu_ns().saturating_sub(METERED_NS.get())
}

fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    #[expect(
        unsafe_code,
        reason = "no safe wrapper of this clock is in the tree; the pointer is to a local"
    )]
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    debug_assert_eq!(status, 0, "every Linux has this clock");
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Duration;

    use super::{Meter, thread_cpu_ns};
    use crate::plugins::Limits;

    fn meter(cpu_max: Duration) -> Meter {
        Meter::new(cpu_max, &Limits::default())
    }

    fn burn(milliseconds: u64) {
        let end = thread_cpu_ns() + milliseconds * 1_000_000;
        while thread_cpu_ns() < end {
            black_box(());
        }
    }

    #[test]
    fn sleep_is_free_and_work_is_not() {
        let meter = meter(Duration::from_millis(20));
        for _ in 0..4 {
            meter.poll(|| {
                std::thread::sleep(Duration::from_millis(10));
                assert!(!meter.is_spent());
            });
        }
        let mut looks = 0;
        while !meter.poll(|| {
            burn(1);
            meter.is_spent()
        }) {
            looks += 1;
        }
        assert!((2..20).contains(&looks), "{looks}");
        assert!(meter.usage(Duration::ZERO).cpu_us >= 20_000);
    }

    #[test]
    fn one_leap_of_the_clock_is_not_held_against_anybody() {
        let meter = meter(Duration::from_millis(5));
        meter.poll(|| {
            burn(30);
            assert!(!meter.is_spent());
            assert!(!meter.is_spent());
        });
        assert!(meter.usage(Duration::ZERO).cpu_us >= 30_000);
    }

    #[test]
    fn a_call_within_a_call_pays_for_itself() {
        let outer = meter(Duration::from_secs(1));
        let inner = meter(Duration::from_secs(1));
        outer.poll(|| {
            burn(5);
            inner.poll(|| burn(30));
        });
        let outer_us = outer.usage(Duration::ZERO).cpu_us;
        assert!((5_000..25_000).contains(&outer_us), "{outer_us}");
        assert!(inner.usage(Duration::ZERO).cpu_us >= 30_000);
    }
}
