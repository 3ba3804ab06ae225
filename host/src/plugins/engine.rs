//! The one wasmtime engine of the process: its configuration, its pool of memories and stacks, its
//! clock and its admission. Settings that matter for safety: only proposals that plugins need, one
//! compiler, stacks zeroed between calls, and a pool in which every call that is let in finds room.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, Weak};

use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy,
};

use super::compiler::Compiler;
use super::component::{Digest, Inspected};
use super::counters::Counters;
use super::figures::Figures;
use super::grants::Grants;
use super::kept::Kept;
use super::lane::Threads;
use super::limits::Limits;
use super::link::Linked;
use super::slots::{AllSlots, Slots};
use super::ticker::{self, Ticker};
use crate::shared::Shared;

/// Tables are small; a free slot keeps this much for its next call.
const WARM_TABLE_BYTES: usize = 64 << 10;

/// What a host function's own frames may take of the stack, beside the guest's. Host functions run
/// on the guest's stack, down to the chat layer and to the guards of what a plugin sends.
const HOST_STACK_BYTES: usize = 1536 << 10;

/// The part of a stack that a call usually touches. Zeroed by hand, the rest by the kernel.
const WARM_STACK_BYTES: usize = 16 << 10;

/// A memory's first content that is mostly zeros is an image, which is mapped, up to this size, and else written
/// piece by piece for each instance.
const SPARSE_IMAGE_BYTES_MAX: u64 = 1 << 20;

/// The plugin engine; one for each process.
pub struct Engine {
    pub(super) wasm: wasmtime::Engine,
    pub(super) limits: Arc<Limits>,
    pub(super) ticker: Ticker,
    pub(super) slots: AllSlots,
    /// For what is no install's.
    pub(super) own_slots: Slots,
    pub(super) lane_threads: Threads,
    pub(super) kept: Arc<Kept>,
    /// For versions that are only compared with others.
    pub(super) kept_aside: Arc<Kept>,
    pub(super) compiler: Option<Compiler>,
    counters: Shared<Arc<str>, Counters>,
    figures: Shared<Arc<str>, Figures>,
    pub(super) inspected: Mutex<Inspected>,
    pub(super) linked: Mutex<HashMap<(Digest, Grants), Weak<Linked>>>,
}

impl Engine {
    /// Starts an engine: reserves the pool's address space and starts the clock's thread.
    /// It compiles in this process, and keeps no code.
    /// Fails if the limits are nonsense or this machine has no room for them.
    pub fn start(limits: Limits) -> io::Result<Arc<Self>> {
        Self::start_with(limits, None)
    }

    /// The same with a compiler.
    pub fn start_with(limits: Limits, compiler: Option<Compiler>) -> io::Result<Arc<Self>> {
        let faults = limits.faults();
        if !faults.is_empty() {
            return Err(io::Error::other(faults.join("; ")));
        }
        let wasm = wasmtime::Engine::new(&config(&limits))
            .map_err(|error| io::Error::other(format!("{error:#}")))?;
        let ticker = ticker::start(wasm.weak())?;
        let slots = AllSlots::new(&limits);
        let aside = limits.aside_calls_max;
        let lane_threads = Threads::start(limits.long_calls_max)?;
        Ok(Arc::new(Self {
            wasm,
            kept: Arc::new(Kept::new(&limits, limits.kept_instances_max)),
            own_slots: slots.of_host(),
            kept_aside: Arc::new(Kept::new(&limits, aside)),
            compiler,
            limits: Arc::new(limits),
            ticker,
            slots,
            lane_threads,
            counters: Shared::default(),
            figures: Shared::default(),
            inspected: Mutex::default(),
            linked: Mutex::default(),
        }))
    }

    /// The engine's limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The counters of an install. They outlive a change of its version or config, and go with the last
    /// [`Install`](super::Install) of that name.
    pub fn counters(&self, install: &str) -> Arc<Counters> {
        let max = self.limits.counters_max;
        self.counters
            .get_or_make(install.into(), || Counters::new(max))
    }

    /// The figures of an install, for as long.
    pub fn figures(&self, install: &str) -> Arc<Figures> {
        let max = self.limits.metrics_max;
        self.figures
            .get_or_make(install.into(), || Figures::new(max))
    }
}

fn config(limits: &Limits) -> Config {
    let mut config = code_config(limits);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    config
}

/// All of it that changes the code of components.
pub(super) fn code_config(limits: &Limits) -> Config {
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift);
    config.cranelift_opt_level(OptLevel::Speed);
    // A compilation takes one core at most: others have calls to serve.
    config.parallel_compilation(false);
    config.epoch_interruption(true);
    // Costs a call a third of its time, for concurrency within a component that nobody uses.
    config.concurrency_support(false);
    config.max_wasm_stack(limits.stack_bytes_max as usize);
    config.async_stack_size(limits.stack_bytes_max as usize + HOST_STACK_BYTES);
    config.async_stack_zeroing(true);
    proposals(&mut config);
    // A small reservation lets many slots live in little address space, and makes the compiler
    // emit bounds checks that speculation can't pass.
    config.memory_reservation(limits.memory_bytes_max.into());
    config.memory_reservation_for_growth(0);
    config.memory_may_move(false);
    // An image with more zeros than content is only made up to this size: two bytes far apart in each of a
    // hundred modules would be gigabytes of code.
    config.memory_guaranteed_dense_image_size(SPARSE_IMAGE_BYTES_MAX);
    config
}

/// What `scan` lets through, and one that it doesn't: the code between the components of a component,
/// which the compiler makes itself, may see the memories of both. Threads and exceptions are not compiled in.
fn proposals(config: &mut Config) {
    config.wasm_component_model(true);
    config.wasm_simd(true);
    config.wasm_relaxed_simd(false);
    config.wasm_memory64(false);
    config.wasm_multi_memory(true);
    config.wasm_tail_call(false);
    config.wasm_gc(false);
    config.shared_memory(false);
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    // Those that run or wait for long, and those that are kept for later.
    let live = limits
        .concurrent_calls_max
        .saturating_add(limits.stream_calls_max)
        .saturating_add(limits.kept_instances_max)
        .saturating_add(limits.aside_calls_max.saturating_mul(2))
        .max(1);
    let mut pool = PoolingAllocationConfig::new();
    // The totals hold the largest component in each of them.
    pool.total_component_instances(live)
        .total_core_instances(live.saturating_mul(limits.core_instances_max))
        .total_memories(live.saturating_mul(limits.memories_max))
        .total_tables(live.saturating_mul(limits.tables_max))
        .total_stacks(live)
        .max_core_instances_per_component(limits.core_instances_max)
        .max_memories_per_component(limits.memories_max)
        .max_tables_per_component(limits.tables_max)
        .max_tables_per_module(limits.tables_max)
        .max_memories_per_module(1)
        .max_memory_size(limits.memory_bytes_max as usize)
        .table_elements(limits.table_elements_max as usize)
        .max_unused_warm_slots(limits.warm_slots_max)
        .async_stack_keep_resident(WARM_STACK_BYTES);
    // Only a kernel that tells dirty pages makes it pay to keep memory: without, all of it would be
    // overwritten after each call, which takes longer than mapping it anew.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(limits.warm_slot_bytes_max as usize)
            .table_keep_resident(WARM_TABLE_BYTES);
    }
    pool
}
