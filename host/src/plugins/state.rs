//! What a call's store holds: its class, what it has used so far, and what it wrote. Also the
//! memory limit, which counts all memories and tables of the call together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;

use super::counters::Counters;
use super::effects::Effects;
use super::fault::Limit;
use super::figures::Figures;
use super::imports::Chat;
use super::limits::{Budget, Limits};
use super::meter::Meter;
use super::overlay::Overlay;
use super::streaming::Streams;
use super::wasi::Wasi;

/// What kind of call it is, which decides what the host does for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Reads and decides.
    Guard,
    /// Depends on its arguments and its config alone.
    Pure,
    /// Depends on them alone, too, and orders much.
    Ranking,
    /// Reads, and is called once for each key that somebody types.
    Completion,
    /// A person or a program waits for it. Does all that was granted.
    Request,
    /// Does all that was granted.
    Event,
    /// As an event; may wait for long.
    Timer,
    /// Tries out a component before anybody depends on it.
    Probe,
}

impl Class {
    /// How many there are.
    pub(super) const COUNT: usize = Self::Probe as usize + 1;

    pub(super) fn may_read(self) -> bool {
        !matches!(self, Self::Pure | Self::Ranking | Self::Probe)
    }

    /// Counting is no write in this sense: guards exist for it.
    pub(super) fn may_count(self) -> bool {
        matches!(
            self,
            Self::Guard | Self::Request | Self::Event | Self::Timer
        )
    }

    pub(super) fn may_write(self) -> bool {
        matches!(self, Self::Request | Self::Event | Self::Timer)
    }

    /// What others' machines say is no part of a decision on a message, nor of what somebody types.
    pub(super) fn may_reach_out(self) -> bool {
        matches!(self, Self::Request | Self::Event | Self::Timer)
    }

    /// Whether somebody's message waits for it.
    pub(super) fn is_on_send_path(self) -> bool {
        matches!(self, Self::Guard | Self::Pure)
    }

    /// How the class is called in an answer to the plugin.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Guard => "a guard",
            Self::Pure => "a message kind or a check of settings",
            Self::Ranking => "a feed",
            Self::Completion => "a completion",
            Self::Request => "a command, an interaction or a request",
            Self::Event | Self::Timer => "an event or a timer",
            Self::Probe => "start-up code",
        }
    }

    pub(super) fn budget(self, limits: &Limits) -> Budget {
        let (cpu_ms, wall_ms) = match self {
            Self::Guard => (limits.guard_cpu_ms_max, limits.guard_wall_ms_max),
            Self::Pure => (limits.kind_cpu_ms_max, limits.kind_wall_ms_max),
            Self::Completion => (limits.completion_cpu_ms_max, limits.completion_wall_ms_max),
            Self::Ranking | Self::Request => {
                (limits.request_cpu_ms_max, limits.request_wall_ms_max)
            }
            Self::Event | Self::Timer => (limits.event_cpu_ms_max, limits.event_wall_ms_max),
            Self::Probe => (limits.probe_cpu_ms_max, limits.probe_wall_ms_max),
        };
        Budget::from_ms(cpu_ms, wall_ms)
    }
}

/// The data of a call's store.
pub(super) struct State {
    pub class: Class,
    pub limits: Arc<Limits>,
    pub meter: Arc<Meter>,
    pub memory: MemoryUse,
    pub config: Arc<str>,
    pub counters: Arc<Counters>,
    pub figures: Arc<Figures>,
    /// `None` while a component is tried out.
    pub chat: Option<Arc<dyn Chat>>,
    /// The host's clock when the call began.
    pub now_ms: u64,
    /// The call's random bits.
    pub seed: u64,
    /// What the guest has of WASI, from its first use on.
    pub wasi: Option<Box<Wasi>>,
    /// Whether the plugin may delete anybody's messages.
    pub moderates: bool,
    /// Whether the call is only compared with another, and so shows nobody anything before it ends.
    pub aside: bool,
    pub streams: Streams,
    pub done: Done,
}

/// What the call has done so far, and how much of its allowances that took.
#[derive(Default)]
pub(super) struct Done {
    pub kv: Overlay,
    pub kv_bytes: usize,
    pub sends: u32,
    pub changes: u32,
    pub http_requests: u32,
    /// Whether it did what others notice before it ends: asked somebody outside, showed or counted something.
    pub is_noticed: bool,
    pub progress: Progress,
    pub effects: Effects,
}

/// What the call has shown of messages that are not done.
#[derive(Default)]
pub(super) struct Progress {
    next_at: Option<Instant>,
    /// The messages' revisions when they were shown last.
    pub revisions: BTreeMap<String, u64>,
}

impl Progress {
    /// Whether a text of so many bytes may be shown now. It then counts as shown.
    pub(super) fn may_show(&mut self, bytes: usize, limits: &Limits) -> bool {
        let now = Instant::now();
        if self.next_at.is_some_and(|at| now < at) {
            return false;
        }
        let per_s = u64::from(limits.progress_bytes_per_s_max.max(1));
        let pause_ms = (bytes as u64).saturating_mul(1_000) / per_s;
        let pause_ms = pause_ms.max(limits.progress_interval_ms_min.into());
        self.next_at = Some(now + Duration::from_millis(pause_ms));
        true
    }
}

impl State {
    /// What the call wrote, complete. There is nothing to commit for a call that may not write. The
    /// state forgets it, and whom it could ask.
    pub(super) fn finish(&mut self) -> Effects {
        self.chat = None;
        self.streams.clear();
        let mut done = std::mem::take(&mut self.done);
        if self.class.may_write() {
            done.kv.finish(&mut done.effects);
        }
        done.effects.reached_out = done.http_requests > 0;
        done.effects
    }

    /// The state for another call in an instance that has memory already.
    pub(super) fn goes_on_from(mut self, before: &mut Self) -> Self {
        self.wasi = before.wasi.take();
        if let Some(wasi) = &mut self.wasi {
            wasi.begin(&self.meter, self.now_ms, self.seed);
        }
        self.memory.used_bytes = before.memory.used_bytes;
        self.memory.meter.note_memory(self.memory.used_bytes);
        self.streams.goes_on_from(&before.streams);
        self
    }
}

/// Memory of a call: a component may have several memories and tables, and only their sum says
/// what it costs.
pub(super) struct MemoryUse {
    meter: Arc<Meter>,
    used_bytes: usize,
    bytes_max: usize,
    instances_max: usize,
    memories_max: usize,
    tables_max: usize,
    /// What the growth under way adds, in case it fails.
    last_growth_bytes: usize,
}

impl MemoryUse {
    pub(super) fn new(meter: Arc<Meter>, limits: &Limits) -> Self {
        Self {
            meter,
            used_bytes: 0,
            bytes_max: limits.memory_bytes_max as usize,
            instances_max: limits.core_instances_max as usize,
            memories_max: limits.memories_max as usize,
            tables_max: limits.tables_max as usize,
            last_growth_bytes: 0,
        }
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    fn grow(&mut self, more_bytes: usize) -> wasmtime::Result<bool> {
        let wanted_bytes = self.used_bytes.saturating_add(more_bytes);
        if wanted_bytes > self.bytes_max {
            return Err(Limit::Memory { wanted_bytes }.into());
        }
        self.used_bytes = wanted_bytes;
        self.last_growth_bytes = more_bytes;
        self.meter.note_memory(wanted_bytes);
        Ok(true)
    }

    /// A growth within our limit that the guest's own maximum forbids: the guest learns of it as
    /// the standard has it.
    fn take_back(&mut self) {
        self.used_bytes -= self.last_growth_bytes;
        self.last_growth_bytes = 0;
    }
}

impl ResourceLimiter for MemoryUse {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(desired.saturating_sub(current))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        self.grow(more.saturating_mul(size_of::<usize>()))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances_max
    }

    fn memories(&self) -> usize {
        self.memories_max
    }

    fn tables(&self) -> usize {
        self.tables_max
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use wasmtime::ResourceLimiter;

    use super::MemoryUse;
    use crate::plugins::Limits;
    use crate::plugins::meter::Meter;

    #[test]
    fn memories_and_tables_count_together() {
        let limits = Limits {
            memory_bytes_max: 1 << 20,
            ..Limits::default()
        };
        let meter = Arc::new(Meter::new(Duration::from_secs(1), &limits));
        let mut memory = MemoryUse::new(Arc::clone(&meter), &limits);
        assert!(memory.memory_growing(0, 512 << 10, None).unwrap());
        assert!(memory.table_growing(0, 64 << 10, None).unwrap());
        assert!(
            memory
                .table_growing(64 << 10, (64 << 10) + 1, None)
                .is_err()
        );
        assert_eq!(meter.usage(Duration::ZERO).memory_peak_bytes, 1 << 20);
    }

    #[test]
    fn a_growth_that_fails_is_not_counted() {
        let limits = Limits {
            memory_bytes_max: 1 << 20,
            ..Limits::default()
        };
        let meter = Arc::new(Meter::new(Duration::from_secs(1), &limits));
        let mut memory = MemoryUse::new(meter, &limits);
        assert!(memory.memory_growing(0, 1 << 20, None).unwrap());
        memory
            .memory_grow_failed(wasmtime::Error::msg("maximum"))
            .unwrap();
        assert!(memory.memory_growing(0, 1 << 20, None).unwrap());
    }
}
