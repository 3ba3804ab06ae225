//! Advances the engine's epoch once a millisecond while calls run, so that guests come up for air
//! and their CPU time can be looked at. A host without plugin calls is not woken.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::Duration;

use wasmtime::EngineWeak;

const TICK: Duration = Duration::from_millis(1);

/// How many ticks without a call before the thread sleeps: waking it costs a call microseconds, so
/// it stays up through the pauses of a busy host.
const IDLE_TICKS_MAX: u32 = 250;

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

/// The thread that ticks; dropping it ends the thread.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

/// Held while a call runs: the epoch advances at least as long.
pub(super) struct Running<'a>(&'a Ticker);

pub(super) fn start(engine: EngineWeak) -> io::Result<Ticker> {
    let shared = Arc::new(Shared::default());
    let for_thread = Arc::clone(&shared);
    let handle = std::thread::Builder::new()
        .name("plugin-ticker".into())
        .spawn(move || tick(&for_thread, &engine))?;
    let thread = handle.thread().clone();
    Ok(Ticker { shared, thread })
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut idle_ticks = 0;
    while !shared.stopped.load(Ordering::SeqCst) {
        std::thread::sleep(TICK);
        // Only for a moment: a ticking thread must not keep an engine alive.
        let Some(engine) = engine.upgrade() else {
            return;
        };
        engine.increment_epoch();
        drop(engine);
        if shared.running.load(Ordering::SeqCst) > 0 {
            idle_ticks = 0;
        } else {
            idle_ticks += 1;
        }
        if idle_ticks >= IDLE_TICKS_MAX {
            sleep_until_called(shared);
            idle_ticks = 0;
        }
    }
}

/// A call raises `running` and then looks at `asleep`; this does it the other way round, so one of
/// the two sees the other.
fn sleep_until_called(shared: &Shared) {
    shared.asleep.store(true, Ordering::SeqCst);
    while shared.running.load(Ordering::SeqCst) == 0 && !shared.stopped.load(Ordering::SeqCst) {
        std::thread::park();
    }
    shared.asleep.store(false, Ordering::SeqCst);
}

impl Ticker {
    pub(super) fn run(&self) -> Running<'_> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(self)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}
