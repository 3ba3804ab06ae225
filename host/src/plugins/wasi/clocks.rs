//! Clocks that stand still while the guest computes, and go on by what it sleeps: so they say the
//! same when the same call is made again. The wall clock begins with the call's own time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use super::super::state::State;

/// Both clocks of an instance.
pub(super) struct Clock {
    /// The time of the call.
    now_ms: u64,
    /// What the instance had slept when the call began.
    began_ns: u64,
    /// What it has slept; the monotonic clock shows it.
    slept_ns: Arc<AtomicU64>,
}

impl Clock {
    pub(super) fn at(now_ms: u64) -> Self {
        Self {
            now_ms,
            began_ns: 0,
            slept_ns: Arc::default(),
        }
    }

    pub(super) fn begin(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.began_ns = self.slept_ns.load(Relaxed);
    }

    fn wall(&self) -> Duration {
        let slept_ns = self.slept_ns.load(Relaxed) - self.began_ns;
        Duration::from_millis(self.now_ms) + Duration::from_nanos(slept_ns)
    }
}

/// What the functions of clocks see.
pub(super) struct Clocks<'a> {
    pub clock: &'a mut Clock,
    pub table: &'a mut ResourceTable,
}

struct BothClocks;

impl HasData for BothClocks {
    type Data<'a> = Clocks<'a>;
}

pub(super) fn link(
    linker: &mut Linker<State>,
    clocks: fn(&mut State) -> Clocks<'_>,
) -> wasmtime::Result<()> {
    wall_clock::add_to_linker::<State, BothClocks>(linker, clocks)?;
    monotonic_clock::add_to_linker::<State, BothClocks>(linker, clocks)
}

impl wall_clock::Host for Clocks<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let now = self.clock.wall();
        Ok(wall_clock::Datetime {
            seconds: now.as_secs(),
            nanoseconds: now.subsec_nanos(),
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime {
            seconds: 0,
            nanoseconds: 1_000_000,
        })
    }
}

impl monotonic_clock::Host for Clocks<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.slept_ns.load(Relaxed))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let slept_ns = Arc::clone(&self.clock.slept_ns);
        let sleep = self.table.push(Sleep {
            until_ns: when,
            slept_ns,
        })?;
        subscribe(self.table, sleep)
    }

    fn subscribe_duration(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now_ns = self.clock.slept_ns.load(Relaxed);
        self.subscribe_instant(now_ns.saturating_add(when))
    }
}

/// Ready when the clock shows a time, which it does after that much real time.
struct Sleep {
    until_ns: u64,
    slept_ns: Arc<AtomicU64>,
}

#[async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        let ahead_ns = self.until_ns.saturating_sub(self.slept_ns.load(Relaxed));
        if ahead_ns > 0 {
            tokio::time::sleep(Duration::from_nanos(ahead_ns)).await;
            self.slept_ns.fetch_max(self.until_ns, Relaxed);
        }
    }
}
