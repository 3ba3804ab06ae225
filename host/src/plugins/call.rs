//! Runs one call: admission, a fresh instance, the hook, the outcome. Nothing that a guest does
//! gets past its budget, and the store goes with the call, so nothing is left for the next one.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::timeout_at;
use wasmtime::component::Instance;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::counters::Counters;
use super::effects::Effects;
use super::engine::Engine;
use super::fault::{Fault, FaultKind, Limit, LogLine, Usage, classify};
use super::grants::Permission;
use super::imports::Chat;
use super::interfaces::Hooks;
use super::link::Linked;
use super::meter::Meter;
use super::output::Returned;
use super::slots::{Slot, Slots};
use super::state::{Class, Done, MemoryUse, State};
use super::types::Context;

/// A plugin enabled for one app: code, settings and counters. Cheap to make; kept between calls.
pub struct Install {
    pub(super) engine: Arc<Engine>,
    pub(super) linked: Arc<Linked>,
    config: Arc<str>,
    counters: Arc<Counters>,
    slots: Arc<Slots>,
}

impl Install {
    /// Makes an install callable. `app` and `id` are unique in the process's world; `config` is a
    /// JSON object that fits the manifest's schema.
    pub fn new(
        engine: &Arc<Engine>,
        linked: &Arc<Linked>,
        app: &str,
        id: &str,
        config: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            engine: Arc::clone(engine),
            linked: Arc::clone(linked),
            config: config.into(),
            counters: engine.counters(id),
            slots: engine.app_slots(app),
        }
    }

    /// The hooks that may be called.
    pub fn hooks(&self) -> Hooks {
        self.linked.inspection.hooks
    }
}

/// What every call needs: whose plugin, on what app, and when, where and by whom.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Whose plugin it is.
    pub install: &'a Install,
    /// What it may see and write; asked only while the call runs.
    pub chat: &'a Arc<dyn Chat>,
    /// Goes to the plugin; `now_ms` is the call's time for counters and timers too.
    pub context: &'a Context,
}

/// A call that gave a result.
pub struct Output<T> {
    /// What the hook returned, within the limits for it.
    pub value: T,
    /// What the call wrote; empty unless it was a handler that succeeded.
    pub effects: Effects,
    /// What the call took.
    pub usage: Usage,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
}

/// Runs `hook` on a fresh instance.
pub(super) async fn run<T: Returned>(
    call: Call<'_>,
    class: Class,
    hook: impl AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
) -> Result<Output<T>, Fault> {
    let install = call.install;
    let limits = &install.engine.limits;
    let meter = Arc::new(Meter::new(class.budget(limits).cpu));
    let state = State {
        class,
        limits: Arc::clone(limits),
        memory: MemoryUse::new(Arc::clone(&meter), limits),
        meter: Arc::clone(&meter),
        config: Arc::clone(&install.config),
        counters: Arc::clone(&install.counters),
        chat: Some(Arc::clone(call.chat)),
        now_ms: call.context.now_ms,
        moderates: install.linked.grants.contains(Permission::ChatModerate),
        done: Done::default(),
    };
    let linked = &install.linked;
    let (mut value, effects, usage) =
        execute(&install.engine, Some(&install.slots), linked, state, hook).await?;
    let log = meter.take_log();
    if let Err(detail) = value.check(limits) {
        let kind = FaultKind::BadOutput;
        return Err(Fault {
            kind,
            detail,
            usage,
            log,
        });
    }
    Ok(Output {
        value,
        effects,
        usage,
        log,
    })
}

/// The part that a probe shares with a call.
pub(super) async fn execute<T>(
    engine: &Engine,
    app: Option<&Slots>,
    linked: &Linked,
    state: State,
    hook: impl AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
) -> Result<(T, Effects, Usage), Fault> {
    let began = Instant::now();
    let class = state.class;
    let deadline = began + class.budget(&engine.limits).wall;
    let meter = Arc::clone(&state.meter);
    let fault = |kind, detail| Fault {
        kind,
        detail,
        usage: meter.usage(began.elapsed()),
        log: meter.take_log(),
    };
    let _slots = match timeout_at(deadline.into(), admit(engine, app, class)).await {
        Ok(Ok(slots)) => slots,
        Ok(Err(whose)) => {
            return Err(fault(
                FaultKind::Overloaded,
                format!("too many calls wait {whose}"),
            ));
        }
        Err(_) => {
            return Err(fault(
                FaultKind::Overloaded,
                "no slot became free in time".into(),
            ));
        }
    };
    let _running = engine.ticker.run();
    let mut guest = pin!(async move {
        let mut store = store(engine, state);
        let instance = linked.pre.instantiate_async(&mut store).await?;
        let value = hook(&mut store, &instance).await?;
        wasmtime::Result::Ok((value, store.into_data().into_effects()))
    });
    let polled = poll_fn(|task| meter.poll(|| guest.as_mut().poll(task)));
    match timeout_at(deadline.into(), polled).await {
        Ok(Ok((value, effects))) => Ok((value, effects, meter.usage(began.elapsed()))),
        Ok(Err(error)) => {
            let (kind, detail) = classify(&error);
            Err(fault(kind, detail))
        }
        Err(_) => Err(fault(
            FaultKind::WallTimeout,
            "the call was not done in time".into(),
        )),
    }
}

/// The app's slot first: who waits for it holds nothing that others need.
async fn admit<'a>(
    engine: &'a Engine,
    app: Option<&'a Slots>,
    class: Class,
) -> Result<(Option<Slot<'a>>, Slot<'a>), &'static str> {
    let app = match app {
        Some(slots) => Some(
            slots
                .enter(class.is_on_send_path())
                .await
                .map_err(|_| "for this app")?,
        ),
        None => None,
    };
    let any = engine
        .slots
        .enter(class.is_on_send_path())
        .await
        .map_err(|_| "for this host")?;
    Ok((app, any))
}

fn store(engine: &Engine, state: State) -> Store<State> {
    let limits = Arc::clone(&state.limits);
    let mut store = Store::new(&engine.wasm, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(limits.host_call_bytes_max as usize);
    store.set_max_component_handles(limits.handles_max as usize);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(on_tick);
    store
}

/// Once a tick, from within the guest: ends it when its CPU time is used up, and otherwise lets the
/// thread's other tasks have a turn, the call's timeout among them.
fn on_tick(store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    if store.data().meter.is_spent() {
        return Err(Limit::Cpu.into());
    }
    Ok(UpdateDeadline::Yield(1))
}
